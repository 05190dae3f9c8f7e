/** A service between two events: its document, and what the document has no room for. */

import type { ServiceBody } from "../model.ts";
import type { Effect } from "./effects.ts";
import type { VmSight } from "./events.ts";
import type { Progress } from "./progress.ts";

export interface Flow {
  readonly id: number;
  readonly body: ServiceBody;
  /** Written down beside the body, in the same write. */
  readonly progress: Progress;
  /** Of each node; forgotten when the process ends, and told anew by `taken_up`. */
  readonly sights: ReadonlyMap<number, VmSight>;
  /** Effects asked for whose end has not been told (`effectKey`); forgotten when the process ends. */
  readonly asked: ReadonlySet<string>;
}

/** What an operator sets, and what time it is. */
export interface FlowContext {
  /** ms since the epoch; never goes back while a process lives. */
  readonly now: number;
  /** Seconds. */
  readonly defaultCooldown: number;
  readonly shutdownAction: "terminate" | "terminate-hard";
  /** ms that a step (a role's deployment, its growth, a VM's end, a network) may take; 0: for ever. */
  readonly stepTimeout: number;
}

export interface Step {
  readonly flow: Flow;
  /** To be run once the step is durable. */
  readonly effects: readonly Effect[];
  /** ms since the epoch: when to tell `time`; undefined: never. */
  readonly wakeAt: number | undefined;
  /** Whether body or progress are others than before. */
  readonly changed: boolean;
}

/** A service as its document has it; what its VMs do is told by `taken_up`. */
export function newFlow(id: number, body: ServiceBody, progress: Progress): Flow {
  return { id, body, progress, sights: new Map(), asked: new Set() };
}
