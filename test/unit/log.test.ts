import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Clock } from "../../shared/clock.ts";
import { createLogger, type LogDetails, type LogLevel } from "../../shared/log.ts";
import { prettyLine } from "../../shared/log-line.ts";
import { isSecretName, redactText } from "../../shared/redact.ts";

const clock: Clock = {
  now: () => 1_700_000_000_123,
  elapsed: () => 1_700_000_000_123,
  after: () => () => undefined,
};
const SECRET = "s3cr3tVALUE";

function logged(details: LogDetails, message = "something happened", level: LogLevel = "info"): string {
  const lines: string[] = [];
  const log = createLogger({ level, clock, sink: { write: (line) => lines.push(line) } });
  log.info(details, message);
  return lines.join("");
}

describe("the log", () => {
  it("writes one JSON object a line, with the port's time and the level's name", () => {
    const line = logged({ vmId: 7 });
    expect(line.endsWith("\n")).toBe(true);
    expect(JSON.parse(line)).toEqual({
      level: "info",
      time: "2023-11-14T22:13:20.123Z",
      vmId: 7,
      msg: "something happened",
    });
  });

  it("writes nothing below its level", () => {
    expect(logged({}, "quiet", "warn")).toBe("");
  });

  it("keeps an error's message, stack and cause", () => {
    const line = logged({ err: new Error("outer", { cause: new TypeError("inner") }) });
    expect(JSON.parse(line).err).toMatchObject({
      type: "Error",
      message: "outer",
      stack: expect.stringContaining("log.test.ts"),
      cause: { type: "TypeError", message: "inner" },
    });
  });

  it.each<[string, LogDetails]>([
    ["a header object", { headers: { "X-ONEGATE-TOKEN": SECRET, Authorization: `Basic ${SECRET}` } }],
    ["lower-case headers", { req: { headers: { "x-onegate-token": SECRET, cookie: SECRET } } }],
    ["Headers", { headers: new Headers({ authorization: `Bearer ${SECRET}` }) }],
    ["raw headers", { rawHeaders: ["Host", "x", "X-ONEGATE-TOKEN", SECRET, "Accept", "*/*"] }],
    ["header pairs", { headers: [["x-onegate-token", SECRET]] }],
    ["a map", { all: new Map([["TOKEN_PASSWORD", SECRET]]) }],
    ["a user template", { user: { template: { TOKEN_PASSWORD: SECRET } } }],
    ["deep down", { a: { b: [{ c: { d: { passwordHash: SECRET } } }] } }],
    ["a session", { rpc: { session: `oneadmin:${SECRET}`, ONE_AUTH: `oneadmin:${SECRET}` } }],
    ["a vector", { context: { TOKENTXT: SECRET } }],
    ["a number", { password: 12345678 }],
    ["template text", { body: `NAME="a"\nTOKEN_PASSWORD = "${SECRET}"\nX="b"` }],
    ["JSON text", { body: `{"TOKENTXT": "${SECRET}", "a": 1}` }],
    ["JSON text in JSON text", { body: JSON.stringify({ body: `{"TOKENTXT":"${SECRET}"}` }) }],
    ["XML", { body: `<TEMPLATE><TOKEN_PASSWORD><![CDATA[${SECRET}]]></TOKEN_PASSWORD></TEMPLATE>` }],
    ["a header line", { head: `GET / HTTP/1.1\r\nX-ONEGATE-TOKEN: ${SECRET}\r\nHost: x` }],
    ["a digest", { head: `Authorization: Digest username="x", response="${SECRET}"` }],
    ["a query", { url: `http://x/?id=1&token=${SECRET}` }],
    ["a URL's password", { url: new URL(`http://oneadmin:${SECRET}@x/`) }],
    ["an error", { err: new Error(`bad header X-ONEGATE-TOKEN: ${SECRET}`) }],
    ["an error's field", { err: Object.assign(new Error("x"), { token: SECRET }) }],
    ["an error's cause", { err: new Error("x", { cause: { password: SECRET } }) }],
    ["bytes", { body: Buffer.from(SECRET) }],
  ])("lets no secret through in %s", (_, details) => {
    const line = logged(details);
    expect(line).not.toContain(SECRET);
    expect(line).not.toContain("12345678");
    expect(JSON.parse(line).msg).toBe("something happened");
  });

  it("lets no secret through in the message", () => {
    expect(logged({}, `token=${SECRET} refused`)).toContain("token=[redacted] refused");
  });

  it("hides the value under a secret's name wherever it stands", () => {
    const name = fc.constantFrom(
      "X-ONEGATE-TOKEN",
      "authorization",
      "TOKEN_PASSWORD",
      "TokenTxt",
      "one_session",
    );
    const wrap = fc.array(fc.oneof(fc.constant("list"), fc.stringMatching(/^[a-z]{1,8}$/)), { maxLength: 6 });
    fc.assert(
      fc.property(name, wrap, (secretName, path) => {
        const inner: unknown = { [secretName]: SECRET };
        const details = path.reduce<unknown>(
          (value, key) => (key === "list" ? [value] : { [key]: value }),
          inner,
        );
        expect(logged({ details })).not.toContain(SECRET);
      }),
    );
  });

  it("keeps what only sounds alike", () => {
    expect(isSecretName("token_count")).toBe(false);
    expect(isSecretName("tokenized")).toBe(false);
    expect(redactText("the token is 5 bytes, author: me")).toBe("the token is 5 bytes, author: me");
  });

  it("never throws, and bounds what it writes", () => {
    const circle: Record<string, unknown> = { big: 1n, f: () => 1, s: Symbol("x"), d: new Date(Number.NaN) };
    circle.self = circle;
    circle.wide = Array.from({ length: 100_000 }, (_, at) => ({ at }));
    circle.long = "x".repeat(1_000_000);
    Object.defineProperty(circle, "trap", {
      enumerable: true,
      get: () => {
        throw new Error("no");
      },
    });
    expect(logged({ circle }).length).toBeLessThan(200_000);
    expect(JSON.parse(logged(circle))).toMatchObject({ details: "[unreadable]" });
  });
});

describe("a line for people", () => {
  it("holds time, level, message and details", () => {
    expect(prettyLine(logged({ vmId: 7, name: "a b" }))).toBe(
      '22:13:20.123 INFO  something happened vmId=7 name="a b"\n',
    );
  });

  it("stays one line, whatever a guest calls itself", () => {
    const line = prettyLine(logged({ name: "a\u001b[2J\u202eb\u0085c\nd" }, "x\u001b]0;y\u0007\nz"));
    expect(line.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it("passes what is no record", () => {
    expect(prettyLine("plain\n")).toBe("plain\n");
  });
});
