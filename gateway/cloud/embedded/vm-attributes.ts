/** Which attributes of a VM's text describe the machine (TEMPLATE) and which are its owner's notes (USER_TEMPLATE). */

import type { Template } from "../../../shared/template/types.ts";

/** Attributes the core keeps in TEMPLATE; everything else goes to USER_TEMPLATE, as in OpenNebula. */
const MACHINE_ATTRIBUTES: ReadonlySet<string> = new Set([
  "ACPI",
  "ARCH",
  "BACKUP_CONFIG",
  "CLONING_TEMPLATE_ID",
  "CONTEXT",
  "CPU",
  "CPU_COST",
  "CPU_MODEL",
  "DISK",
  "DISK_COST",
  "EMULATOR",
  "FEATURES",
  "GRAPHICS",
  "HYPERV_OPTIONS",
  "INPUT",
  "MEMORY",
  "MEMORY_COST",
  "MEMORY_MAX",
  "MEMORY_RESIZE_MODE",
  "MEMORY_SLOTS",
  "NIC",
  "NIC_ALIAS",
  "NIC_DEFAULT",
  "NUMA_NODE",
  "OS",
  "PCI",
  "RAW",
  "SECURITY_GROUP_RULE",
  "SNAPSHOT",
  "SPICE_OPTIONS",
  "SUBMIT_ON_HOLD",
  "TEMPLATE_ID",
  "TM_MAD_SYSTEM",
  "TOPOLOGY",
  "TPM",
  "VCPU",
  "VCPU_MAX",
  "VIDEO",
  "VMGROUP",
  "VROUTER_ID",
  "VROUTER_KEEPALIVED_ID",
  "VROUTER_KEEPALIVED_PASSWORD",
]);

/** Attributes that only the house writes; in a user's text they are dropped. */
const HOUSE_ATTRIBUTES: ReadonlySet<string> = new Set([
  "AUTOMATIC_DS_REQUIREMENTS",
  "AUTOMATIC_NIC_REQUIREMENTS",
  "AUTOMATIC_REQUIREMENTS",
  "CREATED_BY",
  "TEMPLATE_UID",
  "VMID",
]);

/** A VM's text, divided. NAME is taken out: it names the VM. */
export interface DividedTemplate {
  readonly template: Template;
  readonly userTemplate: Template;
}

/** Divides a VM's text between the machine and its owner's notes. */
export function divideTemplate(text: Template): DividedTemplate {
  const entries = Object.entries(text).filter(([name]) => name !== "NAME" && !HOUSE_ATTRIBUTES.has(name));
  const isMachine = ([name]: readonly [string, unknown]) => MACHINE_ATTRIBUTES.has(name);
  return {
    template: Object.fromEntries(entries.filter(isMachine)),
    userTemplate: Object.fromEntries(entries.filter((entry) => !isMachine(entry))),
  };
}

/**
 * A template with the text given at instantiation laid over it: every name given replaces all values of that name, as
 * OpenNebula does; of a CONTEXT, an OS or several NICs nothing is left.
 */
export function mergeInstantiation(base: Template, extra: Template): Template {
  return { ...base, ...extra };
}
