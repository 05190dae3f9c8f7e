/** One turn of a service: everything that has come, stepped through, before any of it is written down. */

import { GatehouseError, isGatehouseError } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import type { Effect } from "../lifecycle/effects.ts";
import type { FlowEvent } from "../lifecycle/events.ts";
import type { Flow, FlowContext } from "../lifecycle/flow.ts";
import { step } from "../lifecycle/step.ts";

/** What comes into a mailbox. */
export interface Mail {
  readonly event: FlowEvent;
  /** Of a command: who waits for it. */
  readonly answer?: { readonly resolve: () => void; readonly reject: (error: unknown) => void };
}

/** What a turn made of the service. */
export interface Turn {
  readonly flow: Flow;
  readonly effects: readonly Effect[];
  readonly changed: boolean;
  /** What the life cycle accepted, to be answered when it is durable. */
  readonly taken: readonly Mail[];
}

/** A refused command is answered at once, and changes nothing; an event that cannot be handled is told and passed over. */
export function play(
  before: Flow,
  events: readonly Mail[],
  context: () => FlowContext,
  log: Pick<Logger, "error">,
): Turn {
  const taken: Mail[] = [];
  const effects: Effect[] = [];
  let flow = before;
  for (const mail of events) {
    try {
      const made = step(flow, mail.event, context());
      flow = made.flow;
      effects.push(...made.effects);
      taken.push(mail);
    } catch (error) {
      if (!isGatehouseError(error)) {
        const details = { serviceId: before.id, event: mail.event.kind, err: error };
        log.error(details, "An event of a service could not be handled");
      }
      mail.answer?.reject(forCaller(error));
    }
  }
  const changed = flow.body !== before.body || flow.progress !== before.progress;
  return { flow, effects, changed, taken };
}

/** What whoever commanded is told. */
export function forCaller(error: unknown): GatehouseError {
  return isGatehouseError(error)
    ? error
    : new GatehouseError("internal", "Internal error.", { cause: error });
}
