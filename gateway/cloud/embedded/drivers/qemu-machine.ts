/** The machine that a guest finds: its type, processors, clock and name, as OpenNebula's attributes ask for them. */

import { type Template, type Vector, vectorOf } from "../../../../shared/template/types.ts";
import type { FirmwarePlan } from "./qemu-firmware.ts";
import { oneOf, refused, shown, whole, yesOrNo } from "./qemu-values.ts";

export interface MachinePlan {
  /** As QEMU knows it: pc, q35, or either of one of its versions. */
  readonly type: string;
  readonly isQ35: boolean;
  readonly hasAcpi: boolean;
  /** What a guest reads as its machine's id. */
  readonly uuid: string | undefined;
  readonly hasLocalTime: boolean;
  readonly topology: Topology | undefined;
}

export interface Topology {
  readonly sockets: number;
  readonly cores: number;
  readonly threads: number;
}

export interface CpuPlan {
  /** As QEMU knows it; undefined: all that there is. */
  readonly model: string | undefined;
  /** That it must have. */
  readonly features: readonly string[];
  /** What Windows expects of a hypervisor. */
  readonly hasHyperV: boolean;
}

export const MAX_VCPUS = 255;
const MAX_FEATURES = 64;
const ARCHITECTURES = ["x86_64", "i686", "i386"] as const;
/** A version is QEMU's or a distribution's own: pc-q35-7.2, pc-i440fx-jammy. */
const MACHINE = /^(pc|q35|pc-(i440fx|q35)-[A-Za-z0-9][A-Za-z0-9.-]{0,31})$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Neither of QEMU's separators. */
const CPU_WORD = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** As OpenNebula's own HYPERV_OPTIONS. */
const HYPER_V = ["hv-relaxed=on", "hv-vapic=on", "hv-spinlocks=0x1000"] as const;

/** @throws GatehouseError `bad_request` with the attribute and what it may be. */
export function machineOf(
  template: Template,
  firmware: FirmwarePlan | undefined,
  vcpus: number,
): MachinePlan {
  const os = vectorOf(template, "OS") ?? {};
  const features = vectorOf(template, "FEATURES") ?? {};
  oneOf(os, { path: "OS/ARCH", known: ARCHITECTURES });
  const needsQ35 = firmware?.needsSmm === true;
  const type = (os.MACHINE ?? "").trim() || (needsQ35 ? "q35" : "pc");
  if (!MACHINE.test(type))
    throw refused(`OS/MACHINE is pc, q35, or one of QEMU's versions as pc-q35-7.2, not ${shown(type)}`);
  const isQ35 = type.includes("q35");
  if (needsQ35 && !isQ35) throw refused(`Firmware for secure boot needs OS/MACHINE q35, not ${shown(type)}`);
  if (os.UUID && !UUID.test(os.UUID)) throw refused(`OS/UUID is no UUID: ${shown(os.UUID)}`);
  return {
    type,
    isQ35,
    hasAcpi: yesOrNo("FEATURES/ACPI", features.ACPI) ?? true,
    uuid: os.UUID || undefined,
    hasLocalTime: yesOrNo("FEATURES/LOCALTIME", features.LOCALTIME) ?? false,
    topology: topologyOf(vectorOf(template, "TOPOLOGY") ?? {}, vcpus),
  };
}

/** @throws GatehouseError `bad_request`. */
export function cpuOf(template: Template): CpuPlan {
  const { MODEL = "", FEATURES = "" } = vectorOf(template, "CPU_MODEL") ?? {};
  const features = FEATURES.split(",")
    .map((name) => name.trim())
    .filter(Boolean);
  if (features.length > MAX_FEATURES) throw refused(`CPU_MODEL/FEATURES are at most ${MAX_FEATURES}`);
  for (const name of features)
    if (!CPU_WORD.test(name)) throw refused(`CPU_MODEL/FEATURES are names of features, not ${shown(name)}`);
  const isHost = ["", "host-passthrough", "host-model", "host", "max"].includes(MODEL);
  if (!isHost && !CPU_WORD.test(MODEL))
    throw refused(`CPU_MODEL/MODEL is host-passthrough or a name that QEMU knows, not ${shown(MODEL)}`);
  return {
    model: isHost ? undefined : MODEL,
    features,
    hasHyperV: yesOrNo("FEATURES/HYPERV", vectorOf(template, "FEATURES")?.HYPERV) ?? false,
  };
}

function topologyOf({ SOCKETS, CORES, THREADS }: Vector, vcpus: number): Topology | undefined {
  if (!SOCKETS && !CORES && !THREADS) return undefined;
  const count = (name: string, said: string | undefined): number =>
    whole(`TOPOLOGY/${name}`, said || "1", 1, MAX_VCPUS);
  const threads = count("THREADS", THREADS);
  // As OpenNebula: what is not said follows from the number of processors.
  const cores =
    CORES || !SOCKETS ? count("CORES", CORES) : Math.floor(vcpus / (threads * count("SOCKETS", SOCKETS)));
  const sockets = SOCKETS ? count("SOCKETS", SOCKETS) : Math.floor(vcpus / (threads * cores));
  if (sockets * cores * threads !== vcpus)
    throw refused(
      `TOPOLOGY has ${sockets} sockets of ${cores} cores of ${threads} threads, and VCPU is ${vcpus}`,
    );
  return { sockets, cores, threads };
}

/** The words of QEMU's `-machine`; flash memory with the firmware is named by its nodes. */
export function machineArgument({ type, hasAcpi }: MachinePlan, firmware: FirmwarePlan | undefined): string {
  return [
    type,
    ...(hasAcpi ? [] : ["acpi=off"]),
    ...(firmware === undefined ? [] : ["pflash0=firmware", "pflash1=nvram"]),
    ...(firmware?.needsSmm ? ["smm=on"] : []),
  ].join(",");
}

/**
 * The words of QEMU's `-cpu`. A processor that lacks what was asked for is not started; but an emulated one of a named model,
 * since the emulator lacks something of nearly every model.
 */
export function cpuArgument({ model, features, hasHyperV }: CpuPlan, isEmulated: boolean): string {
  return [
    model ?? (isEmulated ? "max" : "host"),
    ...features.map((name) => `${name}=on`),
    ...(hasHyperV && !isEmulated ? HYPER_V : []),
    ...((model !== undefined && !isEmulated) || (features.length > 0 && model === undefined)
      ? ["enforce=on"]
      : []),
  ].join(",");
}

export function processorsArgument(vcpus: number, topology: Topology | undefined): string {
  if (topology === undefined) return String(vcpus);
  const { sockets, cores, threads } = topology;
  return `cpus=${vcpus},sockets=${sockets},cores=${cores},threads=${threads}`;
}
