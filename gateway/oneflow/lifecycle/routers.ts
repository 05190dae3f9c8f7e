/** The virtual routers of VR roles: made once, filled with VMs, and removed with them. */

import type { Role } from "../model.ts";
import { ask, changeRole, type Draft, roleNamed } from "./draft.ts";
import type { FlowEvent } from "./events.ts";
import { failRole } from "./failing.ts";
import { log, note } from "./log.ts";
import { isIn, serviceIs } from "./roles.ts";
import { isUnderWay } from "./vms.ts";
import { isHealing, stopHealing } from "./watching.ts";

export function routerMade(draft: Draft, event: Extract<FlowEvent, { kind: "router_made" }>): void {
  draft.asked.delete(`make_router:${event.role}`);
  if (roleNamed(draft, event.role) === undefined) {
    ask(draft, { kind: "remove_router", role: event.role, routerId: event.routerId });
    return;
  }
  changeRole(draft, event.role, (role) => {
    if (role.type !== "vr" || role.vrouter_id !== undefined) return role;
    const name = event.name === undefined ? {} : { NAME: event.name };
    const template_contents = { ...role.template_contents, ...name };
    return { ...role, template_contents, vrouter_id: event.routerId, vrouter_ips: event.ips };
  });
}

/** Neither made nor filled: the cloud refused one of the two. */
export function routerNotMade(draft: Draft, roleName: string, message: string): void {
  const made = draft.asked.delete(`make_router:${roleName}`);
  if (!draft.asked.delete(`fill_router:${roleName}`) && !made) return;
  const role = roleNamed(draft, roleName);
  const template = role === undefined ? "" : ` for template ${role.template_id}`;
  const sentence = `Role ${roleName} : Instantiate failed${template}; ${message}`;
  if (role !== undefined && isUnderWay(draft, role)) {
    failRole(draft, role, sentence);
    return;
  }
  if (role !== undefined && isHealing(draft, roleName)) {
    log(draft, "ROL", "E", sentence);
    stopHealing(draft, role);
    return;
  }
  note(draft, "ROL", "E", sentence);
}

export function routerRemoved(draft: Draft, roleName: string): void {
  draft.asked.delete(`remove_router:${roleName}`);
  changeRole(draft, roleName, withoutRouter);
}

function withoutRouter(role: Role): Role {
  if (role.type !== "vr" || role.vrouter_id === undefined) return role;
  const { vrouter_id: _, ...kept } = role;
  return kept;
}

export function routerNotRemoved(draft: Draft, roleName: string, message: string): void {
  if (!draft.asked.delete(`remove_router:${roleName}`)) return;
  const role = roleNamed(draft, roleName);
  if (role === undefined || !isIn(role, "UNDEPLOYING") || !serviceIs(draft, "UNDEPLOYING")) return;
  failRole(draft, role, `Role ${roleName} : Delete failed for its virtual router; ${message}`);
}
