/** How fast a NIC of a template may be: OpenNebula's limits, in kilobytes and kilobytes a second. */

import type { Vector } from "../../../../shared/template/types.ts";
import type { Rate, Rates } from "../wire/pace.ts";
import { refused, whole } from "./qemu-values.ts";

const KILOBYTE = 1024;
/** A thousand Gbit/s. */
const MAX_KILOBYTES = 128 * 1024 * 1024;
/** Where no burst is said: what the house moves at once, or a tenth of a second's. */
const LEAST_BURST_BYTES = 64 * KILOBYTE;

/** @throws GatehouseError `bad_request`. */
export function ratesOf(nic: Vector): Rates {
  return { inbound: rateOf(nic, "INBOUND"), outbound: rateOf(nic, "OUTBOUND") };
}

/** Whether anything of it is limited. */
export function isLimited({ inbound, outbound }: Rates): boolean {
  return inbound !== undefined || outbound !== undefined;
}

function rateOf(nic: Vector, direction: "INBOUND" | "OUTBOUND"): Rate | undefined {
  const bytes = (name: string): number | undefined => {
    const kilobytes = whole(`NIC/${name}`, nic[name] || "0", 0, MAX_KILOBYTES);
    return kilobytes === 0 ? undefined : kilobytes * KILOBYTE;
  };
  const average = bytes(`${direction}_AVG_BW`);
  const peak = bytes(`${direction}_PEAK_BW`);
  const burst = bytes(`${direction}_PEAK_KB`);
  if (average === undefined) {
    if (peak === undefined && burst === undefined) return undefined;
    throw refused(`NIC/${direction}_PEAK_BW and NIC/${direction}_PEAK_KB go with NIC/${direction}_AVG_BW`);
  }
  if (peak !== undefined && peak < average)
    throw refused(`NIC/${direction}_PEAK_BW is at least NIC/${direction}_AVG_BW`);
  return {
    averageBytesPerS: average,
    peakBytesPerS: peak,
    burstBytes: burst ?? Math.max(LEAST_BURST_BYTES, average / 10),
  };
}
