/**
 * Decides whether a role scales (spec elasticity.md 4): scheduled policies in their order, then elasticity policies,
 * then `min_vms`. The first that changes the cardinality wins, and those after it are left as they are. Pure: what is
 * to be kept is in the decision.
 */

import { adjusted } from "./adjust.ts";
import { Contest, type Scaling, type ScalingRole } from "./contest.ts";
import { count, type Look, lookAt, restsUntil } from "./elastic-policy.ts";
import type {
  ElasticExplanation,
  PolicyExplanation,
  Prevention,
  RoleExplanation,
  ScheduledExplanation,
} from "./explanation.ts";
import { type ElasticityPolicy, type ElasticRole, MODES, type Mode, type ScheduledPolicy } from "./policy.ts";
import type { Readings } from "./readings.ts";
import { dueAt, notedEvaluation } from "./schedule.ts";
import type { Recommendation } from "./stabilization.ts";
import type { PolicyTexts } from "./texts.ts";

export interface DecideSettings {
  readonly texts: PolicyTexts;
  /** Seconds of cooldown where neither policy nor role say (300 in the original). */
  readonly defaultCooldown: number;
  /**
   * Seconds between two counts of a policy that wants several periods and says nothing of their length: the interval
   * of the auto-scaler, which may look more often when something was reported. Undefined: each look counts.
   */
  readonly pace?: number | undefined;
  /**
   * What the wall clock says, by which scheduled policies go, in ms since the epoch; undefined: the same as the clock
   * that periods and windows go by.
   */
  readonly wallMs?: number | undefined;
  /** Looks also at policies that need no look now (within their period, after the winner), to explain them. */
  readonly thorough?: boolean | undefined;
}

export interface Decision {
  /** Undefined: the role stays as it is. */
  readonly scaling: Scaling | undefined;
  /** The policies with what they are to remember; only lists that changed. */
  readonly noted: Pick<ElasticRole, "elasticity_policies" | "scheduled_policies">;
  /**
   * Whether `noted` holds more than later times of evaluation: a counter, a first look, an occurrence that is over.
   * It has to be kept then; the rest may be lost with the process.
   */
  readonly mustKeep: boolean;
  /** For the next decision, as long as the role does not scale. */
  readonly recommended: readonly Recommendation[];
  readonly explanation: RoleExplanation;
}

/** @param nowMs by the house's clock, since the epoch. */
export function decide(
  role: ScalingRole,
  readings: Readings,
  nowMs: number,
  settings: DecideSettings,
): Decision {
  return new Deciding(role, readings, nowMs, settings).decision();
}

/** A role's policies once it scales: counting begins anew (spec elasticity.md 3). */
export function withoutCounters(policies: readonly ElasticityPolicy[]): readonly ElasticityPolicy[] {
  return policies.map(({ true_evals: _, missing_evals: __, ...policy }) => policy);
}

class Deciding {
  readonly #given: ScalingRole;
  readonly #role: ElasticRole;
  readonly #readings: Readings;
  readonly #nowMs: number;
  readonly #nowS: number;
  readonly #wallS: number;
  readonly #settings: DecideSettings;
  readonly #contest: Contest;
  #mustKeep = false;

  constructor(given: ScalingRole, readings: Readings, nowMs: number, settings: DecideSettings) {
    this.#given = given;
    this.#role = given.role;
    this.#readings = readings;
    this.#nowMs = nowMs;
    this.#nowS = Math.floor(nowMs / 1000);
    this.#wallS = Math.floor((settings.wallMs ?? nowMs) / 1000);
    this.#settings = settings;
    this.#contest = new Contest(given, readings, this.#nowS);
  }

  decision(): Decision {
    const { scheduled_policies = [], elasticity_policies = [] } = this.#role;
    const scheduled = scheduled_policies.map((policy, index) => this.#scheduled(policy, index));
    const elastic = elasticity_policies.map((policy, index) => this.#elastic(policy, index));
    const restoresMinimum = this.#given.blocked === undefined && this.#contest.restoreMinimum();
    const rested = elastic.some(({ prevention }) => prevention?.reason === "within_period");
    return {
      scaling: this.#contest.scaling,
      noted: {
        ...changed("scheduled_policies", scheduled_policies, scheduled),
        ...changed("elasticity_policies", elasticity_policies, elastic),
      },
      mustKeep: this.#mustKeep || this.#contest.scaling !== undefined,
      recommended: this.#contest.recommended(rested),
      explanation: this.#explanation([...scheduled, ...elastic], restoresMinimum),
    };
  }

  #scheduled(policy: ScheduledPolicy, index: number): ScheduledExplanation {
    const { mode, cooldown } = this.#commonOf(policy);
    const parts = { kind: "scheduled", index, mode, cooldown } as const;
    const unasked = this.#unasked();
    if (unasked !== undefined)
      return { ...parts, policy, would: undefined, prevention: unasked, dueAt: undefined };
    const due = dueAt(policy, this.#wallS, this.#settings.texts);
    if (due.kind === "unreadable") {
      const prevention = { reason: "unreadable", sentence: due.sentence } as const;
      return { ...parts, policy, would: undefined, prevention, dueAt: undefined };
    }
    // Also while it is off: what falls into that time is not made up for.
    const noted = { ...policy, last_eval: notedEvaluation(policy, this.#wallS) };
    if (due.kind !== "not_due") this.#mustKeep = true;
    if (mode === "off")
      return { ...parts, policy: noted, would: undefined, prevention: { reason: "off" }, dueAt: undefined };
    if (due.kind !== "due") {
      const prevention: Prevention = { reason: due.kind, next: due.next };
      return { ...parts, policy: noted, would: undefined, prevention, dueAt: undefined };
    }
    const would = adjusted(this.#role, policy);
    const by = { kind: "scheduled", index } as const;
    const prevention = this.#contest.ask({ by, cardinality: would, cooldown, mode, isStabilized: false });
    return { ...parts, policy: noted, would, prevention, dueAt: due.at };
  }

  #elastic(policy: ElasticityPolicy, index: number): ElasticExplanation {
    const { mode, cooldown } = this.#commonOf(policy);
    const parts = { kind: "elasticity", index, mode, cooldown } as const;
    const unlooked = this.#unlookedElastic(policy, mode);
    if (unlooked !== undefined) {
      const look = this.#settings.thorough === true && mode !== "off" ? this.#look(policy) : undefined;
      return {
        ...parts,
        ...lookParts(look, unlooked.policy),
        ...unlooked,
        would: this.#wouldOf(policy, look),
      };
    }
    const look = this.#look(policy);
    const counted = count(policy, look, this.#nowS, this.#settings.pace);
    if (differ(counted.policy, policy)) this.#mustKeep = true;
    const explained = { ...parts, ...lookParts(look, counted.policy), policy: counted.policy };
    if (counted.fires === undefined)
      return { ...explained, would: this.#wouldOf(policy, look), prevention: counted.prevention };
    const would =
      counted.fires === "fallback" ? fallbackOf(this.#role, policy) : adjusted(this.#role, policy);
    const by = { kind: "elasticity", index } as const;
    const prevention = this.#contest.ask({ by, cardinality: would, cooldown, mode, isStabilized: true });
    return { ...explained, would, prevention };
  }

  /** Why an elasticity policy is not counted now, and it as it is to be kept. */
  #unlookedElastic(
    policy: ElasticityPolicy,
    mode: Mode,
  ): { readonly policy: ElasticityPolicy; readonly prevention: Prevention } | undefined {
    const unasked = this.#unasked();
    if (unasked !== undefined) return { policy, prevention: unasked };
    if (mode === "off") {
      const isCounting = (policy.true_evals ?? 0) > 0;
      if (isCounting) this.#mustKeep = true;
      return { policy: isCounting ? { ...policy, true_evals: 0 } : policy, prevention: { reason: "off" } };
    }
    const until = restsUntil(policy, this.#nowS, this.#settings.pace);
    return until === undefined ? undefined : { policy, prevention: { reason: "within_period", until } };
  }

  #unasked(): Prevention | undefined {
    const { blocked } = this.#given;
    if (blocked !== undefined) return { reason: "service_state", state: blocked.state, until: blocked.until };
    return this.#contest.scaling === undefined ? undefined : { reason: "earlier_policy" };
  }

  #look(policy: ElasticityPolicy): Look {
    return lookAt(policy, this.#readings, this.#nowMs, this.#settings.texts);
  }

  #wouldOf(policy: ElasticityPolicy, look: Look | undefined): number | undefined {
    return look?.isTrue === true ? adjusted(this.#role, policy) : undefined;
  }

  #commonOf(policy: ElasticityPolicy | ScheduledPolicy): { readonly mode: Mode; readonly cooldown: number } {
    const modes = [policy.mode ?? "act", this.#role.elasticity_mode ?? "act"];
    const mode = MODES.find((one) => modes.includes(one)) ?? "act";
    return { mode, cooldown: policy.cooldown ?? this.#role.cooldown ?? this.#settings.defaultCooldown };
  }

  #explanation(policies: readonly PolicyExplanation[], restoresMinimum: boolean): RoleExplanation {
    const { name, cardinality, min_vms, max_vms } = this.#role;
    return { role: name, cardinality, minVms: min_vms, maxVms: max_vms, policies, restoresMinimum };
  }
}

function lookParts(
  look: Look | undefined,
  { true_evals = 0, period_number = 0, expression_evaluated }: ElasticityPolicy,
): Pick<ElasticExplanation, "readings" | "evaluated" | "verdict" | "trueEvals" | "periodNumber"> {
  return {
    readings: look?.readings ?? [],
    evaluated: look?.evaluated ?? expression_evaluated,
    verdict: look?.verdict,
    trueEvals: true_evals,
    periodNumber: period_number,
  };
}

/** Within the role's limits: nobody has looked, so nobody may be surprised. */
function fallbackOf({ cardinality, min_vms = 0, max_vms }: ElasticRole, policy: ElasticityPolicy): number {
  const wanted = policy.fallback_cardinality ?? cardinality;
  return Math.max(min_vms, Math.min(wanted, max_vms ?? wanted));
}

function differ(after: ElasticityPolicy, before: ElasticityPolicy): boolean {
  return (
    after.true_evals !== before.true_evals ||
    after.missing_evals !== before.missing_evals ||
    before.last_eval === undefined
  );
}

function changed<K extends "elasticity_policies" | "scheduled_policies", P>(
  name: K,
  before: readonly P[],
  after: readonly { readonly policy: P }[],
): { readonly [key in K]?: readonly P[] } {
  if (after.every(({ policy }, index) => policy === before[index])) return {};
  const list = after.map(({ policy }) => policy);
  const noted: { readonly [key in K]?: readonly P[] } = {};
  return { ...noted, [name]: list };
}
