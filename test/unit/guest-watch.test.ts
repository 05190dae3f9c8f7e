import { describe, expect, it } from "vitest";
import { RefusedError } from "../../agent/guest/client.ts";
import { pathSegments, valueOfPath } from "../../agent/guest/document-path.ts";
import { LostError } from "../../agent/guest/lost.ts";
import type { GateAnswer, GateRequest } from "../../agent/guest/transport.ts";
import { watchChanges } from "../../agent/guest/watch.ts";
import { type Look, WatchSource } from "../../agent/guest/watch-source.ts";
import { hurriedClock } from "../support/hurried-clock.ts";

const gave = (status: number, body = "", headers: Record<string, string> = {}): GateAnswer => ({
  status,
  statusText: "",
  headers,
  body,
});
const value = (text: string, held = true): Look => ({ state: { kind: "present", text, isText: true }, held });
const same: Look = { state: { kind: "same" }, held: true };
const absent: Look = { state: { kind: "absent" }, held: true };

/** Watches these looks, one after another, then stops; each may take some time. */
async function watched(looks: readonly (Look | Error)[], tookMs = 0) {
  const clock = hurriedClock();
  const stopper = new AbortController();
  const told: string[] = [];
  const log: string[] = [];
  const rest = [...looks];
  let spent = 0;
  await watchChanges({
    next: async () => {
      spent += tookMs;
      const look = rest.shift();
      if (rest.length === 0) stopper.abort();
      if (look instanceof Error) throw look;
      return look ?? same;
    },
    render: ({ text }) => text,
    tell: (text) => told.push(text),
    log: (line) => log.push(line),
    clock: { ...clock, elapsed: () => clock.elapsed() + spent },
    random: () => 0.5,
    stop: stopper.signal,
  });
  return { told, log, waits: clock.waits };
}

describe("onegate watch", () => {
  it("tells the state at first, then each change, and nothing twice", async () => {
    const { told, log } = await watched([value("a"), same, value("b"), value("b"), same, value("a"), same]);
    expect(told).toEqual(["a", "b", "a"]);
    expect(log).toEqual([]);
  });

  it("tells nothing while there is nothing, and what appears again", async () => {
    expect((await watched([absent, same, value("a"), absent, value("a"), same])).told).toEqual(["a", "a"]);
  });

  it("outlives failures, says so once, and does not tell again what has not changed", async () => {
    const lost = new LostError("OneGate cannot be reached.", { sent: true });
    const { told, log, waits } = await watched([
      value("a"),
      lost,
      new RefusedError(gave(503, "Later.")),
      lost,
      value("a"),
      value("b"),
      same,
    ]);
    expect(told).toEqual(["a", "b"]);
    expect(log).toEqual([
      "OneGate cannot be reached. It is asked again until it answers.",
      "OneGate answers again.",
    ]);
    expect(waits.slice(1, 4)).toEqual([375, 750, 1500]);
  });

  it("waits as long as a limit asks for", async () => {
    const limited = new RefusedError(gave(429, "Slower.", { "retry-after": "30" }));
    expect((await watched([limited, value("a"), same])).waits[0]).toBe(31_500);
  });

  it("ends with what no waiting changes", async () => {
    await expect(watched([new RefusedError(gave(401, "Not authorized")), same])).rejects.toThrow(
      "Not authorized",
    );
    const untrusted = new LostError("untrusted", { sent: false, lasting: true });
    await expect(watched([untrusted, same])).rejects.toThrow("untrusted");
  });

  it("asks a server that cannot hold answers every five seconds, and says so once", async () => {
    const { told, log, waits } = await watched([
      value("a", false),
      value("a", false),
      value("b", false),
      same,
    ]);
    expect({ told, waits }).toEqual({ told: ["a", "b"], waits: [5000, 5000, 5000] });
    expect(log).toEqual(["This server does not tell changes as they come: it is asked every 5 s."]);
  });

  it("asks less and less often a server that says it holds answers and does not", async () => {
    const { waits } = await watched([value("a"), ...Array.from({ length: 9 }, () => same)]);
    expect(waits).toEqual([100, 100, 100, 250, 500, 1000, 2000, 4000, 5000]);
    const holding = await watched([value("a"), same, same, same, same, same], 30_000);
    expect(holding.waits).toEqual([]);
  });
});

/** A source before these answers, and what it asked. */
function source(segments: readonly string[], answers: readonly GateAnswer[]) {
  const asked: string[] = [];
  const transport = async ({ path, headers }: GateRequest): Promise<GateAnswer> => {
    asked.push([path, headers?.["If-None-Match"]].filter(Boolean).join(" "));
    return answers[asked.length - 1] ?? gave(500);
  };
  const stop = new AbortController().signal;
  const watch = new WatchSource({ transport, document: "/vm", query: {}, segments, waitS: 30, stop });
  return { next: () => watch.next(), asked };
}

describe("what is watched", () => {
  const tag = (etag: string) => ({ etag });

  it("is asked for with the ETag that is known, to be held until it changes", async () => {
    const { next, asked } = source(
      [],
      [gave(200, "{}", tag('"1"')), gave(304), gave(200, "[]", tag('"2"')), gave(304)],
    );
    const states = [await next(), await next(), await next(), await next()].map(({ state }) => state.kind);
    expect(states).toEqual(["present", "same", "present", "same"]);
    expect(asked).toEqual(["/vm", '/vm?wait=30 "1"', '/vm?wait=30 "1"', '/vm?wait=30 "2"']);
  });

  it("is waited for on its document while it is not there, and nothing is missed between", async () => {
    const missing = gave(404, "None.");
    const { next, asked } = source(
      ["USER_TEMPLATE", "A b"],
      [
        missing,
        ...[gave(200, "{}", tag('"d1"')), missing],
        gave(304),
        ...[gave(200, "{}", tag('"d2"')), gave(200, "x", { etag: '"x"', "content-type": "text/plain" })],
        gave(304),
        missing,
      ],
    );
    const kinds: string[] = [];
    for (let round = 0; round < 6; round += 1) kinds.push((await next()).state.kind);
    expect(kinds).toEqual(["absent", "absent", "same", "present", "same", "absent"]);
    const path = "/vm/USER_TEMPLATE/A%20b";
    expect(asked).toEqual([
      path,
      "/vm",
      path,
      '/vm?wait=30 "d1"',
      '/vm?wait=30 "d1"',
      path,
      `${path}?wait=30 "x"`,
      `${path}?wait=30 "x"`,
    ]);
  });

  it("is found in the document where the server knows no paths", async () => {
    const document = gave(200, '{"VM":{"A":{"B":"x"}}}');
    const unknown = gave(400, "OneGate server doesn't support this feature");
    const { next, asked } = source(["A", "B"], [unknown, document, gave(200, '{"VM":{}}')]);
    expect([await next(), await next(), await next()]).toEqual([
      same,
      value("x", false),
      { ...absent, held: false },
    ]);
    expect(asked).toEqual(["/vm/A/B", "/vm", "/vm"]);
  });

  it("is refused with the server's words", async () => {
    await expect(source([], [gave(404, "VM 9 not found")]).next()).rejects.toThrow("VM 9 not found");
    await expect(source(["A"], [gave(401, "Not authorized")]).next()).rejects.toThrow("Not authorized");
  });
});

describe("a path into a document", () => {
  const document = {
    VM: {
      NAME: "x",
      T: { NIC: [{ NAME: "NIC0", IP: "10.0.0.1" }] },
      none: null,
      roles: [{ name: "web", state: 2, nodes: [] }],
    },
  };

  it.each([
    ["NAME", "x"],
    ["T/NIC/0/IP", "10.0.0.1"],
    ["T/NIC/NIC0/IP", "10.0.0.1"],
    ["/roles/web/state/", "2"],
    ["T/NIC/0", '{"NAME":"NIC0","IP":"10.0.0.1"}'],
    ["roles/web/nodes", "[]"],
    ["none", ""],
    ["T/NIC/00", undefined],
    ["T/NIC/1", undefined],
    ["NAME/length", undefined],
    ["constructor", undefined],
    ["T/NIC/length", undefined],
    ["__proto__/toString", undefined],
  ])("%s leads to %j", (path, text) => {
    expect(valueOfPath(document, pathSegments(path))?.text).toBe(text);
  });

  it.each(["", "/", "a//b", "../x", "a/./b", "a/.."])("%j is none", (path) => {
    expect(() => pathSegments(path)).toThrow('PATH must be names with "/" between them');
  });
});
