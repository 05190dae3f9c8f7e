/**
 * A Debian system boots by its firmware and cloud-init reads its context, says READY from inside, and lives through all
 * that a VM may be told: suspended, stopped, rebooted, powered off. Then two that have cloud-init alone, or not even a context's
 * network. Wants what `npm run build:debian-image` makes; emulated, it takes minutes.
 */

import { existsSync } from "node:fs";
import path from "node:path";
import { systemClock } from "../../shared/clock.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { memoryOf } from "../support/house.ts";
import { type QemuHouse, startQemuHouse } from "../support/qemu-house.ts";
import { processorMs, qemuPid } from "../support/qemu-process.ts";
import { untilVm } from "../support/seen-vm.ts";
import { ONEGATE_BY_CURL, TELLS_ALL } from "./debian-user-data.ts";

export interface DebianSoakResult {
  readonly readySeconds: number;
  /** Of its QEMU until then. */
  readonly processorSeconds: number;
  readonly rssMiB: number;
  readonly rebootSeconds: number;
  readonly poweroffSeconds: number;
  readonly savedAndRestoredSeconds: number;
  /** Of those that have cloud-init alone, and no network in their context, booted side by side. */
  readonly besideSeconds: readonly number[];
}

const DIRECTORY = path.join(import.meta.dirname, "../../dist/debian-image");
const IMAGE = "debian.qcow2";
const MEMORY_MIB = 512;
const DISK_MIB = 3072;
const HOST = "web-7";
const KEY =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6SKeIvRmeL3JxrTGIvJiPTuyBC5EiYOAKp5u1bTIcm somebody@somewhere";
const ADDRESS = "10.88.0.10";
const GATEWAY = "10.88.0.1";
const NAME_SERVER = "10.88.0.53";
const WAIT_MS = 600_000;
const GRACE_MS = 120_000;

interface Soaked {
  readonly qemu: QemuHouse;
  readonly log: (line: string) => void;
}

type Told = Readonly<Record<string, unknown>>;

/** @throws Error when the guest is not what its context says, or does not live through something. */
export async function debianImageSoak({ log }: Pick<Soaked, "log">): Promise<DebianSoakResult> {
  if (!existsSync(path.join(DIRECTORY, IMAGE)))
    throw new Error("There is no dist/debian-image: npm run build:debian-image makes it.");
  const image = { directory: DIRECTORY, kernel: "", initrd: "" };
  const qemu = await startQemuHouse(image, {}, { grace_ms: GRACE_MS });
  try {
    const soaked = { qemu, log };
    const vmId = await instantiate(qemu, "debian", {
      ...{ NETWORK: "YES", REPORT_READY: "YES", SET_HOSTNAME: HOST, DNS: NAME_SERVER, SSH_PUBLIC_KEY: KEY },
      ...userData(TELLS_ALL),
    });
    const boot = await firstBoot(soaked, vmId);
    const life = await live(soaked, vmId);
    await act(soaked, vmId, "terminate-hard", VM_STATE.DONE);
    return { ...boot, ...life, besideSeconds: await beside(soaked) };
  } finally {
    await qemu.end();
  }
}

function userData(text: string): Readonly<Record<string, string>> {
  return { USER_DATA: Buffer.from(text).toString("base64"), USERDATA_ENCODING: "base64" };
}

async function instantiate(
  { call, instantiate: make }: QemuHouse,
  name: string,
  context: Readonly<Record<string, string>>,
): Promise<number> {
  const variables = Object.entries({ TOKEN: "YES", ...context }).map(([key, value]) => `${key}="${value}"`);
  const text = `NAME="${name}" CPU="1" MEMORY="${MEMORY_MIB}" NIC=[NETWORK="lan"]
DISK=[IMAGE="${IMAGE}", SIZE="${DISK_MIB}"] CONTEXT=[${variables.join(", ")}]`;
  return await make(Number(await call("one.template.allocate", text)));
}

async function firstBoot({ qemu, log }: Soaked, vmId: number) {
  const begun = systemClock.elapsed();
  await told(qemu, vmId, "READY", /^YES$/);
  const readySeconds = secondsSince(begun);
  const pid = await qemuPid(qemu, vmId);
  const figures = {
    readySeconds,
    processorSeconds: Math.round(processorMs(pid) / 100) / 10,
    rssMiB: Math.round(memoryOf(pid).nowKiB / 1024),
  };
  log(`debian-image: READY after ${readySeconds} s`);
  requireApplied(await told(qemu, vmId, "STARTS", /^1$/));
  log("debian-image: its context is applied");
  return figures;
}

/** What the context says is what the system has. */
function requireApplied(vm: Told): void {
  const wanted: Readonly<Record<string, RegExp>> = {
    HOST: new RegExp(`^${HOST}$`),
    ADDRESS: new RegExp(` ${ADDRESS}/24$`),
    ROUTE: new RegExp(`^default via ${GATEWAY} `),
    DNS: new RegExp(`^${NAME_SERVER}$`),
    KEYS: new RegExp(`^${KEY.replaceAll("+", "\\+")}$`),
    // All of its disk but what the boot partition and the file system's own tables take.
    ROOT_MIB: /^2[89]\d\d$/,
  };
  for (const [name, pattern] of Object.entries(wanted)) {
    if (!pattern.test(String(vm[name]))) throw new Error(`${name} is "${vm[name]}", not ${pattern}`);
  }
}

/** Each thing that a VM may be told, and what is to be the same after it. */
async function live(soaked: Soaked, vmId: number) {
  const { qemu, log } = soaked;
  const first = await told(qemu, vmId, "BEAT", /./);
  for (const [action, state] of [
    ["suspend", VM_STATE.SUSPENDED],
    ["stop", VM_STATE.STOPPED],
  ] as const) {
    const begun = systemClock.elapsed();
    await act(soaked, vmId, action, state);
    await act(soaked, vmId, "resume", VM_STATE.ACTIVE);
    await requireNextBeat(qemu, vmId);
    log(`debian-image: goes on after ${action} and resume, ${secondsSince(begun)} s`);
  }
  const begun = systemClock.elapsed();
  await act(soaked, vmId, "stop", VM_STATE.STOPPED);
  await act(soaked, vmId, "resume", VM_STATE.ACTIVE);
  const savedAndRestoredSeconds = secondsSince(begun);
  const same = await requireNextBeat(qemu, vmId);
  if (same.BOOT !== first.BOOT) throw new Error("It did not go on after stop, but booted anew");
  const rebootSeconds = await timed(async () => {
    await qemu.call("one.vm.action", "reboot", vmId);
    requireApplied(await told(qemu, vmId, "STARTS", /^2$/));
  });
  log(`debian-image: rebooted, and says so after ${rebootSeconds} s`);
  using console = qemu.console(vmId);
  const poweroffSeconds = await timed(() => act(soaked, vmId, "poweroff", VM_STATE.POWEROFF));
  if (!/reboot: Power down\s*$/.test(console.text())) throw new Error("It did not go by itself");
  await act(soaked, vmId, "resume", VM_STATE.ACTIVE);
  requireApplied(await told(qemu, vmId, "STARTS", /^3$/));
  log(`debian-image: powered off in ${poweroffSeconds} s, and booted again`);
  return { rebootSeconds, poweroffSeconds, savedAndRestoredSeconds };
}

async function requireNextBeat(qemu: QemuHouse, vmId: number): Promise<Told> {
  const beat = Number((await told(qemu, vmId, "BEAT", /./)).BEAT);
  return await toldThat(qemu, vmId, `a BEAT after ${beat}`, ({ BEAT }) => Number(BEAT) > beat);
}

/** One has cloud-init alone: its user data say READY. The other's context says nothing of its network: it asks by DHCP. */
async function beside({ qemu, log }: Soaked): Promise<readonly number[]> {
  const begun = systemClock.elapsed();
  const alone = await instantiate(qemu, "cloud-init", { NETWORK: "YES", ...userData(ONEGATE_BY_CURL) });
  const asking = await instantiate(qemu, "dhcp", { REPORT_READY: "YES" });
  return await Promise.all(
    [alone, asking].map(async (vmId) => {
      await told(qemu, vmId, "READY", /^YES$/);
      log(`debian-image: VM ${vmId} is READY after ${secondsSince(begun)} s`);
      return secondsSince(begun);
    }),
  );
}

/** What the guest tells, once it tells that. */
async function told(qemu: QemuHouse, vmId: number, name: string, pattern: RegExp): Promise<Told> {
  return await toldThat(qemu, vmId, `${name} like ${pattern}`, (told) =>
    pattern.test(String(told[name] ?? "")),
  );
}

async function toldThat(
  qemu: QemuHouse,
  vmId: number,
  what: string,
  isWanted: (told: Told) => boolean,
): Promise<Told> {
  const seen = untilVm(qemu.house, await qemu.guest(vmId), (vm) => isWanted(vm.USER_TEMPLATE));
  return (await within(`VM ${vmId} does not tell ${what}`, seen)).USER_TEMPLATE;
}

async function act({ qemu }: Soaked, vmId: number, action: string, state: number): Promise<void> {
  await qemu.call("one.vm.action", action, vmId);
  const seen = qemu.untilVm(vmId, (xml) => xml.includes(`<STATE>${state}</STATE>`));
  await within(`VM ${vmId} is not in state ${state} after ${action}`, seen);
}

async function within<T>(failure: string, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const stop = systemClock.after(WAIT_MS, () => reject(new Error(`${failure} within ${WAIT_MS} ms`)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop();
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = systemClock.elapsed();
  await work();
  return secondsSince(begun);
}

function secondsSince(begun: number): number {
  return Math.round((systemClock.elapsed() - begun) / 100) / 10;
}
