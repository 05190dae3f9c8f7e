/** When time alone may change what a role's policies say: the auto-scaler looks then, and when something is reported. */

import { restsUntil } from "./elastic-policy.ts";
import type { ElasticRole } from "./policy.ts";
import { dueAt } from "./schedule.ts";
import type { PolicyTexts } from "./texts.ts";

/**
 * In seconds since the epoch: `nowS` itself when something is due; undefined when only a report can change anything.
 * @param pace as in DecideSettings.
 */
export function wakeAt(
  role: ElasticRole,
  nowS: number,
  texts: PolicyTexts,
  pace?: number,
): number | undefined {
  const { scheduled_policies = [], elasticity_policies = [] } = role;
  const scheduled = scheduled_policies.map((policy) => {
    const due = dueAt(policy, nowS, texts);
    if (due.kind === "due" || due.kind === "first_look") return nowS;
    return due.kind === "not_due" ? due.next : undefined;
  });
  const rested = elasticity_policies.map((policy) => restsUntil(policy, nowS, pace));
  const moments = [...scheduled, ...rested].filter((moment) => moment !== undefined);
  return moments.length === 0 ? undefined : Math.min(...moments);
}
