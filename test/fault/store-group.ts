/** What one numbered commit of the fault tests holds: a few objects, whose text tells their number. */

import type { Change } from "../../gateway/store/store.ts";

/** Between one and four objects, of very different sizes. */
export function groupOf(number: number): readonly Change[] {
  return Array.from({ length: 1 + (number % 4) }, (_, part) => ({
    kind: "part",
    key: `${number}/${part}`,
    version: 1,
    body: JSON.stringify({ number, part, padding: "x".repeat((number * 131) % 6_000) }),
  }));
}
