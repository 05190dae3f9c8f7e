/** What lists of services and of service templates have in common. */

import type { Column } from "../../one/table.ts";
import type { FlowDocument } from "../document.ts";

export type FlowColumn = Column<FlowDocument>;

export interface FlowView {
  readonly columns: readonly FlowColumn[];
  /** Names of the columns that a list shows when none are asked for. */
  readonly defaults: readonly string[];
}

/** ID, USER, GROUP and NAME; the sizes of the owners are those of the guides' examples (seeds 000, 001, 003). */
export const OWNED_COLUMNS: readonly FlowColumn[] = [
  { name: "ID", summary: "Id", size: 4, whole: true, text: ({ id }) => String(id) },
  { name: "USER", summary: "Name of the owner", size: 15, left: true, text: ({ user }) => user },
  { name: "GROUP", summary: "Name of the group", size: 15, left: true, text: ({ group }) => group },
  { name: "NAME", summary: "Name", size: 25, left: true, text: ({ name }) => name },
];

export const ROLES_COLUMN: FlowColumn = {
  name: "ROLES",
  summary: "Number of roles",
  size: 5,
  text: ({ body }) => String(body.roles.length),
};

/** A time in local time, never cut. */
export function timeColumn(name: string, summary: string, text: FlowColumn["text"]): FlowColumn {
  return { name, summary, size: 14, left: true, whole: true, text };
}
