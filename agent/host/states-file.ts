/** What the agent has told of VMs, kept for the agent that comes after it. */

import { join } from "node:path";
import { z } from "zod";
import type { Message } from "../../shared/monitor/message.ts";
import { REPORTED_STATES, type VmStateReading } from "../../shared/monitor/readings.ts";
import { keep, readKept } from "./kept-file.ts";

const kept = z.object({
  /** The last delivery whose states are in the list. */
  lastDelivery: z.int().min(0),
  vms: z
    .array(z.object({ id: z.int().min(-1), deployId: z.string(), state: z.enum(REPORTED_STATES) }).readonly())
    .readonly(),
});

export interface KeptStates {
  readonly lastDelivery: number;
  /** Undefined when nothing is known of what was told. */
  readonly told: readonly VmStateReading[] | undefined;
}

export class StatesFile {
  readonly #path: string;

  constructor(stateDir: string) {
    this.#path = join(stateDir, "states.json");
  }

  /** A file that cannot be read is as none: the states are then told anew. */
  read(): KeptStates {
    try {
      const text = readKept(this.#path);
      if (text === undefined) return { lastDelivery: 0, told: undefined };
      const { lastDelivery, vms } = kept.parse(JSON.parse(text));
      return { lastDelivery, told: vms.map((vm) => ({ ...vm, more: {} })) };
    } catch {
      return { lastDelivery: 0, told: undefined };
    }
  }

  /** @throws Error when the disk refuses. */
  write(lastDelivery: number, told: readonly VmStateReading[]): void {
    const vms = told.map(({ id, deployId, state }) => ({ id, deployId, state }));
    keep(this.#path, JSON.stringify({ lastDelivery, vms } satisfies z.infer<typeof kept>));
  }
}

/**
 * The states told, with what an agent that was killed had put into the spool and not yet into the file: so nothing is
 * told twice.
 */
export function withSpooled({ lastDelivery, told }: KeptStates, waiting: readonly Message[]): KeptStates {
  const later = waiting.filter(({ delivery = 0 }) => delivery > lastDelivery);
  const spooled = later.flatMap(({ reading }) => (reading.kind === "states" ? reading.vms : []));
  if (told === undefined && spooled.length === 0) return { lastDelivery, told };
  const byKey = new Map(
    [...(told ?? []), ...spooled].map((vm) => [`${vm.id} ${vm.id < 0 ? vm.deployId : ""}`, vm]),
  );
  return { lastDelivery: Math.max(lastDelivery, later.at(-1)?.delivery ?? 0), told: [...byKey.values()] };
}
