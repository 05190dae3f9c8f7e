/** Figures of a dummy host, drawn anew each round from its id and the round's number. */

import {
  DUMMY_NODE_KIB,
  DUMMY_NODES,
  DUMMY_PAGE_SIZES_KIB,
  DUMMY_PAGES,
  DUMMY_TOTAL_KIB,
  DUMMY_TOTAL_PERCENT,
} from "../../../lib/dummy-host.ts";
import { type Draw, seeded } from "../../../lib/seeded.ts";
import { lines, vector } from "../../../lib/text.ts";
import type { Probe, ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = { group: "host/monitor", name: "figures", create: createFiguresProbe };

function createFiguresProbe(): Probe {
  let round = 0;
  return {
    async read({ hostId }) {
      const draw = seeded("host", hostId, round);
      round += 1;
      const nodes = DUMMY_NODES.map((node) => nodeText(node, draw));
      const memory = draw(DUMMY_TOTAL_KIB);
      const cpu = draw(DUMMY_TOTAL_PERCENT);
      const host = lines({
        USEDMEMORY: memory,
        FREEMEMORY: DUMMY_TOTAL_KIB - memory,
        USEDCPU: cpu,
        FREECPU: DUMMY_TOTAL_PERCENT - cpu,
        NETTX: 1_241_307_203_246_698,
        NETRX: 50_104_108_822_222,
      });
      return nodes.join("") + host;
    },
  };
}

function nodeText(node: number, draw: Draw): string {
  const used = draw(DUMMY_NODE_KIB);
  const pages = DUMMY_PAGE_SIZES_KIB.map((size) =>
    vector("HUGEPAGE", { NODE_ID: node, SIZE: size, FREE: DUMMY_PAGES }),
  );
  return pages.join("") + vector("MEMORY_NODE", { NODE_ID: node, FREE: DUMMY_NODE_KIB - used, USED: used });
}
