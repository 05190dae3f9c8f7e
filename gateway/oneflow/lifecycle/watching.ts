/**
 * Services at rest: RUNNING, WARNING and HOLD. All is looked at anew each time, so a WARNING goes when its cause does:
 *
 *     RUNNING ──a VM failed, unknown, powered off──▶ WARNING ──none is──▶ RUNNING
 */

import type { Role } from "../model.ts";
import { clearDeadline, ensureDeadline, isLate, lateSentence } from "./deadlines.ts";
import { rolesToStart } from "./deploying.ts";
import { type Draft, remember, roleNamed } from "./draft.ts";
import { dropLost } from "./gone.ts";
import { growRole } from "./growing.ts";
import { driveLeaving, forgetLeaving, isStuck, leavingOf } from "./leaving.ts";
import { enterRoleState, enterState, log } from "./log.ts";
import { conditionOf, isIn, isUp, nodesOf, rolesIn } from "./roles.ts";
import { beginUndeploying } from "./undeploying.ts";
import { driveWaking } from "./waking.ts";

export function advanceResting(draft: Draft): void {
  driveLeaving(draft);
  driveWaking(draft);
  for (const { name } of rolesIn(draft, "RUNNING", "WARNING", "HOLD")) watchRole(draft, name);
  if (rolesToStart(draft).length > 0) {
    enterState(draft, "DEPLOYING");
    return;
  }
  if (draft.body.automatic_deletion === true && hasEnded(draft)) {
    beginUndeploying(draft);
    return;
  }
  if (rolesIn(draft, "WARNING").length > 0) {
    enterState(draft, "WARNING");
    return;
  }
  const held = rolesIn(draft, "HOLD").length > 0 && rolesIn(draft, "RUNNING").length === 0;
  enterState(draft, held ? "HOLD" : "RUNNING");
}

/** No role has a node left, and there were some. */
function hasEnded({ body }: Draft): boolean {
  const were = body.roles.some((role) => (role.last_vmname ?? 0) > 0 || role.type === "vr");
  return were && body.roles.every((role) => nodesOf(role).length === 0 && role.cardinality === 0);
}

function watchRole(draft: Draft, name: string): void {
  dropLost(draft, name);
  const role = roleNamed(draft, name);
  if (role === undefined) return;
  if (isIn(role, "HOLD")) {
    if (nodesOf(role).every(({ deploy_id }) => isUp(draft, deploy_id)))
      enterRoleState(draft, name, "RUNNING");
    return;
  }
  const healing = isHealing(draft, name) && heal(draft, role);
  enterRoleState(draft, name, healing || isAiling(draft, role) ? "WARNING" : "RUNNING");
}

/** Whether a VM is in a state that somebody must look at, or one is missing since it could not be replaced. */
function isAiling(draft: Draft, role: Role): boolean {
  if (nodesOf(role).length < role.cardinality) return true;
  return nodesOf(role).some(({ deploy_id }) =>
    ["failed", "unknown", "powered_off"].includes(conditionOf(draft, deploy_id)),
  );
}

export function isHealing(draft: Draft, name: string): boolean {
  return draft.progress.healing?.includes(name) === true;
}

export function startHealing(draft: Draft, name: string): void {
  if (!isHealing(draft, name)) remember(draft, { healing: [...(draft.progress.healing ?? []), name] });
}

/** Gives up mending: who is still wrong keeps the WARNING. */
export function stopHealing(draft: Draft, role: Role): void {
  const healing = (draft.progress.healing ?? []).filter((name) => name !== role.name);
  remember(draft, { healing: healing.length === 0 ? undefined : healing });
  clearDeadline(draft, role.name);
  forgetLeaving(draft, new Set(nodesOf(role).map(({ deploy_id }) => deploy_id)));
}

/** Replaces what recover sent away; whether that is still under way. */
function heal(draft: Draft, role: Role): boolean {
  ensureDeadline(draft, role.name);
  const coming = !isStuck(draft, role) && growRole(draft, role, false);
  const awaited = nodesOf(role).find(({ deploy_id }) => {
    const { [deploy_id]: act } = draft.progress.wake ?? {};
    const moving = act !== undefined || leavingOf(draft, deploy_id) !== undefined;
    return moving || conditionOf(draft, deploy_id) === "starting";
  });
  const late = isLate(draft, role.name);
  if (!isStuck(draft, role) && !late && (coming || awaited !== undefined)) return true;
  if (late) {
    const sight = awaited === undefined ? undefined : draft.sights.get(awaited.deploy_id);
    log(draft, "ROL", "E", lateSentence(draft, role, sight));
  }
  stopHealing(draft, role);
  return false;
}
