/** What to say about a name that does not exist. */

import { nearest } from "../../shared/nearest.ts";

/** "did you mean X?", or what is allowed instead. */
export function suggestion(name: string, allowed: readonly string[]): string {
  const near = nearest(name, allowed);
  return near === undefined ? `allowed are ${allowed.join(", ")}` : `did you mean ${near}?`;
}
