/** kill -9 of a house with real guests that run, deploy and shut down: after each start the VMs and the processes agree. */

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { BOOT_TIMEOUT_MS, type GuestImage, guestImage } from "../support/guest-image.ts";
import { gatehouse, type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { callHouse } from "../support/house-rpc.ts";
import { qemusIn } from "../support/qemu-driver.ts";
import { seededRandom } from "../support/random.ts";
import { untilVm } from "../support/seen-vm.ts";
import type { Parameter } from "../support/xmlrpc.ts";

const ROUNDS = 4;
/** From a deployment's first step to a QEMU that answers. */
const WINDOW_MS = 400;
const SETTLED = new Set(["RUNNING", "DONE"]);

const image = await guestImage();
const scratch = scratchDirectory("qemu-kill");
// Where nothing is tried, nothing is cleaned up afterwards either.
if (image === undefined) scratch.remove();
const home = path.join(scratch.path, "home");
const runDir = path.join(scratch.path, "guests");
let house: HouseProcess;

beforeAll(async () => {
  if (image === undefined) return;
  chmodSync(scratch.path, 0o711);
  mkdirSync(home, { mode: 0o700 });
  const qemu = { image_dirs: [image.directory], run_dir: runDir, grace_ms: 1_500, accelerator: "tcg" };
  writeFileSync(path.join(home, "gatehouse.yaml"), stringify({ cloud: { driver: "qemu", qemu } }));
  house = await startHouse(home);
});

afterAll(async () => {
  if (image !== undefined) await stopHouse(house);
  const left = qemusIn(runDir);
  for (const { pid } of left) process.kill(pid, "SIGKILL");
  scratch.remove();
  expect(left).toEqual([]);
});

const call = (method: string, ...parameters: readonly Parameter[]) =>
  callHouse(house, home, method, ...parameters);

async function prepare({ kernel, initrd }: GuestImage): Promise<{ guest: number; deaf: number }> {
  await call(
    "one.vn.allocate",
    `NAME="lan" VN_MAD="dummy" BRIDGE="lan0" NETWORK_ADDRESS="10.88.0.0" NETWORK_MASK="255.255.255.0"
     GATEWAY="10.88.0.1" AR=[TYPE="IP4", IP="10.88.0.10", SIZE="100"]`,
    -1,
  );
  const rest = 'CPU="0.1" MEMORY="96" NIC=[NETWORK="lan"]';
  const words = "console=ttyS0 quiet no_timer_check";
  const context = 'CONTEXT=[TOKEN="YES", NETWORK="YES", REPORT_READY="YES", METRICS_INTERVAL="1"]';
  const guest = `NAME="guest" ${rest} OS=[KERNEL="${kernel}", INITRD="${initrd}", KERNEL_CMD="${words}"] ${context}`;
  // Its kernel finds nothing to run, so it never hears the power button: shutting it down takes the whole grace.
  const deaf = `NAME="deaf" ${rest} OS=[KERNEL="${kernel}", KERNEL_CMD="${words} panic=0"]`;
  return {
    guest: Number(await call("one.template.allocate", guest)),
    deaf: Number(await call("one.template.allocate", deaf)),
  };
}

interface KnownVm {
  readonly id: number;
  readonly phase: string;
  readonly pid: number;
  readonly ip: string;
}

const PHASES: Readonly<Record<string, string>> = { "3/3": "RUNNING", "6/0": "DONE" };

async function known(id: number): Promise<KnownVm> {
  const xml = await call("one.vm.info", id);
  const one = (name: string) => new RegExp(`<${name}>(?:<!\\[CDATA\\[)?([^<\\]]*)`).exec(xml)?.[1] ?? "";
  const state = `${one("STATE")}/${one("LCM_STATE")}`;
  const pid = Number(/qemu:(\d+)/.exec(one("DEPLOY_ID"))?.[1] ?? 0);
  return { id, phase: PHASES[state] ?? state, pid, ip: one("IP") };
}

/** All VMs, once none is between two states. */
async function settled(ids: readonly number[]): Promise<readonly KnownVm[]> {
  for (;;) {
    const vms = await Promise.all(ids.map(known));
    if (vms.every(({ phase }) => SETTLED.has(phase))) return vms;
    await pause(50);
  }
}

async function killAndStart(): Promise<void> {
  await stopHouse(house, "SIGKILL");
  house = await startHouse(home);
}

/** Each running VM is one process, the one it says; whoever is done left nothing. */
async function expectAgreement(vms: readonly KnownVm[]): Promise<void> {
  const running = vms.filter(({ phase }) => phase === "RUNNING");
  const byId = (one: { vmId: number }, other: { vmId: number }) => one.vmId - other.vmId;
  expect([...qemusIn(runDir)].sort(byId)).toEqual(running.map(({ id, pid }) => ({ vmId: id, pid })));
  for (const { id, pid } of running)
    expect(JSON.parse(readFileSync(path.join(runDir, String(id), "guest.json"), "utf8"))).toMatchObject({
      pid,
    });
  for (const { id } of vms.filter(({ phase }) => phase === "DONE"))
    expect(existsSync(path.join(runDir, String(id)))).toBe(false);
  const leased = [...(await call("one.vn.info", 0)).matchAll(/<LEASE>.*?<IP>(?:<!\[CDATA\[)?([\d.]+)/gs)];
  expect(leased.map(([, ip]) => ip).sort()).toEqual(running.map(({ ip }) => ip).sort());
}

describe.skipIf(image === undefined)("kill -9 of a house with guests", () => {
  it("loses none, starts none twice, ends those it was ending, and goes on being their OneGate", {
    timeout: 3 * BOOT_TIMEOUT_MS,
  }, async () => {
    if (image === undefined) return;
    const random = seededRandom(5);
    const templates = await prepare(image);
    const make = async (template: number) =>
      Number(await call("one.template.instantiate", template, "", false, "", false));
    const first = await make(templates.guest);
    const guest = { id: first, token: (await gatehouse(["token", String(first), "--home", home])).trim() };
    await untilVm(house, guest, ({ USER_TEMPLATE }) => USER_TEMPLATE.READY === "YES");
    const { pid } = await known(first);

    const ids = [first];
    let ending = -1;
    for (let round = 0; round < ROUNDS; round += 1) {
      const made = await make(templates.deaf);
      if (ending >= 0) await call("one.vm.action", "terminate", ending);
      // The moment is what is tried.
      await pause(random.integer(WINDOW_MS));
      await killAndStart();
      const wasEnding = ending;
      ids.push(made);
      ending = made;
      const vms = await settled(ids);
      await expectAgreement(vms);
      expect(vms.filter(({ phase }) => phase === "DONE").map(({ id }) => id)).toEqual(
        wasEnding < 0 ? [] : ids.slice(1, -1),
      );
    }
    expect((await known(first)).pid).toBe(pid);
    // Its wire was laid anew by each house: what it pushes now comes to this one, wherever that listens.
    const told = ({ USER_TEMPLATE }: { USER_TEMPLATE: object }) => JSON.stringify(USER_TEMPLATE);
    const before = await untilVm(house, guest, () => true);
    await untilVm(house, guest, (vm) => told(vm) !== told(before));
  });
});
