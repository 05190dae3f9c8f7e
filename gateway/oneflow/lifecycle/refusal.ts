/** The sentence for a command that comes in the wrong state (spec oneflow-api.md 3), word for word the original's. */

import { GatehouseError } from "../../../shared/errors.ts";
import { serviceStateName } from "../../../shared/states/service.ts";
import type { Draft } from "./draft.ts";

/** @throws GatehouseError `wrong_state`, always. */
export function refuseState(draft: Draft, participle: string, what = "Service"): never {
  const state = serviceStateName(draft.body.state);
  throw new GatehouseError("wrong_state", `${what} cannot be ${participle} in state: ${state}`);
}
