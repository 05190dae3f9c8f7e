/**
 * What OpenNebula's KVM driver takes of a template and this one does not. What would change what a guest is, sees or may do is
 * refused with a sentence, so that nobody believes to have it; what only tunes is left aside (docs/qemu.md has the list).
 */

import {
  type Template,
  type Value,
  valuesOf,
  vectorOf,
  vectorsOf,
} from "../../../../shared/template/types.ts";
import { refused, shown } from "./qemu-values.ts";

/** Whole attributes, and why they are not taken. */
const ATTRIBUTES = {
  HYPERV_OPTIONS: "HYPERV_OPTIONS are libvirt's, and not taken: FEATURES/HYPERV has the usual ones",
  EMULATOR: "EMULATOR is not taken: cloud.qemu.binary says which QEMU runs VMs",
  PCI: "PCI: devices of this machine are not given to VMs",
  TPM: "TPM: VMs have none here",
  NUMA_NODE: "NUMA_NODE: VMs have one node here",
} as const;

/** Parts of vectors, and why they are not taken. */
const PARTS = [
  { vector: "OS", name: "KERNEL_DS", why: "there are no datastores here: OS/KERNEL names a file" },
  { vector: "OS", name: "INITRD_DS", why: "there are no datastores here: OS/INITRD names a file" },
  { vector: "OS", name: "BOOTLOADER", why: "that is Xen's" },
  { vector: "NIC", name: "SCRIPT", why: "no program of this machine is run for a VM" },
  { vector: "TOPOLOGY", name: "HUGEPAGE_SIZE", why: "VMs have no huge pages of their own here" },
  { vector: "TOPOLOGY", name: "NODE_AFFINITY", why: "VMs are bound to no NUMA node here" },
] as const;

/** Those of which one value is taken, and no other. */
const ALONE = [
  { vector: "TOPOLOGY", name: "PIN_POLICY", value: "NONE", why: "no processor is a VM's own" },
  { vector: "OS", name: "SD_DISK_BUS", value: "SCSI", why: "SATA disks are hd, with OS/MACHINE q35" },
] as const;

/** @throws GatehouseError `bad_request` for the first that is there. */
export function requireNothingElse(template: Template): void {
  if (hasRaw(template))
    throw refused("RAW is libvirt's, could open anything of this machine, and is not taken");
  for (const [name, why] of Object.entries(ATTRIBUTES))
    if (valuesOf(template, name).some(isGiven)) throw refused(why);
  for (const { vector, name, why } of PARTS)
    if (vectorsOf(template, vector).some((each) => each[name])) throw refused(`${vector}/${name}: ${why}`);
  for (const { vector, name, value, why } of ALONE) {
    const said = vectorOf(template, vector)?.[name] || value;
    if (said.toUpperCase() !== value)
      throw refused(`${vector}/${name} is ${value} here, not ${shown(said)}: ${why}`);
  }
}

/** Of another hypervisor, or empty as Sunstone leaves it: it asks for nothing. */
function hasRaw(template: Template): boolean {
  return valuesOf(template, "RAW").some(
    (raw) => typeof raw === "string" || (["", "kvm"].includes((raw.TYPE ?? "").toLowerCase()) && raw.DATA),
  );
}

/** Sunstone leaves vectors of empty values. */
function isGiven(value: Value): boolean {
  if (typeof value === "string") return value.trim() !== "";
  return Object.values(value).some((each) => each !== "" && each.toUpperCase() !== "NONE");
}
