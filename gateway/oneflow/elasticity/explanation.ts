/** Why a role scales or does not, as a value: what `oneflow explain` prints and the log tells. */

import type { ElasticityPolicy, MissingDataRule, Mode, ScheduledPolicy } from "./policy.ts";
import type { Reading } from "./readings.ts";

export type Direction = "up" | "down";

/** What keeps a policy from changing the cardinality. Seconds are since the epoch unless a name says otherwise. */
export type Prevention =
  | { readonly reason: "service_state"; readonly state: string; readonly until: number | undefined }
  | { readonly reason: "off" }
  | { readonly reason: "observed_only" }
  /** Its text cannot be read. */
  | { readonly reason: "unreadable"; readonly sentence: string }
  | { readonly reason: "expression_false" }
  | {
      readonly reason: "insufficient_data";
      readonly missing: readonly string[];
      readonly rule: MissingDataRule | undefined;
    }
  | { readonly reason: "within_period"; readonly until: number }
  | { readonly reason: "not_true_long_enough"; readonly evals: number; readonly needed: number }
  | { readonly reason: "first_look"; readonly next: number | undefined }
  | { readonly reason: "not_due"; readonly next: number | undefined }
  | { readonly reason: "same_cardinality" }
  /** `Minimum cardinality is 2`. */
  | { readonly reason: "limit"; readonly sentence: string }
  | { readonly reason: "stabilization"; readonly direction: Direction; readonly windowSeconds: number }
  /** Too few of the VMs may go. */
  | { readonly reason: "protected"; readonly vmIds: readonly number[] }
  | { readonly reason: "earlier_policy" };

/** `insufficient_data`: the answer hangs on a value that no VM has. */
export type Verdict = "true" | "false" | "insufficient_data" | "unreadable";

interface AnyPolicyExplanation {
  /** Its place in the role's list, from 0. */
  readonly index: number;
  readonly mode: Mode;
  /** What it would set the cardinality to if nothing prevented it. */
  readonly would: number | undefined;
  /** Undefined: this policy acts. */
  readonly prevention: Prevention | undefined;
  /** Seconds of cooldown after it acted. */
  readonly cooldown: number;
}

export interface ElasticExplanation extends AnyPolicyExplanation {
  readonly kind: "elasticity";
  readonly policy: ElasticityPolicy;
  readonly readings: readonly Reading[];
  /** The expression with values: `CPU[50.17] > 40`. */
  readonly evaluated: string | undefined;
  /** Undefined: not looked at this time. */
  readonly verdict: Verdict | undefined;
  readonly trueEvals: number;
  readonly periodNumber: number;
}

export interface ScheduledExplanation extends AnyPolicyExplanation {
  readonly kind: "scheduled";
  readonly policy: ScheduledPolicy;
  /** The occurrence that makes it due. */
  readonly dueAt: number | undefined;
}

export type PolicyExplanation = ElasticExplanation | ScheduledExplanation;

export interface RoleExplanation {
  readonly role: string;
  readonly cardinality: number;
  readonly minVms: number | undefined;
  readonly maxVms: number | undefined;
  /** Scheduled ones first: the order in which they are asked. */
  readonly policies: readonly PolicyExplanation[];
  /** Whether the role has fewer VMs than min_vms, and is brought back to it. */
  readonly restoresMinimum: boolean;
}
