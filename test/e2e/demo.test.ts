import { chmodSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { gatehouse, type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { callHouse } from "../support/house-rpc.ts";

/** The demo's guests are real processes: what a newcomer sees, and what becomes of it through stops and crashes. */

const scratch = scratchDirectory("demo");
// Guests of a house started by root are nobody's, and must get to their files.
chmodSync(scratch.path, 0o711);
const home = path.join(scratch.path, "home");
const FIRST_TEST_MS = 60_000;
let house: HouseProcess;
let port: number;

async function start(): Promise<void> {
  house = await startHouse(home, ["--demo"], {
    GATEHOUSE_ONEGATE_PORT: String(port),
    GATEHOUSE_MONITOR_AGENTS: "local",
    GATEHOUSE_CLOUD_PROCESS_RUN_DIR: path.join(scratch.path, "guests"),
  });
}

interface ExportedVm {
  readonly VM: {
    readonly ID: string;
    readonly STATE: string;
    readonly LCM_STATE: string;
    readonly DEPLOY_ID: string;
    readonly USER_TEMPLATE: Readonly<Record<string, string>>;
  };
}

async function guests(): Promise<readonly ExportedVm["VM"][]> {
  const world: { vms: readonly ExportedVm[] } = JSON.parse(await gatehouse(["export", "--home", home]));
  return world.vms.map(({ VM }) => VM);
}

/** Looks again until it is so: what guests do, they do in their own time, and the test's time limit is the only one. */
async function eventually<T>(look: () => Promise<T>, isSo: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look();
    if (isSo(seen)) return seen;
  }
}

const isReady = (vm: ExportedVm["VM"]) => vm.LCM_STATE === "3" && vm.USER_TEMPLATE.READY === "YES";
const pidOf = (vm: ExportedVm["VM"] | undefined) => Number(vm?.DEPLOY_ID.split(":")[1]);

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

beforeAll(async () => {
  // Guests keep the endpoint they were born with, so the house must come back on its port.
  port = await freePort();
  await start();
}, FIRST_TEST_MS);

afterAll(async () => {
  await stopHouse(house);
  scratch.remove();
});

describe("the demo", () => {
  it("is a service of two roles, whose guests report READY and push a metric by themselves", {
    timeout: FIRST_TEST_MS,
  }, async () => {
    const vms = await eventually(
      guests,
      (seen) => seen.length === 3 && seen.every((vm) => isReady(vm) && vm.USER_TEMPLATE.LOAD_1 !== undefined),
    );
    expect(vms.map((vm) => [vm.ID, vm.USER_TEMPLATE.ROLE_NAME])).toEqual([
      ["0", "frontend"],
      ["1", "worker"],
      ["2", "worker"],
    ]);
    for (const vm of vms) expect(isAlive(pidOf(vm))).toBe(true);
  });

  it("shows this machine as a monitored host, and what its guests use", {
    timeout: FIRST_TEST_MS,
  }, async () => {
    const host = await eventually(
      () => callHouse(house, home, "one.host.info", 0),
      (text) => text.includes("<TOTALCPU>"),
    );
    expect(host).toContain("<STATE>2</STATE>");
    const vm = await eventually(
      () => callHouse(house, home, "one.vm.info", 0),
      (text) => /<MONITORING>.*<MEMORY>/s.test(text),
    );
    expect(vm).toMatch(/<MONITORING>.*<CPU>/s);
  });

  it("lets a guest be asked with the token that the house prints", async () => {
    const token = (await gatehouse(["token", "0", "--home", home])).trim();
    const answer = await fetch(`${house.onegate}/vm`, {
      headers: { "X-ONEGATE-TOKEN": token, "X-ONEGATE-VMID": "0" },
    });
    const { VM }: { VM: { NAME: string; USER_TEMPLATE: Record<string, string> } } = JSON.parse(
      await answer.text(),
    );
    expect(VM).toMatchObject({ NAME: "frontend_0_(service_1)", USER_TEMPLATE: { READY: "YES" } });
  });

  it("finds its guests again after kill -9, the very same processes", {
    timeout: FIRST_TEST_MS,
  }, async () => {
    const before = (await guests()).map((vm) => vm.DEPLOY_ID);
    await stopHouse(house, "SIGKILL");
    for (const deployId of before) expect(isAlive(Number(deployId.split(":")[1]))).toBe(true);
    await start();
    const after = await guests();
    expect(after.map((vm) => vm.DEPLOY_ID)).toEqual(before);
    expect(after.every((vm) => vm.LCM_STATE === "3")).toBe(true);
  });

  it("notices a guest that dies", { timeout: FIRST_TEST_MS }, async () => {
    const victim = (await guests())[1];
    process.kill(pidOf(victim), "SIGKILL");
    const seen = await eventually(guests, (vms) => vms[1]?.STATE === "8");
    expect(seen[1]?.USER_TEMPLATE.ERROR).toMatch(/\S/);
  });

  it("leaves no process behind when it is stopped, and boots its guests when it comes back", {
    timeout: FIRST_TEST_MS,
  }, async () => {
    const first = (await guests())[0];
    await stopHouse(house);
    expect(isAlive(pidOf(first))).toBe(false);
    await start();
    const vms = await eventually(
      guests,
      (seen) => seen[0] !== undefined && isReady(seen[0]) && pidOf(seen[0]) !== pidOf(first),
    );
    expect(isAlive(pidOf(vms[0]))).toBe(true);
  });
});
