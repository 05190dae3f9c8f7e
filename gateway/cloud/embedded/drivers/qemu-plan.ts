/** What a VM's template asks of QEMU, read once into typed and bounded values. Which files it may have, qemu-images.ts says. */

import {
  stringOf,
  type Template,
  type Vector,
  vectorOf,
  vectorsOf,
} from "../../../../shared/template/types.ts";
import { parseIp4, parseIp6, parseMac } from "../../address-text.ts";
import type { Vm } from "../../model.ts";
import type { Rates } from "../wire/pace.ts";
import type { NetworkAddress } from "../wire/switch.ts";
import { type BootOrder, bootOrderOf } from "./qemu-boot-order.ts";
import { contextSeat, diskOf, inGuestOrder, queuesOf, type Seat, type SeatedDisk } from "./qemu-disk-plan.ts";
import { type DisplayPlan, displayOf } from "./qemu-display.ts";
import { type FirmwarePlan, firmwareOf } from "./qemu-firmware.ts";
import { type CpuPlan, cpuOf, MAX_VCPUS, type MachinePlan, machineOf } from "./qemu-machine.ts";
import { ratesOf } from "./qemu-nic-rates.ts";
import { refused, shown, whole } from "./qemu-values.ts";

export const NIC_MODELS = ["virtio-net-pci", "e1000", "e1000e", "rtl8139", "vmxnet3"] as const;

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
  /** Its place in the boot order, from 1; undefined: not booted from. */
  readonly bootIndex: number | undefined;
  readonly rates: Rates;
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
  readonly machine: MachinePlan;
  readonly cpu: CpuPlan;
  /** UEFI; undefined: the BIOS. */
  readonly firmware: FirmwarePlan | undefined;
  /** Boots this kernel itself; undefined: the firmware boots from disks. */
  readonly kernel: KernelPlan | undefined;
  readonly disks: readonly SeatedDisk[];
  readonly nics: readonly NicPlan[];
  /** As the context asks for; empty where it does not. */
  readonly hostName: string;
  readonly contextSeat: Seat;
  /** Of the SCSI controller; undefined: one a processor. */
  readonly scsiQueues: number | undefined;
  readonly display: DisplayPlan;
}

const MAX_MEMORY_MIB = 16 * 1024 * 1024;
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
  const firmware = firmwareOf(os);
  const features = vectorOf(template, "FEATURES") ?? {};
  const vcpus = whole("VCPU", stringOf(template, "VCPU") || "1", 1, MAX_VCPUS);
  const boot = bootOrderOf(os.BOOT ?? "", template);
  const around = { vmId: vm.id, features, bootIndex: (id: number) => boot.get(`disk${id}`) };
  const seated = inGuestOrder(disks.map((disk, index) => diskOf(disk, index, around)));
  const plan: GuestPlan = {
    vmId: vm.id,
    memoryMiB: whole("MEMORY", stringOf(template, "MEMORY") ?? "", 16, MAX_MEMORY_MIB),
    vcpus,
    machine: machineOf(template, firmware, vcpus),
    cpu: cpuOf(template),
    firmware,
    kernel: kernelOf(os),
    disks: seated,
    nics: leasedNics(template).map((leased, index) => nicOf(nics[index] ?? {}, leased, context, boot)),
    hostName: context.SET_HOSTNAME ?? "",
    contextSeat: contextSeat(context.TARGET || context.DEV_PREFIX || "hda", seated),
    scsiQueues: queuesOf("FEATURES/VIRTIO_SCSI_QUEUES", features.VIRTIO_SCSI_QUEUES),
    display: displayOf(template),
  };
  requireSound(plan);
  return plan;
}

function requireSound(plan: GuestPlan): void {
  requireDistinct("DISK_ID", plan.disks);
  requireDistinct("NIC_ID", plan.nics);
  requireIdePlaces(plan);
  if (plan.kernel === undefined && plan.disks.length === 0) {
    throw refused("There is nothing to boot: the template has neither OS/KERNEL nor a DISK");
  }
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

/** In the order of the template, also of one that cannot be planned. */
export function leasedNics(template: Template): readonly LeasedNic[] {
  const aliases = vectorsOf(template, "NIC_ALIAS");
  return vectorsOf(template, "NIC").map((nic, index) => {
    const id = Number(nic.NIC_ID || index);
    const leases = [nic, ...aliases.filter(({ PARENT_ID }) => Number(PARENT_ID) === id)].flatMap(leaseOf);
    return { id, mac: (nic.MAC ?? "").toLowerCase(), leases };
  });
}

function nicOf(nic: Vector, leased: LeasedNic, context: Vector, boot: BootOrder): NicPlan {
  const { mac, leases } = leased;
  const id = whole("NIC/NIC_ID", nic.NIC_ID || String(leased.id), 0, 255);
  if (parseMac(mac) === undefined)
    throw refused(`NIC ${id} has no MAC address, so it stands in no network yet`);
  const wanted = (nic.MODEL || "virtio").toLowerCase();
  const model = NIC_MODELS.find((name) => name === (wanted === "virtio" ? "virtio-net-pci" : wanted));
  if (model === undefined)
    throw refused(`NIC/MODEL is virtio, e1000, e1000e, rtl8139 or vmxnet3 here, not ${shown(wanted)}`);
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
    bootIndex: boot.get(`nic${id}`),
    rates: ratesOf(nic),
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

/** Two cables of two places each; of q35's SATA six of one. */
const IDE_PLACES = { pc: 4, q35: 6 } as const;

function requireIdePlaces({ disks, contextSeat, machine }: GuestPlan): void {
  const most = IDE_PLACES[machine.isQ35 ? "q35" : "pc"];
  if ([...disks, contextSeat].every(({ bus, place }) => bus !== "ide" || place < most)) return;
  const last = `hd${"abcdef"[most - 1]}`;
  throw refused(`A machine of this type has ${most} hd devices, to ${last}, the context disc among them`);
}

function requireDistinct(what: string, items: readonly { readonly id: number }[]): void {
  if (new Set(items.map(({ id }) => id)).size < items.length) throw refused(`Two of the same ${what}`);
}
