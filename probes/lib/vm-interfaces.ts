/**
 * What VMs have sent and received, read from the host's ends of their interfaces: OpenNebula's network drivers name them
 * `one-<vm>-<nic>`, and no guest can touch their counters.
 */

import { join } from "node:path";
import { readNames, readNumber } from "./read.ts";

/** As the VM sees it: what it receives, the host's end of the link has sent. */
export interface VmTraffic {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** Sums over the interfaces of each VM; one that has none on this host is not in it. */
export function readVmTraffic(sysRoot: string): ReadonlyMap<number, VmTraffic> {
  const all = new Map<number, VmTraffic>();
  const folder = join(sysRoot, "class/net");
  for (const name of readNames(folder)) {
    const vmId = /^one-(0|[1-9]\d{0,9})-\d+$/.exec(name)?.[1];
    const hostSent = readNumber(join(folder, name, "statistics/tx_bytes"));
    const hostReceived = readNumber(join(folder, name, "statistics/rx_bytes"));
    if (vmId === undefined || hostSent === undefined || hostReceived === undefined) continue;
    const sum = all.get(Number(vmId));
    all.set(Number(vmId), {
      receivedBytes: (sum?.receivedBytes ?? 0) + hostSent,
      sentBytes: (sum?.sentBytes ?? 0) + hostReceived,
    });
  }
  return all;
}
