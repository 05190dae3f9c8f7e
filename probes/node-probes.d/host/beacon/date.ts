/** The host is there: the time in seconds since the epoch, as upstream's beacon prints it. */

import { epochSeconds } from "../../../../shared/clock.ts";
import type { ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = {
  group: "host/beacon",
  name: "date",
  create: () => ({ read: async ({ clock }) => `${epochSeconds(clock)}\n` }),
};
