import { chmodSync, existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { localAgentCommand } from "../../gateway/main/agent-executable.ts";
import { type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { callHouse } from "../support/house-rpc.ts";

/** A house that starts the real agent on its own machine: what of it is seen, and what becomes of both when one is killed. */

const scratch = scratchDirectory("monitor");
// Guests of a house started by root are nobody's, and must get to their files.
chmodSync(scratch.path, 0o711);
const home = path.join(scratch.path, "home");
const runDir = path.join(scratch.path, "guests");
/** Its sources, or what was built of them and is current. */
const AGENT = localAgentCommand()?.at(-1);
const TEST_MS = 60_000;

/** Every group of probes each second, and short waits of the daemon's. */
const QUICK = {
  GATEHOUSE_MONITOR_AGENTS: "local",
  GATEHOUSE_MONITOR_MANAGER_TIMER_S: "1",
  GATEHOUSE_MONITOR_HOST_INTERVAL_S: "3",
  GATEHOUSE_CLOUD_PROCESS_RUN_DIR: runDir,
  ...Object.fromEntries(
    ["BEACON_HOST", "SYSTEM_HOST", "MONITOR_HOST", "STATE_VM", "MONITOR_VM", "SYNC_STATE_VM"].map((name) => [
      `GATEHOUSE_MONITOR_PERIODS_${name}_S`,
      "1",
    ]),
  ),
};

let house: HouseProcess;

async function hostText(): Promise<string> {
  return await callHouse(house, home, "one.host.info", 0);
}

async function vmText(id: number): Promise<string> {
  return await callHouse(house, home, "one.vm.info", id);
}

/** Looks again until it is so: agents work in their own time, and the test's time limit is the only one. */
async function eventually<T>(look: () => Promise<T>, isSo: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look();
    if (isSo(seen)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The process that the agent's lock names. */
function agentPid(hostId = 0): number | undefined {
  const lock = path.join(home, "agents", String(hostId), "agent.pid");
  if (!existsSync(lock)) return undefined;
  const { pid }: { pid: number } = JSON.parse(readFileSync(lock, "utf8"));
  return isAlive(pid) ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function runningAgent(not?: number): Promise<number> {
  const pid = await eventually(
    async () => agentPid(),
    (seen) => seen !== undefined && seen !== not,
  );
  return pid ?? 0;
}

const TEMPLATE =
  'NAME = "guest"\nCPU = 0.1\nMEMORY = 64\nCONTEXT = [ START_SCRIPT = "#!/bin/sh\nwhile :; do :; done" ]';

/** MONITORING of a document, by name. */
function measured(text: string, name: string): string | undefined {
  const monitoring = /<MONITORING>(.*)<\/MONITORING>/s.exec(text)?.[1] ?? "";
  return new RegExp(`<${name}>(?:<!\\[CDATA\\[)?([^<\\]]*)`).exec(monitoring)?.[1];
}

beforeAll(async () => {
  house = await startHouse(home, [], QUICK);
}, TEST_MS);

afterAll(async () => {
  await stopHouse(house);
  scratch.remove();
});

describe("a house that monitors its own machine", () => {
  it("takes VMs at once, before its agent has said anything", { timeout: TEST_MS }, async () => {
    expect(await hostText()).toContain("<STATE>2</STATE>");
    expect(await callHouse(house, home, "one.vm.allocate", TEMPLATE, false)).toBe("0");
    await eventually(
      () => vmText(0),
      (text) => text.includes("<LCM_STATE>3</LCM_STATE>"),
    );
  });

  it("shows what its agent measures: the machine, and the CPU and memory of its VMs", {
    timeout: TEST_MS,
  }, async () => {
    const host = await eventually(
      hostText,
      (text) => text.includes("<TOTALCPU>") && text.includes("<USED_CPU>"),
    );
    expect(host).toMatch(/<HYPERVISOR>(<!\[CDATA\[)?process/);
    expect(host).toContain("<STATE>2</STATE>");
    const vm = await eventually(
      () => vmText(0),
      (text) => Number(measured(text, "CPU")) > 1,
    );
    expect(Number(measured(vm, "MEMORY"))).toBeGreaterThan(100);
  });

  it("gives the agent its keys on standard input alone", { timeout: TEST_MS }, async () => {
    const pid = await runningAgent();
    expect(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(-3)).toEqual([AGENT, "house", ""]);
    const names = readFileSync(`/proc/${pid}/environ`, "utf8")
      .split("\0")
      .map((line) => line.split("=")[0]);
    expect(names.filter((name) => name?.startsWith("GATEHOUSE"))).toEqual([]);
  });

  it("starts an agent again that was killed, and hears of its VMs again", { timeout: TEST_MS }, async () => {
    const before = await runningAgent();
    process.kill(before, "SIGKILL");
    const after = await runningAgent(before);
    expect(after).not.toBe(before);
    const seen = Number(measured(await vmText(0), "TIMESTAMP"));
    const vm = await eventually(
      () => vmText(0),
      (text) => Number(measured(text, "TIMESTAMP")) > seen + 1,
    );
    expect(vm).toContain("<LCM_STATE>3</LCM_STATE>");
  });

  it("is outlived by no agent when it is killed, and the next house starts another", {
    timeout: TEST_MS,
  }, async () => {
    const before = await runningAgent();
    await stopHouse(house, "SIGKILL");
    await eventually(
      async () => isAlive(before),
      (alive) => !alive,
    );
    house = await startHouse(home, [], QUICK);
    expect(await runningAgent(before)).not.toBe(before);
    const vm = await eventually(
      () => vmText(0),
      (text) => Number(measured(text, "CPU")) > 1,
    );
    expect(vm).toContain("<LCM_STATE>3</LCM_STATE>");
  });

  it("ends its agent when it is stopped", { timeout: TEST_MS }, async () => {
    const before = await runningAgent();
    await stopHouse(house);
    expect(isAlive(before)).toBe(false);
    house = await startHouse(home, [], QUICK);
  });
});
