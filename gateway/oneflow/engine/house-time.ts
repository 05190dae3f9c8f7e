/** The life cycle's time: what the wall clock said at the start, moved on by a clock that nobody sets. */

import type { Clock } from "../../../shared/clock.ts";

/** ms since the epoch, whole; never goes back while the process lives, however the wall clock is set. */
export function houseTime(clock: Clock): () => number {
  const start = clock.now() - clock.elapsed();
  return () => Math.floor(start + clock.elapsed());
}
