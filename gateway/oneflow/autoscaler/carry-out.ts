/** What looks at a service asked for, told to its life cycle: a scaling, or what policies noted. */

import { isGatehouseError } from "../../../shared/errors.ts";
import { SYSTEM } from "../../cloud/actor.ts";
import type { Scaling } from "../elasticity/contest.ts";
import type { RoleExplanation } from "../elasticity/explanation.ts";
import type { OneFlow } from "../engine/oneflow.ts";
import type { PolicyNotes } from "../lifecycle/events.ts";
import type { WatchedRole } from "./watched-role.ts";
import type { Looked } from "./watched-service.ts";

export interface CarriedOut {
  readonly scaled:
    | { readonly role: WatchedRole; readonly scaling: Scaling; readonly explanation: RoleExplanation }
    | undefined;
  /** Why something was not done; it is asked for again at a later look. */
  readonly failure: unknown;
}

/** The notes of roles that stay as they are in one step; a scaling and its own notes in another. */
export async function carryOut(
  serviceId: number,
  looked: readonly Looked[],
  flow: Pick<OneFlow, "command">,
): Promise<CarriedOut> {
  const noted = looked.filter(({ decision }) => decision.mustKeep && decision.scaling === undefined);
  const noteFailure = noted.length === 0 ? undefined : await note(serviceId, noted, flow);
  const [scales] = looked.filter(({ decision }) => decision.scaling !== undefined);
  if (scales === undefined) return { scaled: undefined, failure: noteFailure };
  const failure = await scale(serviceId, scales, flow);
  if (failure !== undefined) return { scaled: undefined, failure };
  const { role, decision } = scales;
  const { scaling, explanation } = decision;
  return { scaled: scaling && { role, scaling, explanation }, failure: noteFailure };
}

async function note(
  serviceId: number,
  looked: readonly Looked[],
  flow: Pick<OneFlow, "command">,
): Promise<unknown> {
  const roles = new Map(looked.map(({ role }) => [role.name, role.policies]));
  const failure = await failureOf(flow.command(SYSTEM, serviceId, { kind: "note_policies", roles }));
  for (const { role } of looked) role.wrote(failure === undefined);
  return failure;
}

/** In one step with what the look noted; a refused one leaves the policies as they were, so that it is asked again. */
async function scale(
  serviceId: number,
  { role, decision: { scaling, noted } }: Looked,
  flow: Pick<OneFlow, "command">,
): Promise<unknown> {
  if (scaling === undefined) return undefined;
  const byPolicies: PolicyNotes = { ...role.policies, ...noted };
  const { cardinality, cooldown, firstToGo } = scaling;
  const failure = await failureOf(
    flow.command(SYSTEM, serviceId, {
      kind: "scale",
      role: role.name,
      cardinality,
      force: false,
      cooldown,
      firstToGo,
      byPolicies,
    }),
  );
  if (failure === undefined) role.scaled();
  return failure;
}

/** @throws what is no refusal */
async function failureOf(command: Promise<void>): Promise<unknown> {
  try {
    await command;
    return undefined;
  } catch (error) {
    if (isGatehouseError(error)) return error;
    throw error;
  }
}
