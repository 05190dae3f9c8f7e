/**
 * QEMU's command line for a guest, as arguments: no shell reads them, and what comes from a template stands in JSON or in
 * an argument of its own, where a comma is a comma. Nothing comes from QEMU's own configuration files.
 */

import { type QemuGuestPaths, qemuWirePath } from "../../../../shared/guests/qemu-layout.ts";
import {
  contextArguments,
  diskArguments,
  fileNode,
  type OpenedDisk,
  readOnlyNode,
} from "./qemu-disk-arguments.ts";
import { displayArguments } from "./qemu-display.ts";
import { cpuArgument, machineArgument, processorsArgument } from "./qemu-machine.ts";
import type { GuestPlan, NicPlan } from "./qemu-plan.ts";

export type Accelerator = "kvm" | "tcg";

/** Files of a guest's UEFI firmware. */
export interface OpenedFirmware {
  readonly code: string;
  /** The guest's own. */
  readonly nvram: string;
}

/** How an interface reaches its network. */
export type NicLink =
  | { readonly kind: "wire" }
  | { readonly kind: "tap"; readonly name: string }
  | {
      readonly kind: "user";
      readonly network: string;
      readonly gateway: string;
      readonly guest: string;
    };

export interface QemuCommand {
  readonly plan: GuestPlan;
  readonly paths: QemuGuestPaths;
  readonly accelerator: Accelerator;
  /** Real paths, checked. */
  readonly kernel: string | undefined;
  readonly initrd: string | undefined;
  readonly firmware: OpenedFirmware | undefined;
  readonly disks: readonly OpenedDisk[];
  readonly links: ReadonlyMap<number, NicLink>;
  /** Whether there is a context image. */
  readonly hasContext: boolean;
  /** Begins as what was saved, which comes over `memorySocket`. */
  readonly isRestored: boolean;
}

/** Whatever breaks out of its guest finds no program to start and no other user to become. */
const SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";

const LEAST_TRANSLATED_MIB = 32;
const MAX_TRANSLATED_MIB = 256;

export function qemuArguments(command: QemuCommand): readonly string[] {
  const { plan, paths, accelerator } = command;
  const { isQ35 } = plan.machine;
  const buses = new Set([
    ...plan.disks.map(({ bus }) => bus),
    ...(command.hasContext ? [plan.contextSeat.bus] : []),
  ]);
  return [
    ...["-name", `one-${plan.vmId}`, "-nodefaults", "-no-user-config", "-sandbox", SANDBOX],
    ...firmwareArguments(command),
    ...["-machine", machineArgument(plan.machine, plan.firmware), "-accel", accelerated(accelerator, plan)],
    ...["-cpu", cpuArgument(plan.cpu, accelerator === "tcg")],
    ...["-m", `${plan.memoryMiB}M`, "-smp", processorsArgument(plan.vcpus, plan.machine.topology)],
    ...["-rtc", plan.machine.hasLocalTime ? "base=localtime" : "base=utc"],
    ...(plan.machine.uuid === undefined ? [] : ["-uuid", plan.machine.uuid]),
    ...displayArguments(plan.display, paths),
    // Standard output is the log, which the house opened; it is no terminal whose keys could be signals.
    ...["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
    ...[paths.driverMonitor, paths.probeMonitor, paths.newsMonitor].flatMap((path) => [
      "-qmp",
      monitor(path),
    ]),
    // A kernel that panics tells, and stands still until the house has seen it.
    ...["-action", "panic=pause"],
    // One that has little entropy boots all the same.
    ...["-device", "pvpanic", "-device", "virtio-rng-pci"],
    ...kernelArguments(command),
    ...(buses.has("scsi") ? ["-device", `virtio-scsi-pci,id=scsi${queued(plan.scsiQueues)}`] : []),
    ...command.disks.flatMap((disk) => diskArguments(disk, isQ35)),
    ...(command.hasContext ? contextArguments(paths.context, plan.contextSeat, isQ35) : []),
    ...plan.nics.flatMap((nic) => nicArguments(nic, command)),
    ...(command.isRestored ? ["-incoming", `unix:${paths.memorySocket}`] : []),
  ];
}

/**
 * An emulating QEMU keeps what it has translated, up to 1 GiB unless told. A quarter of the guest's memory is as quick: Debian with
 * cloud-init, 512 MiB, took 35 s of a processor to its login with 128 MiB, 39 with 256, 45 with 1 GiB, 41 with 64; a guest of 96 MiB as
 * long with 32 as with more.
 */
function accelerated(accelerator: Accelerator, { memoryMiB }: GuestPlan): string {
  if (accelerator === "kvm") return "kvm";
  const wantedMiB = Math.ceil(memoryMiB / 4);
  return `tcg,tb-size=${Math.min(MAX_TRANSLATED_MIB, Math.max(LEAST_TRANSLATED_MIB, wantedMiB))}`;
}

/** Flash memory: code that nobody writes, and the guest's variables; what needs SMM is told apart from what the kernel writes. */
function firmwareArguments({ plan, firmware }: QemuCommand): readonly string[] {
  if (firmware === undefined) return [];
  const nvram = { "node-name": "nvram", driver: "raw", file: fileNode(firmware.nvram) };
  const secure = [
    "driver=cfi.pflash01,property=secure,value=on",
    "driver=ICH9-LPC,property=disable_s3,value=1",
  ];
  return [
    ...["-blockdev", JSON.stringify(readOnlyNode("firmware", firmware.code))],
    ...["-blockdev", JSON.stringify(nvram)],
    ...(plan.firmware?.needsSmm ? secure.flatMap((word) => ["-global", word]) : []),
  ];
}

function queued(queues: number | undefined): string {
  return queues === undefined ? "" : `,num_queues=${queues}`;
}

function kernelArguments({ plan, kernel, initrd }: QemuCommand): readonly string[] {
  if (kernel === undefined) return [];
  const initrdArguments = initrd === undefined ? [] : ["-initrd", initrd];
  return ["-kernel", kernel, ...initrdArguments, "-append", plan.kernel?.commandLine ?? ""];
}

function nicArguments(nic: NicPlan, { links, paths }: QemuCommand): readonly string[] {
  const id = `net${nic.id}`;
  const device = {
    ...{ driver: nic.model, id: `nic-${nic.id}`, netdev: id, mac: nic.mac },
    ...(nic.bootIndex === undefined ? {} : { bootindex: nic.bootIndex }),
  };
  return [
    ...["-netdev", JSON.stringify({ id, ...netdev(nic, links.get(nic.id) ?? { kind: "wire" }, paths) })],
    ...["-device", JSON.stringify(device)],
  ];
}

function netdev(nic: NicPlan, link: NicLink, { dir }: QemuGuestPaths): Readonly<Record<string, unknown>> {
  switch (link.kind) {
    case "wire":
      return { type: "stream", server: true, addr: { type: "unix", path: qemuWirePath(dir, nic.id) } };
    case "tap":
      return { type: "tap", ifname: link.name, script: "no", downscript: "no" };
    case "user":
      return { type: "user", ipv6: false, net: link.network, host: link.gateway, dhcpstart: link.guest };
  }
}

function monitor(path: string): string {
  return `unix:${escaped(path)},server=on,wait=off`;
}

/** In QEMU's own syntax a comma begins the next option, and two of them are one. */
function escaped(value: string): string {
  return value.replaceAll(",", ",,");
}
