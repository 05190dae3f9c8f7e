/** The columns of `oneflow-template list`. */

import { timeText } from "../../one/format.ts";
import { type FlowView, OWNED_COLUMNS, ROLES_COLUMN, timeColumn } from "./columns.ts";

export const TEMPLATE_VIEW: FlowView = {
  columns: [
    ...OWNED_COLUMNS,
    timeColumn("REGTIME", "Time when it was made", ({ body }) => timeText(body.registration_time)),
    ROLES_COLUMN,
  ],
  defaults: ["ID", "USER", "GROUP", "NAME", "REGTIME"],
};
