/**
 * Services in UNDEPLOYING. Under `straight` a role's turn comes when those that were started after it are DONE:
 *
 *     (any) ──its turn──▶ UNDEPLOYING ──no VM left──▶ DONE
 *                            └──a VM will not go, late──▶ FAILED_UNDEPLOYING
 *
 * A VM or router still being made ends as soon as it is known.
 */

import type { Role } from "../model.ts";
import { clearDeadline, ensureDeadline, isLate, lateSentence, setDeadline } from "./deadlines.ts";
import { ask, type Draft, remember, roleNamed } from "./draft.ts";
import { failRole } from "./failing.ts";
import { dropGone } from "./gone.ts";
import { driveLeaving, isStuck, leavingOf, letGo } from "./leaving.ts";
import { enterRoleState, enterState } from "./log.ts";
import { beginNetworksRemoval, isOwnNetworkLeft } from "./networks.ts";
import { childrenGoneIn, isIn, isMaking, nodesOf, serviceIs } from "./roles.ts";

/** From here all ends, whatever was under way. `force`: VMs are deleted, and in no order. */
export function beginUndeploying(draft: Draft, force = false): void {
  const { ownNetworks } = draft.progress;
  draft.progress = { ...(ownNetworks && { ownNetworks }), ...(force && { force }) };
  for (const { name } of draft.body.roles) resume(draft, name);
  enterState(draft, "UNDEPLOYING");
}

/** One role ends, and is then taken out. */
export function beginRemoving(draft: Draft, name: string): void {
  remember(draft, { removing: name });
  enterState(draft, "UNDEPLOYING");
}

/** What failed to end is tried again. */
export function resumeUndeploying(draft: Draft): void {
  remember(draft, { leaving: undefined });
  for (const role of draft.body.roles) {
    resume(draft, role.name);
    // Its router took them along, and yet they are there.
    if (role.type === "vr" && role.vrouter_id === undefined) sendAway(draft, role);
  }
  enterState(draft, "UNDEPLOYING");
}

function resume(draft: Draft, name: string): void {
  const role = roleNamed(draft, name);
  if (role === undefined || !isIn(role, "UNDEPLOYING", "FAILED_UNDEPLOYING")) return;
  enterRoleState(draft, name, "UNDEPLOYING");
  setDeadline(draft, name);
}

export function advanceUndeploying(draft: Draft): void {
  for (const { name } of rolesToEnd(draft)) {
    endRole(draft, name);
    if (serviceIs(draft, "FAILED_UNDEPLOYING")) return;
  }
  driveLeaving(draft);
  settle(draft);
}

/** Those whose turn it is. Services of other houses may have parents in a circle: then nobody waits for anybody. */
function rolesToEnd({ body, progress }: Draft): readonly Role[] {
  const { removing, force } = progress;
  // One that was called DONE elsewhere, and has VMs, has not ended.
  const left = body.roles.filter((role) => !isIn(role, "DONE") || nodesOf(role).length > 0);
  if (removing !== undefined) return left.filter(({ name }) => name === removing);
  if (force === true) return left;
  const first = left.filter(childrenGoneIn(body));
  return first.length > 0 ? first : left;
}

function endRole(draft: Draft, name: string): void {
  beginRole(draft, name);
  ensureDeadline(draft, name);
  dropGone(draft, name);
  const role = roleNamed(draft, name);
  if (role === undefined) return;
  if (isStuck(draft, role)) {
    failRole(draft, role);
    return;
  }
  if (role.type === "vr") removeRouter(draft, role);
  if (role.type === "vm" || (draft.progress.force === true && role.vrouter_id === undefined))
    sendAway(draft, role);
  const waits = isMaking(draft, role) || (role.type === "vr" && role.vrouter_id !== undefined);
  if (nodesOf(role).length === 0 && !waits) {
    clearDeadline(draft, name);
    enterRoleState(draft, name, "DONE");
    return;
  }
  const [first] = nodesOf(role);
  const sight = first === undefined ? undefined : draft.sights.get(first.deploy_id);
  if (isLate(draft, name)) failRole(draft, role, lateSentence(draft, role, sight));
}

function beginRole(draft: Draft, name: string): void {
  const role = roleNamed(draft, name);
  if (role === undefined || isIn(role, "UNDEPLOYING")) return;
  enterRoleState(draft, name, "UNDEPLOYING");
  setDeadline(draft, name);
}

function sendAway(draft: Draft, role: Role): void {
  const staying = nodesOf(role).filter(({ deploy_id }) => leavingOf(draft, deploy_id) === undefined);
  const action = role.type === "vm" ? role.shutdown_action : undefined;
  letGo(
    draft,
    staying.map(({ deploy_id }) => deploy_id),
    "end",
    action,
  );
}

/** Its VMs end with it, so it goes when they are all known. */
function removeRouter(draft: Draft, role: Role): void {
  if (role.type !== "vr" || role.vrouter_id === undefined || isMaking(draft, role)) return;
  ask(draft, { kind: "remove_router", role: role.name, routerId: role.vrouter_id });
}

function settle(draft: Draft): void {
  const { removing } = draft.progress;
  if (removing !== undefined) {
    takeOut(draft, removing);
    return;
  }
  if (!draft.body.roles.every((role) => isIn(role, "DONE"))) return;
  if (isOwnNetworkLeft(draft)) {
    beginNetworksRemoval(draft);
    return;
  }
  ask(draft, { kind: "remove_document" });
}

/** A role that is gone leaves the service, and the last one ends it. */
function takeOut(draft: Draft, name: string): void {
  const role = roleNamed(draft, name);
  if (role !== undefined && !isIn(role, "DONE")) return;
  draft.body = { ...draft.body, roles: draft.body.roles.filter((other) => other !== role) };
  remember(draft, { removing: undefined, deadlines: undefined });
  if (draft.body.roles.length > 0) enterState(draft, "RUNNING");
}
