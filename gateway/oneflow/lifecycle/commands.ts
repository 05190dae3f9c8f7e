/** What people and the auto-scaler ask of a service: taken, or refused with the reason. */

import { GatehouseError } from "../../../shared/errors.ts";
import { ROLE_STATE } from "../../../shared/states/role.ts";
import { serviceStateName } from "../../../shared/states/service.ts";
import type { Role } from "../model.ts";
import { changeRole, type Draft, roleNamed } from "./draft.ts";
import type { ServiceCommand } from "./events.ts";
import { enterState } from "./log.ts";
import { withNetworksFilled } from "./networks.ts";
import { recover } from "./recovering.ts";
import { refuseState } from "./refusal.ts";
import { rolesIn, serviceIs } from "./roles.ts";
import { obeyScale } from "./scale.ts";
import { readyRole } from "./taking-up.ts";
import { beginRemoving, beginUndeploying } from "./undeploying.ts";
import { notePolicies, updateBody } from "./updating.ts";

/** @throws GatehouseError `wrong_state`, `bad_request`, `not_found`, `conflict`: nothing has changed then. */
export function obey(draft: Draft, command: ServiceCommand): void {
  switch (command.kind) {
    case "scale":
      obeyScale(draft, command);
      return;
    case "undeploy":
      undeploy(draft);
      return;
    case "recover":
      recover(draft);
      return;
    case "recover_delete":
      beginUndeploying(draft, true);
      return;
    case "release":
      release(draft);
      return;
    case "add_role":
      addRole(draft, command.role);
      return;
    case "remove_role":
      removeRole(draft, command.role);
      return;
    case "update":
      updateBody(draft, command.body);
      return;
    case "note_policies":
      notePolicies(draft, command.roles);
      return;
  }
}

/** Also in every transient state: what was under way is given up. */
function undeploy(draft: Draft): void {
  if (serviceIs(draft, "FAILED_DEPLOYING", "FAILED_SCALING", "FAILED_UNDEPLOYING", "DONE"))
    refuseState(draft, "undeployed");
  if (serviceIs(draft, "FAILED_DEPLOYING_NETS", "FAILED_UNDEPLOYING_NETS")) refuseState(draft, "undeployed");
  if (serviceIs(draft, "UNDEPLOYING_NETS")) return;
  if (serviceIs(draft, "UNDEPLOYING") && draft.progress.removing === undefined) return;
  beginUndeploying(draft);
}

/** Roles on hold are so no more; each goes on as soon as its parents run. */
function release(draft: Draft): void {
  const held = rolesIn(draft, "HOLD").filter((role) => role.on_hold === true);
  if (held.length === 0) throw new GatehouseError("wrong_state", "Service has no roles in HOLD");
  if (serviceIs(draft, "UNDEPLOYING", "FAILED_UNDEPLOYING")) refuseState(draft, "released");
  for (const { name } of held) changeRole(draft, name, (role) => ({ ...role, on_hold: false }));
}

function addRole(draft: Draft, added: Role): void {
  requireRunning(draft);
  if (roleNamed(draft, added.name) !== undefined)
    throw new GatehouseError("conflict", `Role ${added.name} already exists`);
  const pending = { ...added, state: ROLE_STATE.PENDING, nodes: [] };
  // A service that was made on hold has been released by now: only the role's own word counts.
  const role = readyRole({ deployment: draft.body.deployment }, pending, draft.context.defaultCooldown);
  draft.body = withNetworksFilled({ ...draft.body, roles: [...draft.body.roles, role] });
  enterState(draft, "DEPLOYING");
}

function removeRole(draft: Draft, name: string): void {
  requireRunning(draft);
  if (roleNamed(draft, name) === undefined)
    throw new GatehouseError("not_found", `Role ${name} does not exist`);
  beginRemoving(draft, name);
}

function requireRunning(draft: Draft): void {
  if (serviceIs(draft, "RUNNING")) return;
  const state = serviceStateName(draft.body.state);
  throw new GatehouseError("wrong_state", `Cannot modify roles in state: ${state}`);
}
