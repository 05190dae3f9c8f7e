/** Notes what a guest's wires carry, where probes look for it; a house that finds the guest counts on from there. */

import { rm } from "node:fs/promises";
import type { ProcessIdentity } from "../../../../shared/guests/process-proc.ts";
import {
  printWireTraffic,
  readWireTraffic,
  type WireTraffic,
  wireTrafficPath,
} from "../../../../shared/guests/wire-traffic.ts";
import type { Wire } from "../wire/wire.ts";
import { putFile } from "./process-files.ts";

export interface CountedGuest {
  /** Its folder. */
  readonly dir: string;
  readonly process: ProcessIdentity;
  readonly wires: readonly Pick<Wire, "traffic">[];
}

export interface TrafficNote {
  /** Writes what is new. Rejects when the disk does. */
  write(): Promise<void>;
}

export function trafficNote({ dir, process, wires }: CountedGuest): TrafficNote {
  const before = readWireTraffic(dir, process) ?? { receivedBytes: 0, sentBytes: 0 };
  const path = wireTrafficPath(dir);
  let written = "";
  return {
    async write() {
      if (wires.length === 0) return rm(path, { force: true });
      const text = printWireTraffic(process, wires.map((wire) => wire.traffic()).reduce(sum, before));
      if (text === written) return;
      await putFile(path, text, 0o600, undefined);
      written = text;
    },
  };
}

function sum(one: WireTraffic, other: WireTraffic): WireTraffic {
  return {
    receivedBytes: one.receivedBytes + other.receivedBytes,
    sentBytes: one.sentBytes + other.sentBytes,
  };
}
