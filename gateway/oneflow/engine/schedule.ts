/** Actions on the VMs of a role at times to come (spec oneflow-api.md 3, "Schedule actions"). */

import { GatehouseError, isGatehouseError } from "../../../shared/errors.ts";
import { ROLE_STATE } from "../../../shared/states/role.ts";
import { type Actor, SYSTEM } from "../../cloud/actor.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import type { Role, ServiceBody } from "../model.ts";
import type { OneFlowSettings } from "../settings.ts";
import type { RoleSchedule } from "./oneflow.ts";

type Settings = Pick<OneFlowSettings, "actionNumber" | "actionPeriodS">;

/** So many seconds at most between two groups: a year. */
const MAX_PERIOD_S = 366 * 86_400;

/**
 * Node k of a role acts at `now` + floor(k / number) * period.
 * @param now seconds since the epoch
 * @throws GatehouseError `not_found` for an unknown role, `wrong_state` for one that has ended, `bad_request` for a VR
 *   role or numbers that are none; what the cloud refuses of the first VM that it refuses, after all were asked.
 */
export async function scheduleRoles(
  cloud: Pick<Cloud, "vms">,
  owner: Actor,
  roles: readonly Role[],
  { action, args, period, number }: RoleSchedule,
  { actionNumber, actionPeriodS }: Settings,
  now: number,
): Promise<void> {
  const groupSize = wholeNumber("number", number ?? actionNumber, 1, Number.MAX_SAFE_INTEGER);
  const seconds = wholeNumber("period", period ?? actionPeriodS, 0, MAX_PERIOD_S);
  for (const role of roles) refuseUnfit(role);
  const asked = roles.flatMap(({ nodes = [] }) =>
    nodes.map(({ deploy_id }, position) => {
      const time = now + Math.floor(position / groupSize) * seconds;
      return cloud.vms.schedule(owner, deploy_id, { action, time, ...(args === undefined ? {} : { args }) });
    }),
  );
  const refused = (await Promise.allSettled(asked)).find((result) => result.status === "rejected");
  if (refused !== undefined) throw refused.reason;
}

/** Takes a scheduled action from whichever VM of the roles has it; one that none has is gone already. */
export async function unscheduleRoles(
  cloud: Pick<Cloud, "vms">,
  owner: Actor,
  roles: readonly Role[],
  actionId: number,
): Promise<void> {
  for (const { deploy_id } of roles.flatMap(({ nodes = [] }) => nodes)) {
    const vm = await cloud.vms.get(SYSTEM, deploy_id).catch(unlessMissing);
    if (vm?.scheduledActions?.some(({ id }) => id === actionId)) {
      await cloud.vms.unschedule(owner, deploy_id, actionId);
    }
  }
}

/** @param name undefined: every role. @throws GatehouseError `not_found`. */
export function rolesNamed(body: ServiceBody, name: string | undefined): readonly Role[] {
  if (name === undefined) return body.roles;
  const role = body.roles.find((candidate) => candidate.name === name);
  if (role === undefined) throw new GatehouseError("not_found", `Role '${name}' not found`);
  return [role];
}

function refuseUnfit(role: Role): void {
  if (role.type === "vr") {
    throw new GatehouseError(
      "bad_request",
      `Virtual Router role ${role.name} does not support schedule actions`,
    );
  }
  if (role.state === ROLE_STATE.DONE) {
    throw new GatehouseError("wrong_state", `Role ${role.name} is in DONE state`);
  }
}

function wholeNumber(what: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new GatehouseError(
    "bad_request",
    `${what} must be a whole number from ${least} to ${most}, not ${value}.`,
  );
}

function unlessMissing(error: unknown): undefined {
  if (isGatehouseError(error) && error.code === "not_found") return undefined;
  throw error;
}
