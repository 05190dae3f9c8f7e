/** A process takes a service up: it is new, or an earlier process ended somewhere in the middle. */

import type { Role, ServiceBody } from "../model.ts";
import { forgetDeadlines } from "./deadlines.ts";
import { changeRole, type Draft, remember } from "./draft.ts";
import type { FlowEvent, FoundVm } from "./events.ts";
import { retell } from "./leaving.ts";
import { networkMade } from "./networks.ts";
import { addNode, conditionOf, isIn, nodesOf, serviceIs } from "./roles.ts";

type TakenUp = Extract<FlowEvent, { kind: "taken_up" }>;

/** What was asked for is not under way any more; what is found there counts, written down or not. */
export function takeUp(draft: Draft, { vms, networks, routers }: TakenUp): void {
  draft.asked.clear();
  draft.sights.clear();
  for (const { sight } of vms) draft.sights.set(sight.vmId, sight);
  for (const role of draft.body.roles)
    for (const { deploy_id } of nodesOf(role)) markMissing(draft, deploy_id);
  for (const role of draft.body.roles)
    adopt(
      draft,
      role,
      vms.filter((vm) => vm.role === role.name),
    );
  for (const [name, id] of networks) networkMade(draft, name, id);
  for (const [name, id] of routers) routerFound(draft, name, id);
  forgetDeadlines(draft);
  limitCooldown(draft);
  forgetStrangeNetworks(draft);
  retell(draft);
}

/** A node that the cloud has no more. */
function markMissing(draft: Draft, vmId: number): void {
  if (draft.sights.has(vmId)) return;
  draft.sights.set(vmId, { vmId, condition: "done", stateName: "DONE", ready: false });
}

/**
 * VMs that were made and not written down. A role at its size lacks none: then they are somebody else's, unless the
 * role ends, where nothing may stay behind.
 */
function adopt(draft: Draft, role: Role, found: readonly FoundVm[]): void {
  const known = new Set(nodesOf(role).map(({ deploy_id }) => deploy_id));
  let alive = [...known].filter((vmId) => conditionOf(draft, vmId) !== "done").length;
  for (const { node, sight } of found) {
    if (known.has(node.deploy_id)) continue;
    const wanted = sight.condition !== "done" && (alive < role.cardinality || isEnding(draft, role));
    if (wanted) addNode(draft, role.name, node, sight);
    else draft.sights.delete(node.deploy_id);
    if (wanted) alive += 1;
  }
}

function isEnding(draft: Draft, role: Role): boolean {
  const { removing } = draft.progress;
  return (
    serviceIs(draft, "UNDEPLOYING", "FAILED_UNDEPLOYING") &&
    (removing === undefined || removing === role.name)
  );
}

function routerFound(draft: Draft, name: string, id: number): void {
  changeRole(draft, name, (role) =>
    role.type === "vr" && role.vrouter_id === undefined && !isIn(role, "DONE")
      ? { ...role, vrouter_id: id }
      : role,
  );
}

/** Whoever writes a service by hand may call networks its own that it has not: they would be awaited in vain. */
function forgetStrangeNetworks(draft: Draft): void {
  const { ownNetworks = [] } = draft.progress;
  const known = new Set(draft.body.networks_values?.flatMap((entry) => Object.keys(entry)));
  const own = ownNetworks.filter((name) => known.has(name));
  if (own.length < ownNetworks.length) remember(draft, { ownNetworks: own.length === 0 ? undefined : own });
}

/** The wall clock may have gone back between two processes; a cooldown grows no longer by that. */
function limitCooldown(draft: Draft): void {
  const { cooldown } = draft.progress;
  if (cooldown?.until === undefined) return;
  if (!serviceIs(draft, "COOLDOWN")) {
    remember(draft, { cooldown: undefined });
    return;
  }
  const latest = draft.context.now + cooldown.seconds * 1000;
  if (cooldown.until > latest) remember(draft, { cooldown: { ...cooldown, until: latest } });
}

/** The runtime attributes of roles, as recorded, and who is made on hold (spec oneflow-lifecycle.md 5). */
export function withRolesReady(body: ServiceBody, defaultCooldown: number): ServiceBody {
  return { ...body, roles: body.roles.map((role) => readyRole(body, role, defaultCooldown)) };
}

/** A service on hold holds the roles that come first; the others follow when those run. */
export function readyRole(
  body: Pick<ServiceBody, "on_hold" | "deployment">,
  role: Role,
  defaultCooldown: number,
): Role {
  const first = body.deployment !== "straight" || (role.parents ?? []).length === 0;
  const common = {
    nodes: nodesOf(role),
    on_hold: role.on_hold === true || (body.on_hold === true && first),
  };
  const template_contents = role.template_contents ?? {};
  if (role.type === "vr")
    return { ...role, ...common, template_contents, last_vmname: role.last_vmname ?? 0 };
  return { ...role, ...common, cooldown: role.cooldown ?? defaultCooldown, template_contents };
}
