/**
 * Stabilization (beyond the original): a role grows only to what every look of the last `stabilization_up` seconds
 * asked for, and shrinks only to what every look of the last `stabilization_down` seconds would have left.
 */

/** From `at` (seconds since the epoch) on, the policies asked for this cardinality. */
export interface Recommendation {
  readonly at: number;
  readonly cardinality: number;
}

/** More changes than this within a window are a metric that flutters: the oldest are forgotten. */
const MAX_KEPT = 256;

/** Notes what is asked for now; a first note says that until now the role was to stay as it is. */
export function noteRecommendation(
  known: readonly Recommendation[],
  now: Recommendation,
  keptSeconds: number,
): readonly Recommendation[] {
  // A clock set back: what is noted for times to come never was.
  const past = known.filter(({ at }) => at <= now.at);
  const same = past.at(-1)?.cardinality === now.cardinality;
  const noted = same ? past : [...past, now];
  const windowStart = now.at - keptSeconds;
  // The one before the first inside still held when the window began.
  const firstInside = noted.findIndex(({ at }) => at > windowStart);
  const first = firstInside < 0 ? noted.length - 1 : Math.max(0, firstInside - 1);
  const kept = noted.slice(Math.max(first, noted.length - MAX_KEPT));
  return same && kept.length === known.length ? known : kept;
}

/** The cardinality, between `from` and `to`, that the whole window agrees on; `from` when it does not agree on a change. */
export function stabilized(
  from: number,
  to: number,
  known: readonly Recommendation[],
  windowStart: number,
): number {
  const held = known.filter((_, index) => (known[index + 1]?.at ?? Number.POSITIVE_INFINITY) > windowStart);
  const asked = held.map(({ cardinality }) => cardinality);
  if (to > from) return Math.max(from, Math.min(to, ...asked));
  return Math.min(from, Math.max(to, ...asked));
}
