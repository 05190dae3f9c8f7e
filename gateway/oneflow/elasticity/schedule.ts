/** When a scheduled policy is due (spec elasticity.md 6), and how that outlives restarts and clocks that jump. */

import type { ScheduledPolicy } from "./policy.ts";
import type { PolicyTexts } from "./texts.ts";

/** All in seconds since the epoch. */
export type Due =
  /** Looked at for the first time: what lies in the past never fires. */
  | { readonly kind: "first_look"; readonly next: number | undefined }
  | { readonly kind: "due"; readonly at: number }
  | { readonly kind: "not_due"; readonly next: number | undefined }
  | { readonly kind: "unreadable"; readonly sentence: string };

/** A last evaluation that lies further ahead than this comes from a clock that was wrong, and is forgotten. */
export const MAX_AHEAD_S = 86_400;

/**
 * Due is a policy whose first occurrence after its last evaluation has come: however many were missed (while a
 * service scaled or the house was down), it fires once. While the clock stands before the last evaluation nothing is
 * due, so a clock that is set back repeats nothing.
 */
export function dueAt(policy: ScheduledPolicy, nowS: number, texts: PolicyTexts): Due {
  const last = lastEvaluation(policy, nowS);
  const occurrence = occurrenceAfter(policy, last ?? nowS, texts);
  if (typeof occurrence === "string") return { kind: "unreadable", sentence: occurrence };
  const { at } = occurrence;
  if (last === undefined) return { kind: "first_look", next: at };
  return at !== undefined && at <= nowS ? { kind: "due", at } : { kind: "not_due", next: at };
}

/** What is kept as the last evaluation once a policy was looked at. */
export function notedEvaluation(policy: ScheduledPolicy, nowS: number): number {
  return Math.max(nowS, lastEvaluation(policy, nowS) ?? nowS);
}

function lastEvaluation({ last_eval }: ScheduledPolicy, nowS: number): number | undefined {
  return last_eval === undefined || last_eval > nowS + MAX_AHEAD_S ? undefined : last_eval;
}

function occurrenceAfter(
  { start_time, recurrence }: ScheduledPolicy,
  seconds: number,
  texts: PolicyTexts,
): string | { readonly at: number | undefined } {
  if (recurrence !== undefined) {
    const parsed = texts.recurrence(recurrence);
    return parsed.kind === "parsed" ? { at: parsed.value.nextAfter(seconds) } : parsed.sentence;
  }
  if (start_time === undefined) return "It has neither start_time nor recurrence.";
  const parsed = texts.startTime(start_time);
  if (parsed.kind !== "parsed") return parsed.sentence;
  const at = parsed.value.at(seconds);
  return { at: Number.isFinite(at) && at > seconds ? at : undefined };
}
