/** Which VMs QEMU runs, and which of them may have more than a copy of an image and OneGate. */

import { errorText } from "../../../../shared/errors.ts";
import type { Vm } from "../../model.ts";
import { processRefusal } from "./process-trust.ts";
import { planGuest } from "./qemu-plan.ts";
import { requireNothingElse } from "./qemu-refused.ts";

export interface QemuTrust {
  readonly enabled: boolean;
  /** Why it is not enabled, and how to change that: one sentence. */
  readonly refusalReason: string;
  /** Users who may write images themselves, and whose guests may reach more than OneGate in the `user` network. */
  readonly trustedUids: ReadonlySet<number>;
  /** What guests may have in all; a VM that needs more is not run. */
  readonly guestMemoryMiB: number;
}

/** Both its creator and the owner of its template are trusted. */
export function isTrustedVm(vm: Pick<Vm, "id" | "template">, { trustedUids }: QemuTrust): boolean {
  return processRefusal(vm, { enabled: true, refusalReason: "", trustedUids }) === undefined;
}

/** Why the VM may not run here; undefined when it may. */
export function qemuRefusal(vm: Pick<Vm, "id" | "template">, trust: QemuTrust): string | undefined {
  if (process.platform !== "linux") return "The qemu driver runs VMs on Linux only.";
  if (!trust.enabled) return trust.refusalReason;
  try {
    requireNothingElse(vm.template);
    const { memoryMiB, disks } = planGuest(vm);
    if (memoryMiB > trust.guestMemoryMiB)
      return `MEMORY is ${memoryMiB} MiB, and guests have ${trust.guestMemoryMiB} MiB on this machine.`;
    const isWriter = disks.some(({ persistent, readOnly }) => persistent && !readOnly);
    if (!isWriter || isTrustedVm(vm, trust)) return undefined;
    return `The qemu driver does not run virtual machine [${vm.id}]: a DISK is PERSISTENT, and only users whom cloud.qemu.trusted_users names may write images themselves.`;
  } catch (error) {
    return errorText(error);
  }
}
