/**
 * `recover`: what failed is tried again.
 *
 *     PENDING, DEPLOYING, FAILED_DEPLOYING        ──▶ DEPLOYING
 *     SCALING, FAILED_SCALING                     ──▶ SCALING
 *     UNDEPLOYING, FAILED_UNDEPLOYING             ──▶ UNDEPLOYING
 *     DEPLOYING_NETS, FAILED_DEPLOYING_NETS       ──▶ DEPLOYING_NETS
 *     UNDEPLOYING_NETS, FAILED_UNDEPLOYING_NETS   ──▶ UNDEPLOYING_NETS
 *     COOLDOWN                                    ──▶ RUNNING
 *     WARNING                                     ──▶ WARNING until healed
 */

import { SERVICE_STATE } from "../../../shared/states/service.ts";
import type { Role } from "../model.ts";
import { setDeadline } from "./deadlines.ts";
import { type Draft, roleNamed } from "./draft.ts";
import { dropGone, dropLost } from "./gone.ts";
import { leavingOf, letGo } from "./leaving.ts";
import { enterRoleState, enterState } from "./log.ts";
import { beginNetworks, beginNetworksRemoval } from "./networks.ts";
import type { Leaving, WakeAct } from "./progress.ts";
import { refuseState } from "./refusal.ts";
import { conditionOf, nodesOf, parentsRunIn, rolesIn } from "./roles.ts";
import { endCooldown } from "./scaling.ts";
import { resumeUndeploying } from "./undeploying.ts";
import { wake, wakeActFor } from "./waking.ts";
import { startHealing } from "./watching.ts";

/** @throws GatehouseError `wrong_state` */
export function recover(draft: Draft): void {
  switch (draft.body.state) {
    case SERVICE_STATE.PENDING:
      return;
    case SERVICE_STATE.DEPLOYING:
    case SERVICE_STATE.FAILED_DEPLOYING:
      recoverDeployment(draft);
      return;
    case SERVICE_STATE.SCALING:
    case SERVICE_STATE.FAILED_SCALING:
      recoverScaling(draft);
      return;
    case SERVICE_STATE.UNDEPLOYING:
    case SERVICE_STATE.FAILED_UNDEPLOYING:
      resumeUndeploying(draft);
      return;
    case SERVICE_STATE.DEPLOYING_NETS:
    case SERVICE_STATE.FAILED_DEPLOYING_NETS:
      beginNetworks(draft);
      return;
    case SERVICE_STATE.UNDEPLOYING_NETS:
    case SERVICE_STATE.FAILED_UNDEPLOYING_NETS:
      beginNetworksRemoval(draft);
      return;
    case SERVICE_STATE.COOLDOWN:
      endCooldown(draft);
      return;
    case SERVICE_STATE.WARNING:
      recoverWarning(draft);
      return;
    default:
      refuseState(draft, "recovered");
      return;
  }
}

function recoverDeployment(draft: Draft): void {
  enterState(draft, "DEPLOYING");
  for (const role of rolesIn(draft, "DEPLOYING", "FAILED_DEPLOYING")) {
    const begun = nodesOf(role).length > 0 || parentsRunIn(draft.body)(role);
    enterRoleState(draft, role.name, begun ? "DEPLOYING" : "PENDING");
    if (begun) mend(draft, role.name);
  }
}

function recoverScaling(draft: Draft): void {
  enterState(draft, "SCALING");
  for (const { name } of rolesIn(draft, "SCALING", "FAILED_SCALING")) {
    enterRoleState(draft, name, "SCALING");
    mend(draft, name);
  }
}

/** VMs that ended are not made again: they have taken their place along (spec oneflow-lifecycle.md 9). */
function recoverWarning(draft: Draft): void {
  for (const { name } of rolesIn(draft, "WARNING")) {
    dropLost(draft, name);
    startHealing(draft, name);
    mend(draft, name);
  }
}

/** Ended VMs go, failed ones are replaced, sleeping ones woken; who only waits is left alone. */
function mend(draft: Draft, name: string): void {
  dropGone(draft, name);
  const role = roleNamed(draft, name);
  if (role === undefined) return;
  sendFailed(draft, role);
  resend(draft, role);
  const sleeping = nodesOf(role).flatMap(({ deploy_id }): [number, WakeAct][] => {
    const act = wakeActFor(conditionOf(draft, deploy_id));
    return act === undefined || leavingOf(draft, deploy_id) !== undefined ? [] : [[deploy_id, act]];
  });
  wake(draft, new Map(sleeping));
  setDeadline(draft, name);
}

function sendFailed(draft: Draft, role: Role): void {
  const failed = nodesOf(role).filter(
    ({ deploy_id }) =>
      conditionOf(draft, deploy_id) === "failed" && leavingOf(draft, deploy_id)?.why !== "shrink",
  );
  letGo(
    draft,
    failed.map(({ deploy_id }) => deploy_id),
    "replace",
    undefined,
  );
}

/** Those already on their way out begin anew. */
function resend(draft: Draft, role: Role): void {
  const action = role.type === "vm" ? role.shutdown_action : undefined;
  for (const why of ["shrink", "replace"] satisfies Leaving["why"][]) {
    const going = nodesOf(role).filter(({ deploy_id }) => leavingOf(draft, deploy_id)?.why === why);
    letGo(
      draft,
      going.map(({ deploy_id }) => deploy_id),
      why,
      action,
    );
  }
}
