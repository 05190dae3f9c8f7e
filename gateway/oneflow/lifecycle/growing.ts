/** Making the VMs that a role lacks, never more: those that are being made count as there. */

import type { Role, VrRole } from "../model.ts";
import { ask, changeRole, type Draft } from "./draft.ts";
import { beingMade, nodesOf } from "./roles.ts";

/** Of a service at one time: each answer asks for the next, so a role of many thousand VMs is no burst of effects. */
export const MAX_BEING_MADE = 256;

/**
 * Asks for what a role lacks, as far as that goes at one time; `hold`: its VMs wait for a release. Its numbers are spent
 * in this step, so that a name is not given twice. Returns whether anything is still to come.
 */
export function growRole(draft: Draft, role: Role, hold: boolean): boolean {
  if (role.type === "vr") return growRouter(draft, role, hold);
  // Enough is asked for: each answer leads here again, and a service may have a thousand roles.
  if (draft.asked.size >= MAX_BEING_MADE && role.cardinality > nodesOf(role).length) return true;
  const made = beingMade(draft);
  const coming = made.get(role.name) ?? 0;
  const lacking = Math.max(0, role.cardinality - nodesOf(role).length - coming);
  const asked = Math.min(lacking, Math.max(0, MAX_BEING_MADE - total(made)));
  const first = role.last_vmname ?? 0;
  for (let number = first; number < first + asked; number += 1)
    ask(draft, { kind: "make_vm", role: role.name, number, hold });
  if (asked > 0) changeRole(draft, role.name, (before) => ({ ...before, last_vmname: first + asked }));
  return coming + lacking > 0;
}

function total(counts: ReadonlyMap<string, number>): number {
  return counts.values().reduce((sum, count) => sum + count, 0);
}

/** A virtual router is made first, then filled with its VMs. */
function growRouter(draft: Draft, role: VrRole, hold: boolean): boolean {
  if (role.vrouter_id === undefined) {
    ask(draft, { kind: "make_router", role: role.name });
    return true;
  }
  const count = Math.min(role.cardinality - nodesOf(role).length, MAX_BEING_MADE);
  if (count <= 0) return false;
  ask(draft, { kind: "fill_router", role: role.name, routerId: role.vrouter_id, count, hold });
  return true;
}
