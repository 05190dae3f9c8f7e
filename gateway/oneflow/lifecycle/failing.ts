/** What ends a role's step badly, with the reason in the log. */

import type { Role } from "../model.ts";
import { type Draft, remember } from "./draft.ts";
import { leavingOf } from "./leaving.ts";
import { enterRoleState, enterState, log } from "./log.ts";
import { conditionOf, isIn, nodesOf } from "./roles.ts";

/** A role that fails takes its service along; who else was under way waits for recover, without a timer. */
export function failRole(draft: Draft, role: Role, reason?: string): void {
  if (reason !== undefined) log(draft, "ROL", "E", reason);
  const state = failureOf(role);
  const { cooldown } = draft.progress;
  remember(draft, { deadlines: undefined, cooldown: cooldown && { seconds: cooldown.seconds } });
  enterRoleState(draft, role.name, state);
  enterState(draft, state);
}

function failureOf(role: Role): "FAILED_SCALING" | "FAILED_UNDEPLOYING" | "FAILED_DEPLOYING" {
  if (isIn(role, "SCALING", "FAILED_SCALING")) return "FAILED_SCALING";
  return isIn(role, "UNDEPLOYING", "FAILED_UNDEPLOYING") ? "FAILED_UNDEPLOYING" : "FAILED_DEPLOYING";
}

/**
 * Why a role that makes VMs cannot end well: one failed, or ended before its time. Neither is ever a success. Those on
 * their way out are let go, and what befalls older ones while a role grows is seen to when it rests.
 */
export function failureSentence(draft: Draft, role: Role): string | undefined {
  const newerThan = draft.progress.newerThan ?? -1;
  for (const { deploy_id: vmId } of nodesOf(role)) {
    if (vmId <= newerThan || leavingOf(draft, vmId) !== undefined) continue;
    const condition = conditionOf(draft, vmId);
    if (condition === "done")
      return `VM ${vmId} of role ${role.name} ended on the way: recover or delete the service.`;
    if (condition === "failed") {
      const stateName = draft.sights.get(vmId)?.stateName ?? "FAILURE";
      return `VM ${vmId} of role ${role.name} is ${stateName}: recover or delete the service.`;
    }
  }
  return undefined;
}
