/**
 * One step of a service: `(flow, event, context) -> (flow, effects)`. The event changes the flow (`apply`), then what is
 * owed and not yet asked for is worked out from the states alone (`advance`), so an event that comes twice, late or out of order does no
 * harm, and a restart goes on from what it finds.
 */

import { advance } from "./advance.ts";
import { apply } from "./apply.ts";
import { closeDraft, openDraft } from "./draft.ts";
import type { FlowEvent, VmSight } from "./events.ts";
import type { Flow, FlowContext, Step } from "./flow.ts";
import { wakeAt } from "./wake.ts";

/** @throws GatehouseError for a command that is refused; the flow is then as it was. */
export function step(flow: Flow, event: FlowEvent, context: FlowContext): Step {
  if (event.kind === "vms_seen" && event.sights.every((sight) => saysNothing(flow, sight))) {
    return { flow, effects: [], wakeAt: wakeAt(flow.progress), changed: false };
  }
  const draft = openDraft(flow, context);
  apply(draft, event);
  advance(draft);
  return closeDraft(draft, flow);
}

/** Of a VM that is none of ours and none that is being made, or one seen so before. */
function saysNothing(flow: Flow, sight: VmSight): boolean {
  const known = flow.sights.get(sight.vmId);
  if (known === undefined) return flow.asked.size === 0;
  return (
    known.condition === "done" ||
    (known.condition === sight.condition &&
      known.ready === sight.ready &&
      known.stateName === sight.stateName)
  );
}
