/** What a VM's template asks of QEMU, read once into typed and bounded values. Which files it may have, qemu-images.ts says. */

import { GatehouseError } from "../../../../shared/errors.ts";
import {
  isYes,
  stringOf,
  type Template,
  type Vector,
  vectorOf,
  vectorsOf,
} from "../../../../shared/template/types.ts";
import { parseIp4, parseIp6, parseMac } from "../../address-text.ts";
import type { Vm } from "../../model.ts";
import type { NetworkAddress } from "../wire/switch.ts";

export const IMAGE_FORMATS = ["raw", "qcow2"] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/** The bus a disk sits on, by the first letters of its TARGET. */
export type DiskBus = "virtio" | "scsi" | "ide";

export interface DiskPlan {
  readonly id: number;
  /** The image it begins as, as the template names it; undefined: blank. */
  readonly image: string | undefined;
  /** Of the image, or of the blank disk. */
  readonly format: ImageFormat;
  /** The size it shall have; undefined: the image's. */
  readonly sizeMiB: number | undefined;
  readonly readOnly: boolean;
  /** The image itself is written, not a copy. */
  readonly persistent: boolean;
  readonly bus: DiskBus;
  /** Its place in the boot order, from 1; undefined: not booted from. */
  readonly bootIndex: number | undefined;
}

export const NIC_MODELS = ["virtio-net-pci", "e1000", "rtl8139"] as const;

/** What the cloud gave an interface. */
export interface LeasedNic {
  readonly id: number;
  /** In lower case; empty: none. */
  readonly mac: string;
  /** Addresses of the interface and of the aliases on it. */
  readonly leases: readonly NetworkAddress[];
}

export interface NicPlan extends LeasedNic {
  /** Its IPv4 address; undefined when it leases none. */
  readonly ip: string | undefined;
  readonly model: (typeof NIC_MODELS)[number];
  readonly bridge: string;
  readonly networkDriver: string;
  /** As the context tells the guest, or else the network; empty where neither does. */
  readonly gateway: string;
  readonly network: string;
  readonly mask: string;
  readonly dns: string;
  readonly mtu: string;
}

export interface KernelPlan {
  readonly kernel: string;
  readonly initrd: string | undefined;
  readonly commandLine: string;
}

export interface GuestPlan {
  readonly vmId: number;
  readonly memoryMiB: number;
  readonly vcpus: number;
  readonly machine: "pc" | "q35";
  /** Boots this kernel itself; undefined: the firmware boots from disks. */
  readonly kernel: KernelPlan | undefined;
  readonly disks: readonly DiskPlan[];
  readonly nics: readonly NicPlan[];
  /** As the context asks for; empty where it does not. */
  readonly hostName: string;
  readonly contextBus: DiskBus;
  /** A VGA card, and VNC on a socket in the guest's directory. */
  readonly graphics: boolean;
}

const MAX_MEMORY_MIB = 16 * 1024 * 1024;
const MAX_VCPUS = 255;
const MAX_DISK_MIB = 64 * 1024 * 1024;
const MAX_DISKS = 16;
const MAX_NICS = 8;
/** COMMAND_LINE_SIZE of Linux on x86. */
const MAX_KERNEL_COMMAND_BYTES = 2047;

/** @throws GatehouseError `bad_request` with the attribute and what it may be. */
export function planGuest(vm: Pick<Vm, "id" | "template">): GuestPlan {
  const { template } = vm;
  const os = vectorOf(template, "OS") ?? {};
  const disks = vectorsOf(template, "DISK");
  const nics = vectorsOf(template, "NIC");
  const context = vectorOf(template, "CONTEXT") ?? {};
  if (disks.length > MAX_DISKS)
    throw refused(`A VM has at most ${MAX_DISKS} disks here, not ${disks.length}`);
  if (nics.length > MAX_NICS)
    throw refused(`A VM has at most ${MAX_NICS} interfaces here, not ${nics.length}`);
  const kernel = kernelOf(os);
  const bootOrder = (os.BOOT ?? "").split(",").map((name) => name.trim());
  const plan: GuestPlan = {
    vmId: vm.id,
    memoryMiB: whole("MEMORY", stringOf(template, "MEMORY") ?? "", 16, MAX_MEMORY_MIB),
    vcpus: whole("VCPU", stringOf(template, "VCPU") || "1", 1, MAX_VCPUS),
    machine: os.MACHINE === "q35" ? "q35" : "pc",
    kernel,
    disks: disks.map((disk, index) => diskOf(disk, index, bootOrder)),
    nics: leasedNics(template).map((leased, index) => nicOf(nics[index] ?? {}, leased, context)),
    hostName: context.SET_HOSTNAME ?? "",
    contextBus: busOf(context.TARGET ?? "hda"),
    graphics: (vectorOf(template, "GRAPHICS")?.TYPE ?? "").toUpperCase() === "VNC",
  };
  requireDistinct("DISK_ID", plan.disks);
  requireDistinct("NIC_ID", plan.nics);
  if (kernel === undefined && plan.disks.length === 0) {
    throw refused("There is nothing to boot: the template has neither OS/KERNEL nor a DISK");
  }
  return plan;
}

function kernelOf(os: Vector): KernelPlan | undefined {
  if (!os.KERNEL) return undefined;
  const commandLine = [os.ROOT ? `root=/dev/${os.ROOT}` : "", os.KERNEL_CMD ?? ""].filter(Boolean).join(" ");
  if (Buffer.byteLength(commandLine) > MAX_KERNEL_COMMAND_BYTES || !/^[\x20-\x7e]*$/.test(commandLine)) {
    throw refused(
      `OS/KERNEL_CMD is at most ${MAX_KERNEL_COMMAND_BYTES} printable ASCII characters, OS/ROOT among them`,
    );
  }
  return { kernel: os.KERNEL, initrd: os.INITRD || undefined, commandLine };
}

function diskOf(disk: Vector, index: number, bootOrder: readonly string[]): DiskPlan {
  const id = whole("DISK/DISK_ID", disk.DISK_ID || String(index), 0, 255);
  const image = disk.SOURCE || disk.IMAGE || undefined;
  const sizeMiB = disk.SIZE ? whole("DISK/SIZE", disk.SIZE, 1, MAX_DISK_MIB) : undefined;
  if (image === undefined && sizeMiB === undefined) {
    throw refused(`DISK ${id} has neither SOURCE or IMAGE, nor the SIZE of a blank disk in MiB`);
  }
  const place = bootOrder.indexOf(`disk${id}`);
  return {
    id,
    image,
    format: formatOf(disk, image),
    sizeMiB,
    readOnly: isYes(disk.READONLY),
    persistent: image !== undefined && isYes(disk.PERSISTENT),
    bus: busOf(disk.TARGET || disk.DEV_PREFIX || "vda"),
    bootIndex: place < 0 ? undefined : place + 1,
  };
}

/** Never guessed from its content, which a guest may have written. */
function formatOf(disk: Vector, image: string | undefined): ImageFormat {
  const said = (disk.FORMAT || disk.DRIVER || "").toLowerCase();
  // OpenNebula's FORMAT of a blank disk may also be a file system, to be made inside by the datastore.
  const wanted = said || (image?.endsWith(".qcow2") ? "qcow2" : "raw");
  const format = IMAGE_FORMATS.find((name) => name === wanted);
  if (format !== undefined) return format;
  throw refused(`DISK/FORMAT (or DRIVER) is ${IMAGE_FORMATS.join(" or ")} here, not "${said}"`);
}

function busOf(target: string): DiskBus {
  const prefix = target.slice(0, 2);
  if (prefix === "vd") return "virtio";
  if (prefix === "sd") return "scsi";
  if (prefix === "hd") return "ide";
  throw refused(`TARGET and DEV_PREFIX begin with vd, sd or hd, not "${prefix}"`);
}

/** In the order of the template, also of one that cannot be planned. */
export function leasedNics(template: Template): readonly LeasedNic[] {
  const aliases = vectorsOf(template, "NIC_ALIAS");
  return vectorsOf(template, "NIC").map((nic, index) => {
    const id = Number(nic.NIC_ID || index);
    const leases = [nic, ...aliases.filter(({ PARENT_ID }) => Number(PARENT_ID) === id)].flatMap(leaseOf);
    return { id, mac: (nic.MAC ?? "").toLowerCase(), leases };
  });
}

function nicOf(nic: Vector, leased: LeasedNic, context: Vector): NicPlan {
  const { mac, leases } = leased;
  const id = whole("NIC/NIC_ID", nic.NIC_ID || String(leased.id), 0, 255);
  if (parseMac(mac) === undefined)
    throw refused(`NIC ${id} has no MAC address, so it stands in no network yet`);
  const wanted = (nic.MODEL || "virtio").toLowerCase();
  const model = NIC_MODELS.find((name) => name === (wanted === "virtio" ? "virtio-net-pci" : wanted));
  if (model === undefined) throw refused(`NIC/MODEL is virtio, e1000 or rtl8139 here, not "${wanted}"`);
  const told = (name: string): string => context[`ETH${id}_${name}`] ?? "";
  return {
    id,
    mac,
    ip: parseIp4(nic.IP ?? "") === undefined ? undefined : nic.IP,
    model,
    bridge: nic.BRIDGE ?? "",
    networkDriver: nic.VN_MAD ?? "",
    leases,
    gateway: told("GATEWAY") || (nic.GATEWAY ?? ""),
    network: told("NETWORK"),
    mask: told("MASK"),
    dns: told("DNS") || (nic.DNS ?? ""),
    mtu: told("MTU"),
  };
}

const IP6_NAMES = ["IP6", "IP6_LINK", "IP6_GLOBAL", "IP6_ULA"];

/** Only the cloud gives an interface a NETWORK_ID, with the lease. */
function leaseOf(nic: Vector): readonly NetworkAddress[] {
  if (!/^\d{1,10}$/.test(nic.NETWORK_ID ?? "")) return [];
  const networkId = Number(nic.NETWORK_ID);
  const ip4 = parseIp4(nic.IP ?? "");
  const ip6 = IP6_NAMES.flatMap((name) => parseIp6(nic[name] ?? "") ?? []);
  return [
    ...(ip4 === undefined ? [] : [{ networkId, ip: ip4 }]),
    ...ip6.map((ip) => ({ networkId, ip: ip.toString(16).padStart(32, "0") })),
  ];
}

function requireDistinct(what: string, items: readonly { readonly id: number }[]): void {
  if (new Set(items.map(({ id }) => id)).size < items.length) throw refused(`Two of the same ${what}`);
}

function whole(what: string, text: string, least: number, most: number): number {
  const number = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw refused(`${what} is a whole number from ${least} to ${most}, not "${text.slice(0, 32)}"`);
}

function refused(what: string): GatehouseError {
  return new GatehouseError("bad_request", `${what}.`);
}
