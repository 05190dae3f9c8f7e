/** The first form of a service: what instantiate answers with, before the life cycle has seen it. */

import { ROLE_STATE } from "../../../shared/states/role.ts";
import { SERVICE_STATE } from "../../../shared/states/service.ts";
import type { ServiceBody, ServiceTemplateBody } from "../model.ts";

/** @param now ms since the epoch, as in every context of the life cycle. */
export function takeNew(template: ServiceTemplateBody, now: number): ServiceBody {
  return {
    ...template,
    roles: template.roles.map((role) => ({ ...role, state: ROLE_STATE.PENDING })),
    state: SERVICE_STATE.PENDING,
    start_time: Math.floor(now / 1000),
  };
}
