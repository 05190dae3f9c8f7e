/**
 * Services in DEPLOYING, and in HOLD while held VMs are being made. A role's way:
 *
 *     PENDING ──parents run──▶ DEPLOYING ──every VM up──▶ RUNNING
 *                                │   ▲
 *              every VM held ────┤   └──released, parents run──┐
 *                                ├─────────────────────────▶ HOLD
 *                                └──refused, failed, ended, late──▶ FAILED_DEPLOYING
 */

import type { Role } from "../model.ts";
import { clearDeadline, ensureDeadline, isLate, lateSentence, setDeadline } from "./deadlines.ts";
import { type Draft, roleNamed } from "./draft.ts";
import { failRole, failureSentence } from "./failing.ts";
import { dropLeft } from "./gone.ts";
import { growRole } from "./growing.ts";
import { driveLeaving, isStuck, leavingOf } from "./leaving.ts";
import { enterRoleState, enterState } from "./log.ts";
import { conditionOf, isIn, isUp, nodesOf, parentsRunIn, rolesIn, serviceIs } from "./roles.ts";
import { driveWaking, wake } from "./waking.ts";

/** Networks are there: the first roles start. HOLD at once where all of them are held, as recorded. */
export function beginDeploying(draft: Draft): void {
  startRoles(draft);
  const started = rolesIn(draft, "DEPLOYING");
  const held = started.length > 0 && started.every((role) => role.on_hold === true);
  enterState(draft, held ? "HOLD" : "DEPLOYING");
}

export function advanceDeploying(draft: Draft): void {
  startRoles(draft);
  driveLeaving(draft);
  driveWaking(draft);
  for (const { name } of rolesIn(draft, "DEPLOYING")) {
    deployRole(draft, name);
    if (serviceIs(draft, "FAILED_DEPLOYING")) return;
  }
  settle(draft);
}

/** Roles whose turn it is: parents run, and none holds them. */
export function rolesToStart(draft: Draft): readonly Role[] {
  const parentsRun = parentsRunIn(draft.body);
  return draft.body.roles.filter(
    (role) => (isIn(role, "PENDING") || (isIn(role, "HOLD") && role.on_hold !== true)) && parentsRun(role),
  );
}

function startRoles(draft: Draft): void {
  for (const role of rolesToStart(draft)) {
    if (isIn(role, "HOLD"))
      wake(draft, new Map(nodesOf(role).map(({ deploy_id }) => [deploy_id, "release"])));
    enterRoleState(draft, role.name, "DEPLOYING");
    setDeadline(draft, role.name);
  }
}

function deployRole(draft: Draft, name: string): void {
  ensureDeadline(draft, name);
  dropLeft(draft, name);
  const role = roleNamed(draft, name);
  if (role === undefined) return;
  const reason = failureSentence(draft, role);
  if (reason !== undefined || isStuck(draft, role)) {
    failRole(draft, role, reason);
    return;
  }
  const coming = growRole(draft, role, role.on_hold === true);
  const awaited = nodesOf(role).find(({ deploy_id }) => !hasArrived(draft, role, deploy_id));
  if (!coming && awaited === undefined) {
    finishRole(draft, role);
    return;
  }
  if (isLate(draft, name)) {
    const sight = awaited === undefined ? undefined : draft.sights.get(awaited.deploy_id);
    failRole(draft, role, lateSentence(draft, role, sight));
  }
}

function hasArrived(draft: Draft, role: Role, vmId: number): boolean {
  if (leavingOf(draft, vmId) !== undefined) return false;
  return isUp(draft, vmId) || (role.on_hold === true && conditionOf(draft, vmId) === "held");
}

function finishRole(draft: Draft, role: Role): void {
  clearDeadline(draft, role.name);
  const held = nodesOf(role).some(({ deploy_id }) => conditionOf(draft, deploy_id) === "held");
  enterRoleState(draft, role.name, held ? "HOLD" : "RUNNING");
}

/** Nothing more to deploy: what can be said of the service as a whole. */
function settle(draft: Draft): void {
  const deploying = rolesIn(draft, "DEPLOYING");
  if (deploying.some((role) => role.on_hold !== true)) {
    enterState(draft, "DEPLOYING");
    return;
  }
  if (deploying.length > 0 || rolesToStart(draft).length > 0) return;
  const [waiting] = rolesIn(draft, "PENDING");
  if (waiting !== undefined && rolesIn(draft, "HOLD", "WARNING").length === 0) {
    const sentence = `Role ${waiting.name} waits for parents that never run: parents must not form a circle.`;
    failRole(draft, waiting, sentence);
    return;
  }
  const held = rolesIn(draft, "HOLD").length > 0 && rolesIn(draft, "RUNNING", "WARNING").length === 0;
  enterState(draft, held ? "HOLD" : "RUNNING");
}
