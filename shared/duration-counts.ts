/** Counts of durations by size, in plain arrays: one addition an observation, for hot paths and for percentiles. */

/** Upper bounds in each decade of seconds; 1, 2.5 and 5 are those that Prometheus is told. */
const STEPS = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8] as const;
const FIRST_EXPONENT = -5;
const LAST_EXPONENT = 1;

/** Seconds, ascending: 10 µs to 80 s. What is longer counts behind the last. */
export const DURATION_BOUNDS: readonly number[] = boundsOf(FIRST_EXPONENT, LAST_EXPONENT);

const BOUNDS = Float64Array.from(DURATION_BOUNDS);

/** What was counted: `buckets[i]` had a duration up to `DURATION_BOUNDS[i]` and above the bound before. */
export interface DurationSums {
  readonly count: number;
  readonly sumSeconds: number;
  /** One more than there are bounds. */
  readonly buckets: readonly number[];
}

export class DurationCounts {
  readonly #buckets = new Float64Array(BOUNDS.length + 1);
  #count = 0;
  #sumSeconds = 0;

  add(seconds: number): void {
    this.#count += 1;
    this.#sumSeconds += seconds;
    let index = 0;
    // From the small end: nearly every duration in the house is under a millisecond.
    while (index < BOUNDS.length && seconds > (BOUNDS[index] ?? 0)) index += 1;
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
  }

  get count(): number {
    return this.#count;
  }

  sums(): DurationSums {
    return { count: this.#count, sumSeconds: this.#sumSeconds, buckets: [...this.#buckets] };
  }
}

/** Seconds under which `share` (0 to 1) of the durations lie, as the upper bound of their bucket; undefined for none. */
export function percentile(buckets: readonly number[], share: number): number | undefined {
  const count = buckets.reduce((sum, bucket) => sum + bucket, 0);
  if (count === 0) return undefined;
  let seen = 0;
  const index = buckets.findIndex((bucket) => {
    seen += bucket;
    return bucket > 0 && seen >= share * count;
  });
  return DURATION_BOUNDS[index] ?? DURATION_BOUNDS.at(-1);
}

function boundsOf(first: number, last: number): readonly number[] {
  const exponents = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  // By way of the text: 2.5 * 1e-5 is 0.000025000000000000001 in binary.
  return exponents.flatMap((exponent) => STEPS.map((step) => Number(`${step}e${exponent}`)));
}
