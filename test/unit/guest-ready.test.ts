import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { RefusedError } from "../../agent/guest/client.ts";
import { reportReady } from "../../agent/guest/ready.ts";
import { reasonText } from "../../agent/guest/ready-reason.ts";
import { plainScript } from "../../agent/guest/ready-script.ts";
import { systemClock } from "../../shared/clock.ts";
import { hurriedClock } from "../support/hurried-clock.ts";
import { listening } from "../support/scripted-gate.ts";

/** How long a check may take. */
const CHECK_MS = 5000;

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "gatehouse-ready-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs the reporter; `report` fails so many times. Scripts and checks have real time, waits between tries none. */
async function ready(variables: Record<string, string>, failures = 0) {
  const { sent: _, ...rest } = await readyAndSent(variables, failures);
  return rest;
}

/** The same with what was sent. `refusal`: what the server says to the text that removes READY_REASON. */
async function readyAndSent(variables: Record<string, string>, failures = 0, refusal?: RefusedError) {
  const waits = hurriedClock();
  const said: string[] = [];
  const sent: string[] = [];
  let reports = 0;
  const code = await reportReady({
    variables: { PATH: process.env.PATH, REPORT_READY: "YES", ...variables },
    clock: {
      now: systemClock.now,
      elapsed: systemClock.elapsed,
      after: (ms, work) => (ms >= 3_600_000 || ms === CHECK_MS ? systemClock : waits).after(ms, work),
    },
    stop: new AbortController().signal,
    report: async (text) => {
      reports += 1;
      sent.push(text);
      if (refusal !== undefined && text.includes("READY_REASON")) throw refusal;
      if (reports <= failures) throw new Error("Not authorized");
    },
    reportFailure: async (text) => sent.push(text),
    erase: async (name) => sent.push(`erase ${name}`),
    out: (line) => said.push(line),
    err: (line) => said.push(line),
  });
  return { code, said, reports, waits: waits.waits, sent };
}

const counting = (name: string, succeedsAt: number): string => {
  const file = join(directory, name);
  writeFileSync(file, "");
  return `echo tried >> ${file}; [ $(wc -l < ${file}) -ge ${succeedsAt} ]`;
};

describe("the READY reporter", () => {
  it.each(["NO", "yes", "", "YES "])("does nothing when REPORT_READY is %j", async (REPORT_READY) => {
    expect(await ready({ REPORT_READY })).toEqual({ code: 0, said: [], reports: 0, waits: [] });
  });

  it("reports once and says so", async () => {
    expect(await ready({})).toEqual({ code: 0, said: ["Reported READY"], reports: 1, waits: [] });
  });

  it("tries three times, ten seconds apart", async () => {
    const { code, reports, waits } = await ready({}, 2);
    expect({ code, reports, waits }).toEqual({ code: 0, reports: 3, waits: [10_000, 10_000] });
    const failed = await ready({}, 9);
    expect(failed).toMatchObject({ code: 1, reports: 3 });
    expect(failed.said.slice(0, 2)).toEqual(["ERROR: \nNot authorized", "Failed to report READY"]);
  });

  it("takes RETRY_COUNT and RETRY_WAIT_PERIOD from the context", async () => {
    const { reports, waits } = await ready({ RETRY_COUNT: "2", RETRY_WAIT_PERIOD: "4" }, 9);
    expect({ reports, waits }).toEqual({ reports: 2, waits: [4000] });
    await expect(ready({ RETRY_COUNT: "many" })).rejects.toThrow("RETRY_COUNT must be a number");
  });

  it("reports only after READY_SCRIPT succeeds, in plain text or base64", async () => {
    const plain = await ready({ READY_SCRIPT: counting("plain", 2) });
    expect(plain).toMatchObject({
      code: 0,
      said: ["The ready script ended with exit code 1", "Reported READY"],
      waits: [10_000],
    });
    const packed = Buffer.from(counting("packed", 1)).toString("base64");
    expect(await ready({ READY_SCRIPT: packed })).toMatchObject({ code: 0, reports: 1 });
    expect(readFileSync(join(directory, "packed"), "utf8")).toBe("tried\n");
    expect(await ready({ READY_SCRIPT: "false" })).toMatchObject({ code: 1, reports: 0 });
  });

  it("gives the script the variables of the context, but none too large to be carried", async () => {
    const variables = { WORD: "hello", HUGE: "x".repeat(200_000) };
    const READY_SCRIPT = '[ "$WORD" = hello ] && [ -z "$HUGE" ]';
    expect(await ready({ ...variables, READY_SCRIPT })).toMatchObject({ code: 0 });
  });

  it("prefers READY_SCRIPT_PATH, executable or not, and ends at once where it is missing", async () => {
    const path = join(directory, "check");
    writeFileSync(path, "#!/bin/sh\nexit 0\n");
    expect(await ready({ READY_SCRIPT_PATH: path, READY_SCRIPT: "false" })).toMatchObject({ code: 0 });
    chmodSync(path, 0o755);
    expect(await ready({ READY_SCRIPT_PATH: path })).toMatchObject({ code: 0 });
    expect(await ready({ READY_SCRIPT_PATH: `${path}.no` })).toEqual({
      code: 1,
      said: [`${path}.no does not exist`],
      reports: 0,
      waits: [],
    });
  });
});

describe("the checks built into the READY reporter", () => {
  /** Once, without a wait. */
  const once = (variables: Record<string, string>) => readyAndSent({ RETRY_COUNT: "1", ...variables });
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    servers.push(server);
    return `127.0.0.1:${(await listening(server)).port}`;
  }
  const YES = { code: 0, said: ["Reported READY"], sent: ["READY=YES\nREADY_REASON=[]"] };
  const no = (reason: string) => ({ code: 1, sent: [`READY=NO\nREADY_REASON="${reason}"`] });

  it("a TCP port answers, here or elsewhere, and all of several", async () => {
    const host = await serve(() => undefined);
    const [, port = ""] = host.split(":");
    expect(await once({ READY_TCP: port })).toMatchObject(YES);
    expect(await once({ READY_TCP: `${host}, localhost:${port}` })).toMatchObject(YES);
    expect(await once({ READY_TCP: `${port} 127.0.0.1:1` })).toMatchObject(
      no("TCP port 127.0.0.1:1 does not answer: connection refused."),
    );
  });

  it("an HTTP address gives 2xx: no other status, no redirection, and no secret of it is told", async () => {
    const host = await serve((request, response) => {
      response.writeHead(Number(request.url?.slice(1, 4)), { Location: "/200" }).end();
    });
    expect(await once({ READY_HTTP: `http://${host}/200?key=s3cret` })).toMatchObject(YES);
    expect(await once({ READY_HTTP: `http://${host}/204 http://${host}/200` })).toMatchObject(YES);
    for (const status of [302, 404, 503]) {
      const { sent, code } = await once({ READY_HTTP: `http://me:s3cret@${host}/${status}?key=s3cret` });
      expect({ sent, code }).toEqual(no(`http://${host}/${status} answers ${status}.`));
    }
    expect(await once({ READY_HTTP: "http://127.0.0.1:1/" })).toMatchObject(
      no("http://127.0.0.1:1/ does not answer: connection refused."),
    );
  });

  it("a file exists", async () => {
    const READY_FILE = join(directory, "a file");
    expect(await once({ READY_FILE })).toMatchObject(no(`The file ${READY_FILE} does not exist.`));
    writeFileSync(READY_FILE, "");
    expect(await once({ READY_FILE })).toMatchObject(YES);
  });

  it("a systemd unit is active", async () => {
    const bin = join(directory, "bin");
    mkdirSync(bin);
    const script = '#!/bin/sh\n[ "$*" = "is-active --quiet -- nginx.service" ] || exit 3\n';
    writeFileSync(join(bin, "systemctl"), script, { mode: 0o755 });
    const PATH = `${bin}:${process.env.PATH}`;
    expect(await once({ PATH, READY_UNIT: "nginx.service" })).toMatchObject(YES);
    expect(await once({ PATH, READY_UNIT: "nginx.service,other" })).toMatchObject(
      no("The unit other is not active."),
    );
    expect((await once({ PATH: bin, READY_UNIT: "other" })).sent).toEqual(
      no("The unit other is not active.").sent,
    );
    const { sent } = await once({ PATH: directory, READY_UNIT: "nginx.service" });
    expect(sent[0]).toMatch(/READY_REASON="systemctl is-active nginx\.service .*ENOENT/);
  });

  it("all that fail are told together, before the script is run, and again at each try", async () => {
    const counted = counting("after-checks", 1);
    const { said, sent, waits } = await readyAndSent({
      READY_TCP: "127.0.0.1:1",
      READY_FILE: "/nowhere",
      READY_SCRIPT: counted,
      RETRY_COUNT: "2",
    });
    const reason =
      "TCP port 127.0.0.1:1 does not answer: connection refused; the file /nowhere does not exist";
    expect(said).toEqual([reason, reason, "Reported not READY"]);
    expect(sent).toEqual(no(`${reason}.`).sent);
    expect(waits).toEqual([10_000]);
    expect(readFileSync(join(directory, "after-checks"), "utf8")).toBe("");
    const failed = await once({ READY_FILE: directory, READY_SCRIPT: "exit 4" });
    expect(failed).toMatchObject(no("The ready script ended with exit code 4."));
  });

  it("tells READY=NO only of checks that the original does not know, or when told to", async () => {
    expect(await once({ READY_SCRIPT: "false" })).toMatchObject({ code: 1, sent: [] });
    expect(await once({ READY_SCRIPT: "false", REPORT_READY_FAILURE: "YES" })).toMatchObject(
      no("The ready script ended with exit code 1."),
    );
    expect(await once({ READY_FILE: "/nowhere", REPORT_READY_FAILURE: "NO" })).toMatchObject({ sent: [] });
    expect(await once({ READY_SCRIPT_PATH: "/nowhere", REPORT_READY_FAILURE: "yes" })).toMatchObject(
      no("/nowhere does not exist."),
    );
    expect(await once({})).toMatchObject({ code: 0, sent: ["READY=YES"] });
  });

  it("removes an old reason in two steps where the server takes no empty vector", async () => {
    const refusal = new RefusedError({ status: 500, statusText: "", headers: {}, body: "syntax error" });
    const { code, sent } = await readyAndSent({ READY_FILE: "/" }, 0, refusal);
    expect({ code, sent }).toEqual({
      code: 0,
      sent: ["READY=YES\nREADY_REASON=[]", "READY=YES", "erase READY_REASON"],
    });
  });

  it.each([
    ["READY_TCP", "http"],
    ["READY_TCP", "host:99999"],
    ["READY_HTTP", "ftp://me:s3cret@h/"],
    ["READY_UNIT", "a b;c"],
  ])("refuses %s=%j, and tells the cloud", async (name, value) => {
    const told: string[] = [];
    const parts = {
      variables: { REPORT_READY: "YES", [name]: value },
      clock: systemClock,
      stop: new AbortController().signal,
      report: async () => told.push("reported"),
      reportFailure: async (text: string) => told.push(text),
      erase: async () => undefined,
      out: () => undefined,
      err: () => undefined,
    };
    await expect(reportReady(parts)).rejects.toThrow(new RegExp(`^(?!.*s3cret)${name} must be`));
    expect(told).toEqual([expect.stringMatching(new RegExp(`^READY=NO\nREADY_REASON="${name} must be`))]);
  });
});

describe("a reason", () => {
  it("is one short line that every OneGate stores as it is", () => {
    expect(reasonText('a "b" [c],\\ d=e\nf.\u0007')).toBe("a 'b' (c);' d:e f.");
    const long = reasonText("é".repeat(500));
    expect([...long]).toHaveLength(200);
    expect(long.endsWith("...")).toBe(true);
  });
});

describe("a script of the context", () => {
  it.each(["true", "date", "exit 0", "test", "ping", "abcd", ""])("%j is itself", (text) => {
    expect(plainScript(text)).toBe(text);
  });

  it.each(["true", "test -f /ready && echo 'dé'\n"])("%j is found in its base64, wrapped or not", (text) => {
    const packed = Buffer.from(text).toString("base64");
    expect(plainScript(packed)).toBe(text);
    expect(plainScript(`${packed.slice(0, 5)}\n${packed.slice(5)}\n`)).toBe(text);
  });
});
