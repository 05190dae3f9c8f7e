/** When a service must next be told the time: the only timer it has, and none at rest. */

import type { Progress } from "./progress.ts";

/** ms since the epoch; undefined: never. */
export function wakeAt(progress: Progress): number | undefined {
  const { deadlines = [], networksDeadline, cooldown } = progress;
  const moments = [...deadlines.map(({ at }) => at), networksDeadline, cooldown?.until].filter(
    (moment) => moment !== undefined,
  );
  return moments.length === 0 ? undefined : Math.min(...moments);
}
