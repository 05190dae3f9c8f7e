import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reportReady } from "../../agent/guest/ready.ts";
import { plainScript } from "../../agent/guest/ready-script.ts";
import { systemClock } from "../../shared/clock.ts";
import { hurriedClock } from "../support/hurried-clock.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "gatehouse-ready-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs the reporter; `report` fails so many times. Scripts have real time, waits between tries none. */
async function ready(variables: Record<string, string>, failures = 0) {
  const waits = hurriedClock();
  const said: string[] = [];
  let reports = 0;
  const code = await reportReady({
    variables: { PATH: process.env.PATH, REPORT_READY: "YES", ...variables },
    clock: {
      now: systemClock.now,
      elapsed: systemClock.elapsed,
      after: (ms, work) => (ms >= 3_600_000 ? systemClock : waits).after(ms, work),
    },
    stop: new AbortController().signal,
    report: async () => {
      reports += 1;
      if (reports <= failures) throw new Error("Not authorized");
    },
    out: (line) => said.push(line),
    err: (line) => said.push(line),
  });
  return { code, said, reports, waits: waits.waits };
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
