/** One look at an elasticity policy: its expression with the values of the moment, and its counters (spec elasticity.md 3). */

import { evaluate, printEvaluated } from "./evaluate.ts";
import type { Prevention, Verdict } from "./explanation.ts";
import type { ElasticityPolicy } from "./policy.ts";
import type { Reading, Readings } from "./readings.ts";
import type { PolicyTexts } from "./texts.ts";

/** What the values say. */
export interface Look {
  readonly readings: readonly Reading[];
  readonly evaluated: string;
  readonly verdict: Verdict;
  /** For the original's rule, where a comparison with a missing value is false. */
  readonly isTrue: boolean;
  /** Why the expression cannot be read. */
  readonly sentence?: string;
}

/** What the counters made of a look. */
export interface Counted {
  /** With its counters as they are to be kept. */
  readonly policy: ElasticityPolicy;
  /** What it fires for; undefined: it does not. */
  readonly fires: "adjust" | "fallback" | undefined;
  readonly prevention: Prevention | undefined;
}

export function lookAt(
  policy: ElasticityPolicy,
  readings: Readings,
  nowMs: number,
  texts: PolicyTexts,
): Look {
  const parsed = texts.expression(policy.expression);
  if (parsed.kind === "unreadable") {
    const evaluated = `Parse error. '${policy.expression}': ${parsed.sentence}`;
    return { readings: [], evaluated, verdict: "unreadable", isTrue: false, sentence: parsed.sentence };
  }
  const expression = parsed.value;
  const found = expression.references.map((reference) => readings.read(reference, nowMs));
  const values = found.map(({ value }) => value);
  const { isTrue, known } = evaluate(expression, values);
  const verdict = known === undefined ? "insufficient_data" : known ? "true" : "false";
  return { readings: found, evaluated: printEvaluated(expression, values), verdict, isTrue };
}

/** Seconds between two counts; 0: each look counts. */
function restOf({ period = 0, period_number = 0 }: ElasticityPolicy, pace = 0): number {
  if (period > 0) return period;
  return period_number > 1 ? pace : 0;
}

/** Until when a policy rests between two counts; undefined when it may be counted. */
export function restsUntil(policy: ElasticityPolicy, nowS: number, pace?: number): number | undefined {
  const { last_eval } = policy;
  if (last_eval === undefined || last_eval > nowS) return undefined;
  const until = last_eval + restOf(policy, pace);
  return nowS < until ? until : undefined;
}

/** The counters after a look at a policy that does not rest. */
export function count(policy: ElasticityPolicy, look: Look, nowS: number, pace?: number): Counted {
  const noted = { ...policy, last_eval: nowS, expression_evaluated: look.evaluated };
  const rest = restOf(policy, pace);
  // The clock was set back: the period begins anew, and nothing is counted that may have been counted before.
  if (rest > 0 && (policy.last_eval ?? nowS) > nowS) {
    return { policy: noted, fires: undefined, prevention: { reason: "within_period", until: nowS + rest } };
  }
  if (look.verdict === "insufficient_data" && policy.missing_data !== undefined)
    return countMissing(noted, look, policy.missing_data);
  return countTrue(withoutMissing(noted), look);
}

function countTrue(policy: ElasticityPolicy, look: Look): Counted {
  const needed = policy.period_number ?? 0;
  const evals = look.isTrue ? Math.min((policy.true_evals ?? 0) + 1, needed) : 0;
  const counted = { ...policy, true_evals: evals };
  if (look.sentence !== undefined) {
    const prevention = { reason: "unreadable", sentence: look.sentence } as const;
    return { policy: counted, fires: undefined, prevention };
  }
  if (!look.isTrue) return { policy: counted, fires: undefined, prevention: whyFalse(look) };
  if (evals >= needed) return { policy: counted, fires: "adjust", prevention: undefined };
  return { policy: counted, fires: undefined, prevention: { reason: "not_true_long_enough", evals, needed } };
}

function countMissing(
  policy: ElasticityPolicy,
  look: Look,
  rule: NonNullable<ElasticityPolicy["missing_data"]>,
): Counted {
  switch (rule) {
    case "hold":
      return { policy, fires: undefined, prevention: insufficient(look, rule) };
    case "breach":
      return countTrue(policy, { ...look, isTrue: true });
    case "fallback": {
      const needed = policy.period_number ?? 0;
      const evals = Math.min((policy.missing_evals ?? 0) + 1, needed);
      const counted = { ...policy, true_evals: 0, missing_evals: evals };
      if (evals >= needed) return { policy: counted, fires: "fallback", prevention: undefined };
      return { policy: counted, fires: undefined, prevention: insufficient(look, rule) };
    }
  }
}

function withoutMissing(policy: ElasticityPolicy): ElasticityPolicy {
  if (policy.missing_evals === undefined) return policy;
  const { missing_evals: _, ...rest } = policy;
  return rest;
}

function whyFalse(look: Look): Prevention {
  return look.verdict === "insufficient_data"
    ? insufficient(look, undefined)
    : { reason: "expression_false" };
}

function insufficient({ readings }: Look, rule: ElasticityPolicy["missing_data"]): Prevention {
  const missing = readings.filter(({ value }) => value === undefined).map(({ key }) => key);
  return { reason: "insufficient_data", missing, rule };
}
