/**
 * Policies as a service keeps them, and what of a role they need (spec elasticity.md 1). The names below the line of
 * each type are beyond the original; docs/elasticity.md explains them, and schema.ts says what they may hold.
 */

export const ADJUSTMENTS = ["CHANGE", "CARDINALITY", "PERCENTAGE_CHANGE"] as const;

export type Adjustment = (typeof ADJUSTMENTS)[number];

/** off: not looked at · observe: evaluated and told, never carried out · act. */
export const MODES = ["off", "observe", "act"] as const;

export type Mode = (typeof MODES)[number];

export const MISSING_DATA_RULES = ["hold", "breach", "fallback"] as const;

export type MissingDataRule = (typeof MISSING_DATA_RULES)[number];

export const SCALE_IN_CHOICES = ["oldest", "newest", "least_busy"] as const;

export type ScaleInChoice = (typeof SCALE_IN_CHOICES)[number];

/** What both kinds of policies say about the new cardinality. */
export interface Adjust {
  readonly type: Adjustment;
  readonly adjust: number;
  readonly min_adjust_step?: number | undefined;
}

export type ElasticityPolicy = {
  readonly type: Adjustment;
  readonly adjust: number;
  readonly expression: string;
  readonly min_adjust_step?: number;
  readonly period_number?: number;
  /** Seconds, as every time here. */
  readonly period?: number;
  readonly cooldown?: number;
  /** Kept while the service runs; epoch seconds. */
  readonly last_eval?: number;
  readonly true_evals?: number;
  readonly expression_evaluated?: string;
  // ---- beyond the original
  readonly mode?: Mode;
  readonly missing_data?: MissingDataRule;
  /** What `missing_data: fallback` sets the cardinality to. */
  readonly fallback_cardinality?: number;
  /** Kept while the service runs: evaluations in a row without data, under `fallback`. */
  readonly missing_evals?: number;
};

export type ScheduledPolicy = {
  readonly type: Adjustment;
  readonly adjust: number;
  readonly min_adjust_step?: number;
  readonly start_time?: string | number;
  readonly recurrence?: string;
  readonly cooldown?: number;
  readonly last_eval?: number;
  // ---- beyond the original
  readonly mode?: Mode;
};

/** What of a role its scaling hangs on. */
export interface ElasticRole {
  readonly name: string;
  readonly cardinality: number;
  readonly min_vms?: number;
  readonly max_vms?: number;
  readonly cooldown?: number;
  readonly elasticity_policies?: readonly ElasticityPolicy[];
  readonly scheduled_policies?: readonly ScheduledPolicy[];
  // ---- beyond the original
  readonly elasticity_mode?: Mode;
  /** Names that guests may supply; undefined: every one. */
  readonly guest_metrics?: readonly string[];
  readonly stabilization_up?: number;
  readonly stabilization_down?: number;
  readonly scale_in?: ScaleInChoice;
  /** What `least_busy` goes by; undefined: MONITORING.CPU. */
  readonly scale_in_metric?: string;
  readonly scale_in_protection?: boolean;
}

/** What a service says for roles that do not say it themselves. */
export type ElasticService = {
  /** Names that guests may supply; undefined: every one. */
  readonly guest_metrics?: readonly string[];
};

/** A role with what its service says for it. */
export function withServiceDefaults<R extends Pick<ElasticRole, "guest_metrics">>(
  role: R,
  { guest_metrics }: ElasticService,
): R {
  return role.guest_metrics !== undefined || guest_metrics === undefined ? role : { ...role, guest_metrics };
}
