/** What is told of VMs: how they are, that they are made, and what became of what they were told. */

import type { Role, ServiceNode } from "../model.ts";
import { ask, type Draft, roleNamed } from "./draft.ts";
import type { FlowEvent, VmAct, VmCondition, VmSight } from "./events.ts";
import { failRole } from "./failing.ts";
import { leavingRefused, leavingTold } from "./leaving.ts";
import { log, note } from "./log.ts";
import { addNode, isIn, nodesOf, serviceIs } from "./roles.ts";
import { forgetWaking, mustWake } from "./waking.ts";
import { isHealing, stopHealing } from "./watching.ts";

/** Of nodes, and of VMs that are being made: what happens to one before it is known must not be lost. */
export function vmsSeen(draft: Draft, sights: readonly VmSight[]): void {
  for (const sight of sights) {
    const known = draft.sights.get(sight.vmId);
    if (known === undefined ? isMakingAny(draft) : known.condition !== "done")
      draft.sights.set(sight.vmId, sight);
  }
}

function isMakingAny(draft: Draft): boolean {
  for (const key of draft.asked) if (/^(?:make_vm|fill_router):/.test(key)) return true;
  return false;
}

/** How far a VM has come since it was made: of two sights of a new one the later is the one that is further. */
const WAY: readonly VmCondition[] = [
  "starting",
  "held",
  "running",
  "resting",
  "powered_off",
  "unknown",
  "failed",
  "ending",
  "done",
];

interface MadeVm {
  readonly role: string;
  readonly node: ServiceNode;
  readonly sight: VmSight;
  /** Undefined: made by a router. */
  readonly number?: number;
}

export function vmMade(draft: Draft, { role: roleName, number, node, sight }: MadeVm): void {
  const awaited = number === undefined || draft.asked.delete(`make_vm:${roleName}:${number}`);
  const seen = draft.sights.get(node.deploy_id);
  // Told twice, of one that has come and gone.
  if (!awaited && seen?.condition === "done") return;
  const role = roleNamed(draft, roleName);
  if (role === undefined) {
    ask(draft, { kind: "act_on_vm", vmId: node.deploy_id, act: "delete" });
    return;
  }
  if (nodesOf(role).some(({ deploy_id }) => deploy_id === node.deploy_id)) return;
  addNode(draft, roleName, node, seen === undefined ? sight : furtherOf(seen, sight));
}

function furtherOf(one: VmSight, other: VmSight): VmSight {
  const further = WAY.indexOf(other.condition) > WAY.indexOf(one.condition) ? other : one;
  return { ...further, ready: one.ready || other.ready };
}

export function vmNotMade(draft: Draft, event: Extract<FlowEvent, { kind: "vm_not_made" }>): void {
  if (!draft.asked.delete(`make_vm:${event.role}:${event.number}`)) return;
  const role = roleNamed(draft, event.role);
  const message = `Role ${event.role} : Instantiate failed for template ${event.templateId}; ${event.message}`;
  if (role !== undefined && isUnderWay(draft, role)) {
    failRole(draft, role, message);
    return;
  }
  if (role !== undefined && isHealing(draft, role.name)) {
    log(draft, "ROL", "E", message);
    stopHealing(draft, role);
    return;
  }
  note(draft, "ROL", "E", message);
}

/** Whether a role is in a step that can fail; one that outlasts another's failure just waits. */
export function isUnderWay(draft: Draft, role: Role): boolean {
  return isIn(role, "DEPLOYING", "SCALING") && serviceIs(draft, "DEPLOYING", "HOLD", "SCALING");
}

export function vmActed(draft: Draft, vmId: number, act: VmAct): void {
  if (!draft.asked.delete(`act_on_vm:${vmId}:${act}`)) return;
  if (isEnd(act)) leavingTold(draft, vmId, act);
  else forgetWaking(draft, new Set([vmId]));
}

const WAKE_NAMES: { readonly [act in VmAct]?: string } = {
  resume: "Resume",
  boot: "Boot",
  release: "Release",
};

export function vmNotActed(draft: Draft, event: Extract<FlowEvent, { kind: "vm_not_acted" }>): void {
  const { vmId, act, message } = event;
  if (!draft.asked.delete(`act_on_vm:${vmId}:${act}`)) return;
  if (isEnd(act)) {
    leavingRefused(draft, vmId, act, message);
    return;
  }
  const role = draft.body.roles.find((candidate) =>
    nodesOf(candidate).some(({ deploy_id }) => deploy_id === vmId),
  );
  if (role === undefined || !mustWake(draft, vmId)) {
    forgetWaking(draft, new Set([vmId]));
    return;
  }
  const sentence = `Role ${role.name} : ${WAKE_NAMES[act] ?? act} failed for VM ${vmId}; ${message}`;
  if (isUnderWay(draft, role)) {
    failRole(draft, role, sentence);
    return;
  }
  log(draft, "ROL", "E", sentence);
  // A role that waits for recover is owed it still.
  if (!isIn(role, "DEPLOYING", "SCALING", "FAILED_DEPLOYING", "FAILED_SCALING"))
    forgetWaking(draft, new Set([vmId]));
}

function isEnd(act: VmAct): act is "terminate" | "terminate-hard" | "delete" {
  return act === "terminate" || act === "terminate-hard" || act === "delete";
}
