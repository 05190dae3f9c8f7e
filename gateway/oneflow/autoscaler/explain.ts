/** Why a service's roles scale, or do not: the decision that a look would make now, of every policy. */

import { GatehouseError } from "../../../shared/errors.ts";
import { serviceStateName } from "../../../shared/states/service.ts";
import type { Document } from "../../cloud/model.ts";
import { flowOf } from "../engine/service-document.ts";
import type { VmRole } from "../model.ts";
import type { ExplainedRole, ServiceExplanation } from "./sight.ts";
import { type LookSettings, type Moment, WatchedRole } from "./watched-role.ts";
import type { ServiceCloud, WatchedService } from "./watched-service.ts";

export interface ExplainWorld {
  readonly cloud: ServiceCloud;
  readonly settings: LookSettings;
  readonly moment: () => Moment;
  /** When a role is looked at next, in house time. */
  readonly dueAt: (role: WatchedRole) => number | undefined;
}

/** @throws GatehouseError `not_found` for a role that there is not, `bad_request` for one without VMs of its own. */
export async function explainService(
  document: Document,
  service: WatchedService,
  roleName: string | undefined,
  { settings, moment, dueAt }: ExplainWorld,
): Promise<ServiceExplanation> {
  const { body } = flowOf(document);
  const chosen = body.roles.filter(({ name }) => roleName === undefined || name === roleName);
  if (chosen.length === 0 && roleName !== undefined)
    throw new GatehouseError("not_found", `Role ${roleName} not found`);
  if (service.absorb(moment().now)) {
    await service.fetch(moment().now);
    service.absorb(moment().now);
  }
  const at = moment();
  const explained = (role: VmRole): ExplainedRole => {
    const watched = service.role(role.name) ?? new WatchedRole(0, role, settings);
    const options = service.blocked === undefined ? {} : { blocked: service.blocked };
    const { explanation } = watched.look(at, { ...options, thorough: true });
    const due = dueAt(watched);
    return { ...explanation, nextLook: due && Math.ceil((due - at.now + at.wall) / 1000) };
  };
  return {
    service: document.id,
    name: document.name,
    state: serviceStateName(body.state),
    at: Math.floor(at.wall / 1000),
    roles: chosen.filter((role) => role.type === "vm").map(explained),
  };
}
