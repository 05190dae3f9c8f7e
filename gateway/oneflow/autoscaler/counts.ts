/** What the auto-scaler did, for the house's metrics. */

export interface AutoscalerCounts {
  /** Looks at a role, by what came of them. */
  readonly looks: ReadonlyMap<LookOutcome, number>;
  /** Time spent on looks, in seconds. */
  readonly lookSeconds: number;
  /** Scalings that the life cycle took, by direction. */
  readonly scalings: ReadonlyMap<"up" | "down", number>;
}

/** kept: nothing new · noted: a counter was written · scales: a scaling was asked for · failed: it could not be looked at, or done. */
export const LOOK_OUTCOMES = ["kept", "noted", "scales", "failed"] as const;

export type LookOutcome = (typeof LOOK_OUTCOMES)[number];

export class CountedLooks implements AutoscalerCounts {
  readonly looks = new Map<LookOutcome, number>(LOOK_OUTCOMES.map((outcome) => [outcome, 0]));
  readonly scalings = new Map<"up" | "down", number>([
    ["up", 0],
    ["down", 0],
  ]);
  lookSeconds = 0;

  looked(outcome: LookOutcome): void {
    this.looks.set(outcome, (this.looks.get(outcome) ?? 0) + 1);
  }

  scaled(direction: "up" | "down"): void {
    this.scalings.set(direction, (this.scalings.get(direction) ?? 0) + 1);
  }
}
