/** The scale command: its refusals are the original's sentences (spec oneflow-api.md 3), checked in its order. */

import { GatehouseError } from "../../../shared/errors.ts";
import { roleStateName } from "../../../shared/states/role.ts";
import { limitRefusal } from "../elasticity/adjust.ts";
import { withoutCounters } from "../elasticity/decide.ts";
import type { Role, VmRole } from "../model.ts";
import { MAX_CARDINALITY } from "../schema/limits.ts";
import { setDeadline } from "./deadlines.ts";
import { changeRole, type Draft, remember, roleNamed } from "./draft.ts";
import type { ServiceCommand } from "./events.ts";
import { letGo } from "./leaving.ts";
import { enterRoleState, enterState, log } from "./log.ts";
import { refuseState } from "./refusal.ts";
import { isIn, nodesOf, serviceIs } from "./roles.ts";
import { SCALE_DOWN, SCALE_UP } from "./scaling.ts";
import { notePolicies } from "./updating.ts";

type Scale = Extract<ServiceCommand, { kind: "scale" }>;

/** @throws GatehouseError `wrong_state`, `not_found`, `bad_request` */
export function obeyScale(draft: Draft, command: Scale): void {
  const role = scalableRole(draft, command.role);
  requireCardinality(draft, role, command);
  const { cardinality, byPolicies } = command;
  if (byPolicies !== undefined) notePolicies(draft, new Map([[role.name, byPolicies]]));
  const way = cardinality > role.cardinality ? SCALE_UP : SCALE_DOWN;
  const direction = way === SCALE_UP ? "up" : "down";
  log(
    draft,
    "ROL",
    "I",
    `Role ${role.name} scaling ${direction} from ${role.cardinality} to ${cardinality} nodes`,
  );
  changeRole(draft, role.name, (before) => ({ ...countingAnew(before), cardinality, scale_way: way }));
  const seconds = command.cooldown ?? role.cooldown ?? draft.context.defaultCooldown;
  remember(draft, { cooldown: { seconds }, newerThan: newestOf(role) });
  letGo(draft, surplus(role, cardinality, command.firstToGo ?? []), "shrink", role.shutdown_action);
  enterRoleState(draft, role.name, "SCALING");
  setDeadline(draft, role.name);
  enterState(draft, "SCALING");
}

/** Ids rise, but VMs that are made side by side need not be known in their order. */
function newestOf(role: VmRole): number | undefined {
  const ids = nodesOf(role).map(({ deploy_id }) => deploy_id);
  return ids.length === 0 ? undefined : ids.reduce((most, id) => Math.max(most, id));
}

/** Counters of policies go when the role scales, whoever asked (spec elasticity.md 3). */
function countingAnew(role: Role): Role {
  if (role.type !== "vm" || role.elasticity_policies === undefined) return role;
  return { ...role, elasticity_policies: withoutCounters(role.elasticity_policies) };
}

function scalableRole(draft: Draft, name: string): VmRole {
  if (!serviceIs(draft, "RUNNING")) refuseState(draft, "scaled");
  const role = roleNamed(draft, name);
  if (role === undefined) throw new GatehouseError("not_found", `Role ${name} not found`);
  if (role.type === "vr")
    throw new GatehouseError(
      "bad_request",
      `Role ${name} is a virtual router: its cardinality cannot be changed.`,
    );
  if (!isIn(role, "RUNNING"))
    throw new GatehouseError(
      "wrong_state",
      `Role ${name} cannot be scaled in state: ${roleStateName(role.state)}`,
    );
  return role;
}

/** `force` goes beyond min_vms and max_vms, but never below nothing, nor above what a role may have at all. */
function requireCardinality(draft: Draft, role: VmRole, command: Scale): void {
  const { cardinality, byPolicies } = command;
  const refuse = (limit: string) =>
    new GatehouseError("bad_request", `Can't scale service ${draft.id}: ${limit}`);
  if (!Number.isSafeInteger(cardinality)) throw refuse("The cardinality must be a whole number");
  const limit = byPolicies === undefined ? limitOf(role, command) : limitRefusal(role, cardinality);
  if (limit !== undefined) throw refuse(limit);
  if (cardinality > MAX_CARDINALITY) throw refuse(`Maximum cardinality is ${MAX_CARDINALITY}`);
  if (cardinality === role.cardinality)
    throw new GatehouseError("bad_request", `Cardinality of ${role.name} is already at ${cardinality}`);
}

/** Which limit somebody's own wish breaks, whatever the role has now. */
function limitOf({ min_vms = 0, max_vms }: VmRole, { cardinality, force }: Scale): string | undefined {
  const least = force ? 0 : min_vms;
  if (cardinality < least) return `Minimum cardinality is ${least}`;
  if (!force && max_vms !== undefined && cardinality > max_vms) return `Maximum cardinality is ${max_vms}`;
  return undefined;
}

/** The VMs that go: those that were named, then the oldest. */
function surplus(role: VmRole, cardinality: number, firstToGo: readonly number[]): readonly number[] {
  const nodes = nodesOf(role).map(({ deploy_id }) => deploy_id);
  const named = new Set(firstToGo);
  const order = [...nodes.filter((id) => named.has(id)), ...nodes.filter((id) => !named.has(id))];
  return order.slice(0, Math.max(0, nodes.length - cardinality));
}
