/**
 * Services in SCALING and COOLDOWN. The role that scales:
 *
 *     RUNNING ──scale──▶ SCALING ──size reached──▶ COOLDOWN ──time over, recover──▶ RUNNING
 *                           └──refused, failed, late──▶ FAILED_SCALING
 *
 * Growing it waits for its new VMs as in a deployment; shrinking, for the end of those that were sent away.
 */

import type { Role } from "../model.ts";
import { clearDeadline, ensureDeadline, isLate, lateSentence } from "./deadlines.ts";
import { changeRole, type Draft, remember, roleNamed } from "./draft.ts";
import { failRole, failureSentence } from "./failing.ts";
import { dropLeft, dropLost } from "./gone.ts";
import { growRole } from "./growing.ts";
import { driveLeaving, isStuck, leavingOf } from "./leaving.ts";
import { enterRoleState, enterState } from "./log.ts";
import { isUp, nodesOf, rolesIn, serviceIs } from "./roles.ts";
import { driveWaking } from "./waking.ts";

export const SCALE_UP = 0;
export const SCALE_DOWN = 1;

export function advanceScaling(draft: Draft): void {
  driveLeaving(draft);
  driveWaking(draft);
  for (const { name } of rolesIn(draft, "SCALING")) {
    scaleRole(draft, name);
    if (serviceIs(draft, "FAILED_SCALING")) return;
  }
  if (rolesIn(draft, "SCALING").length === 0) enterState(draft, "COOLDOWN");
}

function scaleRole(draft: Draft, name: string): void {
  ensureDeadline(draft, name);
  const shrinks = roleNamed(draft, name)?.scale_way === SCALE_DOWN;
  if (shrinks) dropLost(draft, name);
  else dropLeft(draft, name);
  const role = roleNamed(draft, name);
  if (role === undefined) return;
  const reason = shrinks ? undefined : failureSentence(draft, role);
  if (reason !== undefined || isStuck(draft, role)) {
    failRole(draft, role, reason);
    return;
  }
  const coming = growRole(draft, role, false);
  const awaited = nodesOf(role).find(({ deploy_id }) => isAwaited(draft, deploy_id));
  if (!coming && awaited === undefined) {
    beginCooldown(draft, role);
    return;
  }
  if (isLate(draft, name)) {
    const sight = awaited === undefined ? undefined : draft.sights.get(awaited.deploy_id);
    failRole(draft, role, lateSentence(draft, role, sight));
  }
}

/** One that is on its way out, or a new one that is not up; what happens to the others is seen to afterwards. */
function isAwaited(draft: Draft, vmId: number): boolean {
  if (leavingOf(draft, vmId) !== undefined) return true;
  return vmId > (draft.progress.newerThan ?? -1) && !isUp(draft, vmId);
}

function beginCooldown(draft: Draft, { name }: Role): void {
  const seconds = draft.progress.cooldown?.seconds ?? draft.context.defaultCooldown;
  clearDeadline(draft, name);
  const until = draft.context.now + seconds * 1000;
  remember(draft, { newerThan: undefined, cooldown: { seconds, until } });
  changeRole(draft, name, ({ scale_way: _, ...role }) => role);
  enterRoleState(draft, name, "COOLDOWN");
}

export function advanceCooldown(draft: Draft): void {
  if (draft.context.now >= (draft.progress.cooldown?.until ?? 0)) endCooldown(draft);
}

/** The service rests again; what happened in the meantime is looked at next. */
export function endCooldown(draft: Draft): void {
  remember(draft, { cooldown: undefined });
  for (const { name } of rolesIn(draft, "COOLDOWN")) enterRoleState(draft, name, "RUNNING");
  enterState(draft, "RUNNING");
}
