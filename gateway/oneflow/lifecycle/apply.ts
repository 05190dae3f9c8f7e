/** What an event itself changes; what follows from it is worked out afterwards (advance.ts). */

import { obey } from "./commands.ts";
import type { Draft } from "./draft.ts";
import type { FlowEvent } from "./events.ts";
import { enterState, log } from "./log.ts";
import { failNetworks, networkMade, networkRemoved } from "./networks.ts";
import { serviceIs } from "./roles.ts";
import { routerMade, routerNotMade, routerNotRemoved, routerRemoved } from "./routers.ts";
import { takeUp } from "./taking-up.ts";
import { vmActed, vmMade, vmNotActed, vmNotMade, vmsSeen } from "./vms.ts";

export function apply(draft: Draft, event: FlowEvent): void {
  switch (event.kind) {
    case "taken_up":
      takeUp(draft, event);
      return;
    case "command":
      obey(draft, event.command);
      return;
    case "vms_seen":
      vmsSeen(draft, event.sights);
      return;
    case "vm_made":
      vmMade(draft, event);
      return;
    case "vm_not_made":
      vmNotMade(draft, event);
      return;
    case "vm_acted":
      vmActed(draft, event.vmId, event.act);
      return;
    case "vm_not_acted":
      vmNotActed(draft, event);
      return;
    case "time":
      return;
    default:
      applyToOthers(draft, event);
      return;
  }
}

type OtherEvent = Exclude<
  FlowEvent,
  {
    kind:
      | "taken_up"
      | "command"
      | "vms_seen"
      | "vm_made"
      | "vm_not_made"
      | "vm_acted"
      | "vm_not_acted"
      | "time";
  }
>;

/** Networks, routers and the document. */
function applyToOthers(draft: Draft, event: OtherEvent): void {
  switch (event.kind) {
    case "network_made":
      draft.asked.delete(`make_network:${event.name}`);
      networkMade(draft, event.name, event.id);
      return;
    case "network_not_made":
      if (!draft.asked.delete(`make_network:${event.name}`) || !serviceIs(draft, "DEPLOYING_NETS")) return;
      {
        failNetworks(draft, `Network ${event.name} : Creation failed; ${event.message}`);
        return;
      }
    case "network_removed":
      draft.asked.delete(`remove_network:${event.name}`);
      networkRemoved(draft, event.name);
      return;
    case "network_not_removed":
      if (!draft.asked.delete(`remove_network:${event.name}`) || !serviceIs(draft, "UNDEPLOYING_NETS"))
        return;
      failNetworks(draft, `Network ${event.name} : Delete failed; ${event.message}`);
      return;
    case "router_made":
      routerMade(draft, event);
      return;
    case "router_not_made":
      routerNotMade(draft, event.role, event.message);
      return;
    case "router_filled":
      draft.asked.delete(`fill_router:${event.role}`);
      for (const { node, sight } of event.vms) vmMade(draft, { role: event.role, node, sight });
      return;
    case "router_removed":
      routerRemoved(draft, event.role);
      return;
    case "router_not_removed":
      routerNotRemoved(draft, event.role, event.message);
      return;
    case "document_removed":
      draft.asked.clear();
      enterState(draft, "DONE");
      return;
    case "document_not_removed":
      documentNotRemoved(draft, event.message);
      return;
  }
}

/** The VMs are gone, the document is not: recover tries again. */
function documentNotRemoved(draft: Draft, message: string): void {
  if (!draft.asked.delete("remove_document")) return;
  log(draft, "SER", "E", `The service's document could not be removed; ${message}`);
  if (serviceIs(draft, "UNDEPLOYING_NETS")) enterState(draft, "FAILED_UNDEPLOYING_NETS");
  if (serviceIs(draft, "UNDEPLOYING")) enterState(draft, "FAILED_UNDEPLOYING");
}
