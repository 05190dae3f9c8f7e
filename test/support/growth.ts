/** How a figure grows over a run whose samples scatter: the slope of a line through them, and what it comes to. */

export interface Growth {
  /** Of the line, where the counted part of the run begins and where it ends. */
  readonly from: number;
  readonly to: number;
}

/**
 * A line through the last two thirds of the samples, which are taken at even times: the first third is the start. Its
 * slope is the median of the slopes between all pairs (Theil and Sen), so that a few samples that fell into a garbage
 * collection do not turn it.
 */
export function fittedGrowth(samples: readonly number[]): Growth {
  const counted = samples.slice(Math.floor(samples.length / 3));
  const slopes = counted.flatMap((value, at) =>
    counted.slice(at + 1).map((later, index) => (later - value) / (index + 1)),
  );
  const slope = median(slopes);
  const from = median(counted.map((value, at) => value - slope * at));
  return { from, to: from + slope * (counted.length - 1) };
}

/** 0 of nothing. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]];
  return (low + high) / 2;
}
