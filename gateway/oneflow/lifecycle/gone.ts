/** VMs that have ended leave their role. */

import { changeRole, type Draft, roleNamed } from "./draft.ts";
import { forgetLeaving, leavingOf } from "./leaving.ts";
import { conditionOf, nodesOf } from "./roles.ts";
import { forgetWaking } from "./waking.ts";

/** Those that were on their way out anyhow. */
export function dropLeft(draft: Draft, roleName: string): void {
  drop(
    draft,
    roleName,
    goneOf(draft, roleName).filter((vmId) => leavingOf(draft, vmId) !== undefined),
  );
}

/** All; the cardinality stays, so that they may be made again. */
export function dropGone(draft: Draft, roleName: string): void {
  drop(draft, roleName, goneOf(draft, roleName));
}

/** All; of those that nobody sent away the cardinality takes leave too (spec oneflow-lifecycle.md 9). */
export function dropLost(draft: Draft, roleName: string): void {
  const gone = goneOf(draft, roleName);
  const lost = gone.filter((vmId) => leavingOf(draft, vmId) === undefined).length;
  drop(draft, roleName, gone);
  if (lost === 0) return;
  changeRole(draft, roleName, (role) => ({ ...role, cardinality: Math.max(0, role.cardinality - lost) }));
}

function goneOf(draft: Draft, roleName: string): readonly number[] {
  const role = roleNamed(draft, roleName);
  if (role === undefined) return [];
  return nodesOf(role).flatMap(({ deploy_id }) =>
    conditionOf(draft, deploy_id) === "done" ? [deploy_id] : [],
  );
}

function drop(draft: Draft, roleName: string, vmIds: readonly number[]): void {
  if (vmIds.length === 0) return;
  const gone = new Set(vmIds);
  changeRole(draft, roleName, (role) => {
    return { ...role, nodes: nodesOf(role).filter(({ deploy_id }) => !gone.has(deploy_id)) };
  });
  forgetLeaving(draft, gone);
  forgetWaking(draft, gone);
}
