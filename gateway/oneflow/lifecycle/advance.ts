/**
 * What a service's state owes, worked out until nothing moves any more. States that failed owe nothing: they wait for
 * recover, or for the end.
 */

import { SERVICE_STATE } from "../../../shared/states/service.ts";
import { advanceDeploying } from "./deploying.ts";
import type { Draft } from "./draft.ts";
import { advanceDeployingNetworks, advanceUndeployingNetworks, beginNetworks } from "./networks.ts";
import { rolesIn } from "./roles.ts";
import { advanceCooldown, advanceScaling } from "./scaling.ts";
import { withRolesReady } from "./taking-up.ts";
import { advanceUndeploying } from "./undeploying.ts";
import { advanceResting } from "./watching.ts";

export function advance(draft: Draft): void {
  let before: readonly unknown[];
  do {
    before = [draft.body, draft.progress, draft.asked.size];
    advanceOnce(draft);
  } while (draft.body !== before[0] || draft.progress !== before[1] || draft.asked.size !== before[2]);
}

function advanceOnce(draft: Draft): void {
  switch (draft.body.state) {
    case SERVICE_STATE.PENDING:
      draft.body = withRolesReady(draft.body, draft.context.defaultCooldown);
      beginNetworks(draft);
      return;
    case SERVICE_STATE.DEPLOYING_NETS:
      advanceDeployingNetworks(draft);
      return;
    case SERVICE_STATE.DEPLOYING:
      advanceDeploying(draft);
      return;
    case SERVICE_STATE.HOLD:
      rolesIn(draft, "DEPLOYING").length > 0 ? advanceDeploying(draft) : advanceResting(draft);
      return;
    case SERVICE_STATE.RUNNING:
    case SERVICE_STATE.WARNING:
      advanceResting(draft);
      return;
    case SERVICE_STATE.SCALING:
      advanceScaling(draft);
      return;
    case SERVICE_STATE.COOLDOWN:
      advanceCooldown(draft);
      return;
    case SERVICE_STATE.UNDEPLOYING:
      advanceUndeploying(draft);
      return;
    case SERVICE_STATE.UNDEPLOYING_NETS:
      advanceUndeployingNetworks(draft);
      return;
    default:
      return;
  }
}
