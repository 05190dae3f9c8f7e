/** What the log tells of looks, each thing once until it is another: what was ignored, and what was only observed. */

import type { Logger } from "../../../shared/log.ts";
import type { Decision } from "../elasticity/decide.ts";
import type { ElasticExplanation, PolicyExplanation } from "../elasticity/explanation.ts";
import type { IgnoredValue } from "../elasticity/lookup.ts";
import type { WatchedRole } from "./watched-role.ts";

interface Remarked {
  ignored: string;
  observed: string;
  /** House time: nothing is told of the role before. */
  quietUntil: number;
}

export class Remarks {
  readonly #log: Logger;
  readonly #pauseMs: number;
  readonly #known = new WeakMap<WatchedRole, Remarked>();

  /** @param pauseMs the least time between two remarks on one role, whatever its guests do. */
  constructor(log: Logger, pauseMs: number) {
    this.#log = log;
    this.#pauseMs = pauseMs;
  }

  on(serviceId: number, role: WatchedRole, { explanation }: Decision, now: number): void {
    const known = this.#known.get(role) ?? { ignored: "", observed: "", quietUntil: 0 };
    this.#known.set(role, known);
    if (now < known.quietUntil) return;
    const isTold = [
      this.#onIgnored(serviceId, role, explanation.policies, known),
      this.#onObserved(serviceId, role, explanation.policies, known),
    ];
    if (isTold.includes(true)) known.quietUntil = now + this.#pauseMs;
  }

  #onIgnored(
    serviceId: number,
    { name: role }: WatchedRole,
    policies: readonly PolicyExplanation[],
    known: Remarked,
  ): boolean {
    const looked = policies.filter(isLooked);
    if (looked.length === 0) return false;
    const readings = looked.flatMap((policy) => policy.readings);
    const values = readings.flatMap(({ key, ignored }) => ignored.map((value) => ({ key, value })));
    const ignored = [
      ...new Set(values.map(({ key, value }) => `${key} ${value.vmId} ${value.reason}`)),
    ].join();
    if (ignored === known.ignored) return false;
    known.ignored = ignored;
    const count = readings.reduce((most, reading) => Math.max(most, reading.ignoredCount), 0);
    const details = { serviceId, role, count, values: values.map(({ key, value }) => told(key, value)) };
    if (count > 0) this.#log.warn(details, "Values that are no numbers are ignored by a role's policies");
    else this.#log.info({ serviceId, role }, "A role's policies ignore nothing any more");
    return true;
  }

  #onObserved(
    serviceId: number,
    { name: role }: WatchedRole,
    policies: readonly PolicyExplanation[],
    known: Remarked,
  ): boolean {
    const fired = policies.filter(({ prevention }) => prevention?.reason === "observed_only");
    const observed = fired.map(({ kind, index, would }) => `${kind} ${index} ${would}`).join();
    const isLookedAt = fired.length > 0 || policies.some(isLooked);
    if (!isLookedAt || observed === known.observed) return false;
    known.observed = observed;
    for (const { kind, index, would } of fired)
      this.#log.info(
        { serviceId, role, kind, policy: index, would },
        "A policy that only observes would scale its role",
      );
    return fired.length > 0;
  }
}

function isLooked(policy: PolicyExplanation): policy is ElasticExplanation {
  return policy.kind === "elasticity" && policy.verdict !== undefined;
}

function told(key: string, { vmId, place, text, reason }: IgnoredValue): string {
  return `VM ${vmId} ${key} ${place} ${reason}: ${JSON.stringify(text)}`;
}
