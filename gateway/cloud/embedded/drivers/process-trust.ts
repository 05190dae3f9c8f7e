/** Whose VMs the process driver runs: a start script is a program on this machine, so only of those trusted with that. */

import { valuesOf } from "../../../../shared/template/types.ts";
import type { Vm } from "../../model.ts";

export interface ProcessTrust {
  readonly enabled: boolean;
  /** Why it is not enabled, and how to change that: one sentence. */
  readonly refusalReason: string;
  readonly trustedUids: ReadonlySet<number>;
}

/** Why the VM may not run here; undefined when it may. Both its creator and the owner of its template must be trusted. */
export function processRefusal(vm: Pick<Vm, "id" | "template">, trust: ProcessTrust): string | undefined {
  if (process.platform !== "linux") return "The process driver runs VMs on Linux only.";
  if (!trust.enabled) return trust.refusalReason;
  const creators = valuesOf(vm.template, "CREATED_BY");
  if (creators.length === 0) {
    return `The process driver does not run virtual machine [${vm.id}], since its creator (TEMPLATE/CREATED_BY) is not known.`;
  }
  return (
    distrusted(vm.id, "its creator", creators, trust.trustedUids) ??
    distrusted(vm.id, "the owner of its template", valuesOf(vm.template, "TEMPLATE_UID"), trust.trustedUids)
  );
}

/** Every value must be a trusted uid, so that no repeated attribute outvotes another. */
function distrusted(
  vmId: number,
  who: string,
  values: ReturnType<typeof valuesOf>,
  trustedUids: ReadonlySet<number>,
): string | undefined {
  const stranger = values.find(
    (value) => typeof value !== "string" || !/^\d+$/.test(value) || !trustedUids.has(Number(value)),
  );
  if (stranger === undefined) return undefined;
  const user = typeof stranger === "string" && /^\d+$/.test(stranger) ? `user [${stranger}]` : "no user";
  return `The process driver does not run virtual machine [${vmId}]: ${who} is ${user}, who is not trusted to run programs on this machine.`;
}
