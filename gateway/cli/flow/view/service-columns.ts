/** The columns of `oneflow list`. */

import { timeText } from "../../one/format.ts";
import { paintState, serviceState } from "./colours.ts";
import { type FlowView, OWNED_COLUMNS, ROLES_COLUMN, timeColumn } from "./columns.ts";

export const SERVICE_VIEW: FlowView = {
  columns: [
    ...OWNED_COLUMNS,
    timeColumn("STARTTIME", "Time when it was started", ({ body }) => timeText(body.start_time)),
    {
      name: "STAT",
      summary: "State",
      size: 11,
      left: true,
      whole: true,
      paint: paintState,
      text: ({ body }) => serviceState(body.state),
    },
    ROLES_COLUMN,
    {
      name: "VMS",
      summary: "VMs that there are, of those that there should be",
      size: 7,
      text: ({ body }) => {
        const made = body.roles.reduce((sum, { nodes }) => sum + nodes.length, 0);
        return `${made}/${body.roles.reduce((sum, { cardinality }) => sum + cardinality, 0)}`;
      },
    },
    {
      name: "STRATEGY",
      summary: "Order of deployment",
      size: 8,
      left: true,
      text: ({ body }) => body.deployment,
    },
  ],
  defaults: ["ID", "USER", "GROUP", "NAME", "STARTTIME", "STAT"],
};
