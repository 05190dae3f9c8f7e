/** The life cycle explored far deeper than `npm test` does: small services breadth first, larger ones on random ways. */

import { explore } from "../support/explore-service.ts";
import { explorations } from "../support/explored-services.ts";
import { roam } from "../support/roam-service.ts";

interface LifecycleSoakOptions {
  readonly inputs?: number | undefined;
  readonly seed?: number | undefined;
  readonly log: (line: string) => void;
}

/** `inputs`: worlds of each exploration; a hundredth of it is the number of random ways. */
export function lifecycleSoak({ inputs = 100_000, seed = 1, log }: LifecycleSoakOptions): object {
  let worlds = 0;
  const depths: { [name: string]: number } = {};
  for (const [name, exploration] of explorations(99, inputs)) {
    const explored = explore(exploration);
    worlds += explored.worlds;
    depths[name] = explored.depth;
    log(`${name}: ${explored.worlds} worlds, every way of ${explored.depth - 1} actions`);
  }
  const ways = Math.ceil(inputs / 100);
  roam(ways, seed);
  return { worlds, depths, ways };
}
