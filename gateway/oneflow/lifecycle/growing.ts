/** Making the VMs that a role lacks, never more: those that are being made count as there. */

import type { Role, VrRole } from "../model.ts";
import { ask, changeRole, type Draft } from "./draft.ts";
import { beingMade, nodesOf } from "./roles.ts";

/**
 * Asks for what a role lacks; `hold`: its VMs wait for a release. Its numbers are spent in this step, so that a name is
 * not given twice. Returns whether anything is still to come.
 */
export function growRole(draft: Draft, role: Role, hold: boolean): boolean {
  if (role.type === "vr") return growRouter(draft, role, hold);
  const coming = beingMade(draft).get(role.name) ?? 0;
  const lacking = Math.max(0, role.cardinality - nodesOf(role).length - coming);
  const first = role.last_vmname ?? 0;
  for (let number = first; number < first + lacking; number += 1)
    ask(draft, { kind: "make_vm", role: role.name, number, hold });
  if (lacking > 0) changeRole(draft, role.name, (before) => ({ ...before, last_vmname: first + lacking }));
  return coming + lacking > 0;
}

/** A virtual router is made first, then filled with its VMs. */
function growRouter(draft: Draft, role: VrRole, hold: boolean): boolean {
  if (role.vrouter_id === undefined) {
    ask(draft, { kind: "make_router", role: role.name });
    return true;
  }
  const count = role.cardinality - nodesOf(role).length;
  if (count <= 0) return false;
  ask(draft, { kind: "fill_router", role: role.name, routerId: role.vrouter_id, count, hold });
  return true;
}
