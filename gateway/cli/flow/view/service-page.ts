/** The page of `oneflow show` (spec oneflow-api.md 7). */

import { timeText } from "../../one/format.ts";
import { Page } from "../../one/page.ts";
import type { FlowDocument, FlowRole } from "../document.ts";
import { paintState, roleState, serviceState } from "./colours.ts";
import { logLines } from "./log.ts";
import { ELASTICITY_COLUMNS, NODE_COLUMNS, SCHEDULE_COLUMNS } from "./role-columns.ts";

const NAME_SIZE = 20;
/** As the original pads: `%-80s` and `%-20s: %-20s`. */
export const FLOW_LAYOUT = { headingSize: 80, valueSize: 20 } as const;

export interface FlowPageOptions {
  readonly colours: boolean;
}

/** The lines that services and templates begin with. */
export function ownedLines(document: FlowDocument): readonly (readonly [string, string])[] {
  return [
    ["ID", String(document.id)],
    ["NAME", document.name],
    ["USER", document.user],
    ["GROUP", document.group],
  ];
}

export function flowPage({ colours }: FlowPageOptions): Page {
  return new Page(NAME_SIZE, { ...FLOW_LAYOUT, colours });
}

export function servicePage(service: FlowDocument, options: FlowPageOptions): string {
  const { body } = service;
  const page = flowPage(options);
  const state = serviceState(body.state);
  page.block(`SERVICE ${service.id} INFORMATION`, [
    ...ownedLines(service),
    ["STRATEGY", body.deployment],
    ["SERVICE STATE", state, (text) => paintState(state, text)],
    ["START TIME", body.start_time === 0 ? undefined : timeText(body.start_time)],
    ["SHUTDOWN", body.shutdown_action],
  ]);
  page.rights(service.has);
  for (const role of body.roles) addRole(page, role);
  page.text("LOG MESSAGES", logLines(service).join("\n"));
  return page.toString();
}

function addRole(page: Page, role: FlowRole): void {
  const state = roleState(role.state);
  page.block(`ROLE ${role.name}`, [
    ["ROLE STATE", state, (text) => paintState(state, text)],
    ["PARENTS", role.parents.length === 0 ? undefined : role.parents.join(", ")],
    ["VM TEMPLATE", role.template_id ?? role.vm_template ?? "-"],
    ["VIRTUAL ROUTER", role.vrouter_id],
    ["CARDINALITY", String(role.cardinality)],
    ["MIN VMS", numberText(role.min_vms)],
    ["MAX VMS", numberText(role.max_vms)],
    ["SHUTDOWN", role.shutdown_action],
  ]);
  if (role.elasticity_policies.length > 0)
    page.table("ROLE ELASTICITY", ELASTICITY_COLUMNS, role.elasticity_policies);
  if (role.scheduled_policies.length > 0)
    page.table("ROLE ELASTICITY SCHEDULE", SCHEDULE_COLUMNS, role.scheduled_policies);
  page.table("NODES INFORMATION", NODE_COLUMNS, role.nodes);
}

function numberText(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}
