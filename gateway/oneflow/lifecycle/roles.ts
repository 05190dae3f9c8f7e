/** Questions about roles, their nodes, and what is under way for them. */

import { ROLE_STATE } from "../../../shared/states/role.ts";
import { SERVICE_STATE } from "../../../shared/states/service.ts";
import type { Role, ServiceBody, ServiceNode } from "../model.ts";
import { changeRole, type Draft } from "./draft.ts";
import type { VmCondition, VmSight } from "./events.ts";
import type { RoleStateName, ServiceStateName } from "./log.ts";

export function nodesOf(role: Role): readonly ServiceNode[] {
  return role.nodes ?? [];
}

export function isIn(role: Role, ...names: readonly RoleStateName[]): boolean {
  return names.some((name) => role.state === ROLE_STATE[name]);
}

export function serviceIs(draft: Draft, ...names: readonly ServiceStateName[]): boolean {
  return names.some((name) => draft.body.state === SERVICE_STATE[name]);
}

export function rolesIn(draft: Draft, ...names: readonly RoleStateName[]): readonly Role[] {
  return draft.body.roles.filter((role) => isIn(role, ...names));
}

/** Under `straight` a role waits for its parents; names that no role bears are not waited for. */
export function parentsRunIn({ deployment, roles }: ServiceBody): (role: Role) => boolean {
  if (deployment !== "straight") return () => true;
  const awaited = new Set(roles.flatMap((role) => (isIn(role, "RUNNING") ? [] : [role.name])));
  return ({ parents = [] }) => !parents.some((parent) => awaited.has(parent));
}

/** Under `straight` a role outlives those that were started after it. */
export function childrenGoneIn({ deployment, roles }: ServiceBody): (role: Role) => boolean {
  if (deployment !== "straight") return () => true;
  const needed = new Set(roles.flatMap((role) => (isIn(role, "DONE") ? [] : (role.parents ?? []))));
  return ({ name }) => !needed.has(name);
}

export function conditionOf(draft: Draft, vmId: number): VmCondition {
  return draft.sights.get(vmId)?.condition ?? "starting";
}

/** Whether a VM has come up: RUNNING, and READY where the service waits for that (spec oneflow-lifecycle.md 4). */
export function isUp(draft: Draft, vmId: number): boolean {
  const sight = draft.sights.get(vmId);
  if (sight?.condition !== "running") return false;
  return draft.body.ready_status_gate !== true || sight.ready;
}

/** How many VMs of each role are being made. */
export function beingMade(draft: Draft): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const key of draft.asked) {
    const [kind, role = ""] = key.split(":");
    if (kind === "make_vm") counts.set(role, (counts.get(role) ?? 0) + 1);
  }
  return counts;
}

/** Whether anything is being made for a role whose coming must be awaited. */
export function isMaking(draft: Draft, role: Role): boolean {
  if (role.type === "vr")
    return draft.asked.has(`make_router:${role.name}`) || draft.asked.has(`fill_router:${role.name}`);
  return beingMade(draft).has(role.name);
}

/** Puts a VM among a role's nodes, by id, so that the first is the oldest. */
export function addNode(draft: Draft, roleName: string, node: ServiceNode, sight: VmSight): void {
  draft.sights.set(node.deploy_id, sight);
  changeRole(draft, roleName, (role) => {
    const nodes = nodesOf(role);
    if (nodes.some(({ deploy_id }) => deploy_id === node.deploy_id)) return role;
    const place = nodes.findLastIndex(({ deploy_id }) => deploy_id < node.deploy_id) + 1;
    return { ...role, nodes: nodes.toSpliced(place, 0, node) };
  });
}
