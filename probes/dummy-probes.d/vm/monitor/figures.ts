/**
 * Figures of the simulated VMs on a dummy host (shared/guests/dummy-list.ts), drawn anew each round from the ids of host
 * and VM and the round's number, in the ranges of upstream's (spec monitoring.md 8).
 */

import { epochSeconds } from "../../../../shared/clock.ts";
import { type DummyGuest, readDummyList } from "../../../../shared/guests/dummy-list.ts";
import { type Draw, seeded } from "../../../lib/seeded.ts";
import { lines, vmFigures } from "../../../lib/text.ts";
import type { Probe, ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = { group: "vm/monitor", name: "figures", create: createFiguresProbe };

function createFiguresProbe(): Probe {
  let round = 0;
  return {
    async read({ hostId, clock, settings: { dummyList } }) {
      if (dummyList === undefined) return "";
      const guests = readDummyList(dummyList);
      const seconds = epochSeconds(clock);
      const text = guests.map((guest) => {
        const draw = seeded("vm", hostId, guest.id, round);
        return vmFigures(guest.id, guest.deployId, figures(guest, seconds, draw));
      });
      round += 1;
      return text.join("");
    },
  };
}

function figures({ cpu, memoryMiB }: DummyGuest, seconds: number, draw: Draw): string {
  const between = (low: number, high: number): number => low + draw(high - low + 1);
  const bytes = seconds % 10_000;
  return lines({
    NETTX: bytes + between(1, 3) * 50,
    NETRX: bytes + between(1, 4) * 100,
    MEMORY: Math.floor((memoryMiB * 1024 * between(20, 100)) / 100),
    CPU: Math.round(cpu * between(5, 100)),
    DISKRDBYTES: between(1, 1000),
    DISKWRBYTES: between(1, 1000),
    DISKRDIOPS: between(1, 1000),
    DISKWRIOPS: between(1, 1000),
  });
}
