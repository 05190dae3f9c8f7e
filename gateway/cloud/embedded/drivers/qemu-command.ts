/**
 * QEMU's command line for a guest, as arguments: no shell reads them, and what comes from a template stands in JSON or in
 * an argument of its own, where a comma is a comma. Nothing comes from QEMU's own configuration files.
 */

import { type QemuGuestPaths, qemuWirePath } from "../../../../shared/guests/qemu-layout.ts";
import type { DiskBus, DiskPlan, GuestPlan, ImageFormat, NicPlan } from "./qemu-plan.ts";

export type Accelerator = "kvm" | "tcg";

/** A disk as QEMU opens it. */
export interface OpenedDisk {
  readonly plan: DiskPlan;
  readonly path: string;
  readonly format: ImageFormat;
  /** The image below a copy-on-write overlay. */
  readonly base: { readonly path: string; readonly format: ImageFormat } | undefined;
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
  readonly disks: readonly OpenedDisk[];
  readonly links: ReadonlyMap<number, NicLink>;
  /** Whether there is a context image. */
  readonly hasContext: boolean;
  /** Begins as what was saved, which comes over `memorySocket`. */
  readonly isRestored: boolean;
}

/** Whatever breaks out of its guest finds no program to start and no other user to become. */
const SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";

export function qemuArguments(command: QemuCommand): readonly string[] {
  const { plan, paths, accelerator } = command;
  const buses = new Set([
    ...plan.disks.map(({ bus }) => bus),
    ...(command.hasContext ? [plan.contextBus] : []),
  ]);
  return [
    ...["-name", `one-${plan.vmId}`, "-nodefaults", "-no-user-config", "-sandbox", SANDBOX],
    ...["-machine", plan.machine, "-accel", accelerator, "-cpu", accelerator === "kvm" ? "host" : "max"],
    ...["-m", `${plan.memoryMiB}M`, "-smp", String(plan.vcpus), "-rtc", "base=utc"],
    ...displayArguments(command),
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
    ...(buses.has("scsi") ? ["-device", "virtio-scsi-pci,id=scsi"] : []),
    ...command.disks.flatMap(diskArguments),
    ...(command.hasContext ? contextArguments(paths.context, plan.contextBus) : []),
    ...plan.nics.flatMap((nic) => nicArguments(nic, command)),
    ...(command.isRestored ? ["-incoming", `unix:${paths.memorySocket}`] : []),
  ];
}

function displayArguments({ plan, paths }: QemuCommand): readonly string[] {
  if (!plan.graphics) return ["-display", "none"];
  return ["-device", "VGA", "-vnc", `unix:${escaped(paths.display)}`];
}

function kernelArguments({ plan, kernel, initrd }: QemuCommand): readonly string[] {
  if (kernel === undefined) return [];
  const initrdArguments = initrd === undefined ? [] : ["-initrd", initrd];
  return ["-kernel", kernel, ...initrdArguments, "-append", plan.kernel?.commandLine ?? ""];
}

/** The whole chain is spelled out, so that no image's own header makes QEMU open a file. */
function diskArguments({ plan, path, format, base }: OpenedDisk): readonly string[] {
  const backing =
    base === undefined
      ? null
      : {
          driver: base.format,
          "read-only": true,
          file: file(base.path),
          ...(base.format === "qcow2" ? { backing: null } : {}),
        };
  const node = {
    "node-name": `disk${plan.id}`,
    driver: format,
    "read-only": plan.readOnly,
    discard: "unmap",
    file: { ...file(path), discard: "unmap" },
    ...(format === "qcow2" ? { backing } : {}),
  };
  const device = {
    ...deviceOn(plan.bus, "disk"),
    id: `disk-${plan.id}`,
    drive: node["node-name"],
    ...(plan.bootIndex === undefined ? {} : { bootindex: plan.bootIndex }),
  };
  return ["-blockdev", JSON.stringify(node), "-device", JSON.stringify(device)];
}

function contextArguments(path: string, bus: DiskBus): readonly string[] {
  const node = { "node-name": "context", driver: "raw", "read-only": true, file: file(path) };
  return [
    ...["-blockdev", JSON.stringify(node)],
    ...["-device", JSON.stringify({ ...deviceOn(bus, "cd"), id: "context-disc", drive: "context" })],
  ];
}

function file(path: string): { readonly driver: "file"; readonly filename: string } {
  return { driver: "file", filename: path };
}

function deviceOn(bus: DiskBus, kind: "disk" | "cd"): { readonly driver: string; readonly bus?: string } {
  switch (bus) {
    case "virtio":
      return { driver: "virtio-blk-pci" };
    case "scsi":
      return { driver: kind === "cd" ? "scsi-cd" : "scsi-hd", bus: "scsi.0" };
    case "ide":
      return { driver: kind === "cd" ? "ide-cd" : "ide-hd" };
  }
}

function nicArguments(nic: NicPlan, { links, paths }: QemuCommand): readonly string[] {
  const id = `net${nic.id}`;
  const device = { driver: nic.model, id: `nic-${nic.id}`, netdev: id, mac: nic.mac };
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
