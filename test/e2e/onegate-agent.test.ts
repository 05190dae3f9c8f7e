/** `onegate agent` and `onegate ready` as processes, with real executables and scripts, against a scripted server. */

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { buildBundle, GUEST_NODE, type RunningGuest, runGuest } from "../support/guest-command.ts";
import { scratchDirectory } from "../support/house.ts";
import { type ScriptedGate, scriptedGate } from "../support/scripted-gate.ts";

const UNITS = fileURLToPath(new URL("../../agent/guest/units", import.meta.url));
const scratch = scratchDirectory("agent");
let bundle = "";
let gate: ScriptedGate;
let directory = "";
let round = 0;
const WAIT = { timeout: 15_000, interval: 20 };

beforeAll(async () => {
  bundle = await buildBundle(scratch.path);
  gate = await scriptedGate();
});

beforeEach(() => {
  round += 1;
  directory = join(scratch.path, `metrics-${round}.d`);
  mkdirSync(directory);
  gate.script([200, ""]);
});

afterAll(async () => {
  await gate.close();
  scratch.remove();
});

function onegate(args: readonly string[], changes: Record<string, string> = {}): RunningGuest {
  const context = { ONEGATE_ENDPOINT: gate.url, TOKENTXT: "dG9rZW4=", VMID: "7", ...changes };
  return runGuest([GUEST_NODE, bundle, ...args], context);
}

function executable(name: string, text: string, mode = 0o755): void {
  writeFileSync(join(directory, name), text);
  chmodSync(join(directory, name), mode);
}

/** The attributes of a PUT. */
function pushed(index: number): Record<string, string> {
  const data = new URLSearchParams(gate.asked[index]?.body).get("data") ?? "";
  return Object.fromEntries(data.split("\n").map((line) => line.split(/=(.*)/s, 2)));
}

const lines = (text: string) => text.split("\n").filter((line) => line !== "");

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

describe("onegate agent", () => {
  it("pushes its own figures and those of executables in one PUT", async () => {
    executable("10-app", "#!/bin/sh\necho APP_LOAD = 9.7\necho 'MOTTO=\"a, b\"'\n");
    executable("20-who", "#!/bin/sh\necho WHO=$VMID\n");
    executable("README", "not executable", 0o644);
    executable(".hidden", "#!/bin/sh\necho HIDDEN=1\n");
    const { code, err } = await onegate(["agent", "--once", "--directory", directory]).ended;
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(gate.asked).toHaveLength(1);
    expect(gate.asked[0]).toMatchObject({ method: "PUT", url: "/vm" });
    expect(pushed(0)).toMatchObject({
      MEM_USED_PERC: expect.stringMatching(/^\d+\.\d\d$/),
      SWAP_USED_PERC: expect.stringMatching(/^\d+(\.\d\d)?$/),
      LOAD_1: expect.stringMatching(/^\d+\.\d\d$/),
      CPU_USED_PERC: expect.stringMatching(/^\d+(\.\d\d)?$/),
      APP_LOAD: "9.7",
      MOTTO: '"a, b"',
      WHO: "7",
    });
    expect(Object.keys(pushed(0))).not.toContain("HIDDEN");
  });

  it("kills a hung executable with its group, drops bad ones, and says each once", async () => {
    const child = join(scratch.path, "hung-child");
    executable("10-hung", `#!/bin/sh\necho HUNG=1\nsleep 600 & echo $! > ${child}\nwait\n`);
    executable("20-bad", "#!/bin/sh\necho GOOD=1\necho this is not good\n");
    executable("30-fails", "#!/bin/sh\necho FAILED=1\nexit 3\n");
    executable("40-floods", "#!/bin/sh\nyes A=1\n");
    executable("50-open", "#!/bin/sh\necho OPEN=1\n", 0o777);
    executable("60-no-shell", "#!/nonexistent/sh\n");
    executable("70-leaves", `#!/bin/sh\nsleep 600 &\necho LEFT=1\n`);
    const agent = onegate(["agent", "--interval", "1", "--directory", directory]);
    await gate.askedTimes(3);
    agent.child.kill("SIGTERM");
    const { code, err } = await agent.ended;
    expect(code).toBe(0);
    for (const index of [0, 1, 2]) {
      const names = Object.keys(pushed(index));
      expect(names).toEqual(expect.arrayContaining(["MEM_USED_PERC", "GOOD", "LEFT"]));
      for (const name of ["HUNG", "FAILED", "A", "OPEN"]) expect(names).not.toContain(name);
    }
    await vi.waitFor(() => expect(isAlive(Number(readFileSync(child, "utf8")))).toBe(false), WAIT);
    expect(lines(err).sort()).toEqual([
      "onegate agent: 10-hung did not end within 1 s and was killed; nothing of it is sent.",
      'onegate agent: 20-bad printed a line that is not KEY=VALUE, which is dropped: "this is not good"',
      "onegate agent: 30-fails ended with exit code 3; nothing of it is sent.",
      "onegate agent: 40-floods printed more than the 65536 bytes allowed; nothing of it is sent.",
      "onegate agent: 50-open is not run: everyone may write to it.",
      expect.stringMatching(/^onegate agent: 60-no-shell cannot be run: .*; nothing of it is sent\.$/),
    ]);
  });

  it("says a failure of the server once, and its end once", async () => {
    gate.script([503, "Later"], [503, "Later"], [200, ""]);
    const agent = onegate(["agent", "--interval", "1"]);
    await agent.says("Metrics are sent again.");
    agent.child.kill("SIGTERM");
    const { code, err } = await agent.ended;
    expect(code).toBe(0);
    expect(lines(err)).toEqual([
      "onegate agent: Metrics cannot be sent: Later",
      "onegate agent: Metrics are sent again.",
    ]);
  });

  it("stops at once when told to, whatever it waits for, and leaves nothing running", async () => {
    const child = join(scratch.path, "stopped-child");
    executable("10-slow", `#!/bin/sh\nsleep 600 & echo $! > ${child}.new; mv ${child}.new ${child}\nwait\n`);
    const running = onegate(["agent", "--interval", "3600", "--directory", directory]);
    await vi.waitFor(() => expect(existsSync(child)).toBe(true), WAIT);
    running.child.kill("SIGTERM");
    expect(await running.ended).toMatchObject({ code: 0, err: "" });
    await vi.waitFor(() => expect(isAlive(Number(readFileSync(child, "utf8")))).toBe(false), WAIT);

    gate.script("hang");
    const waiting = onegate(["agent", "--interval", "3600"]);
    await gate.askedTimes(1);
    waiting.child.kill("SIGINT");
    expect(await waiting.ended).toMatchObject({ code: 0, err: "" });
  });

  it("tells at once what it lacks, and fails when a single round fails", async () => {
    const nowhere = { CONTEXT_DIR: scratch.path, TOKENTXT: "" };
    const lacking = await onegate(["agent"], nowhere).ended;
    expect(lacking).toMatchObject({ code: 255, err: expect.stringContaining("There is no OneGate token") });
    const often = await onegate(["agent", "--interval", "0"]).ended;
    expect(often.err).toBe('ERROR: \n--interval must be a number from 1 to 86400, not "0".\n');
    gate.script([401, "Not authorized"]);
    const failed = await onegate(["agent", "--once"]).ended;
    expect(failed).toMatchObject({ code: 255, err: "ERROR: \nNot authorized\n" });
  });

  it("goes on without a directory that is not there", async () => {
    const { code, err } = await onegate(["agent", "--once", "--directory", join(directory, "none")]).ended;
    expect(code).toBe(0);
    expect(err).toMatch(/^onegate agent: The directory of executables cannot be read: ENOENT/);
    expect(pushed(0)).toHaveProperty("MEM_USED_PERC");
  });
});

describe("onegate ready", () => {
  const YES = { REPORT_READY: "YES", RETRY_WAIT_PERIOD: "0" };

  it("reports READY=YES once the script of the context succeeds", async () => {
    const file = join(directory, "check");
    const script = `echo checking; echo x >> ${file}; [ $(wc -l < ${file}) -ge 2 ]`;
    const { code, out } = await onegate(["ready"], { ...YES, READY_SCRIPT: script }).ended;
    expect({ code, out }).toEqual({ code: 0, out: "checking\nchecking\nReported READY\n" });
    expect(gate.asked).toHaveLength(1);
    expect(pushed(0)).toEqual({ READY: "YES" });
  });

  it("says nothing unless it is asked to report", async () => {
    expect(await onegate(["ready"]).ended).toEqual({ code: 0, out: "", err: "" });
    expect(gate.asked).toHaveLength(0);
  });

  it("fails after three tries", async () => {
    gate.script([401, "Not authorized"]);
    const failure = "ERROR: \nNot authorized\nFailed to report READY\n";
    expect(await onegate(["ready"], YES).ended).toEqual({ code: 1, out: "", err: failure.repeat(3) });
    expect(gate.asked).toHaveLength(3);
  });

  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("ends by %s, with its script", async (signal) => {
    const child = join(directory, "child");
    const script = `echo $$ > ${child}.new; mv ${child}.new ${child}; sleep 600; true`;
    const waiting = onegate(["ready"], { ...YES, READY_SCRIPT: script });
    await vi.waitFor(() => expect(existsSync(child)).toBe(true), WAIT);
    waiting.child.kill(signal);
    // A second one cuts nothing off.
    waiting.child.kill(signal);
    expect(await waiting.ended).toMatchObject({ code: 1 });
    await vi.waitFor(() => expect(isAlive(Number(readFileSync(child, "utf8")))).toBe(false), WAIT);
  });
});

describe("the units", () => {
  it("start commands that there are", () => {
    const starts = ["onegate-ready.service", "onegate-agent.service"].map(
      (name) => /^ExecStart=\/usr\/bin\/onegate (.+)$/m.exec(readFileSync(join(UNITS, name), "utf8"))?.[1],
    );
    expect(starts).toEqual(["ready", "agent --interval 10 --directory /etc/onegate/metrics.d"]);
  });

  it("include an rc script that does not hold the boot up", async () => {
    const stub = join(directory, "onegate");
    executable("onegate", '#!/bin/sh\necho "called $*"\n');
    const log = join(directory, "log");
    const rc = (ONEGATE: string, action: string) =>
      spawnSync("sh", [join(UNITS, "onegate-ready.rc"), action], {
        encoding: "utf8",
        env: { PATH: process.env.PATH, ONEGATE, ONEGATE_READY_LOG: log },
      });
    expect(rc(stub, "start")).toMatchObject({ status: 0, stdout: "", stderr: "" });
    await vi.waitFor(() => expect(readFileSync(log, "utf8")).toBe("called ready\n"), WAIT);
    expect(rc(stub, "stop").status).toBe(0);
    expect(rc(stub, "dance").status).toBe(2);
    expect(rc(join(directory, "none"), "start")).toMatchObject({
      status: 1,
      stderr: "ERROR: No way to signal READY=YES (onegate binary not found)\n",
    });
  });
});
