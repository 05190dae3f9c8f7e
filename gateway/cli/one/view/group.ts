/** Groups: the list of `onegroup`, and its page. */

import { nodesAt, textAt, textsAt } from "../../../../shared/xml/node.ts";
import { Page } from "../page.ts";
import { templateText } from "../template-text.ts";
import { QUOTA_COLUMNS, rowsWithQuotas } from "./quota.ts";
import { plainColumn, type View } from "./view.ts";

export const groupView: View = {
  columns: [
    plainColumn("ID", "ID", 4, "Id"),
    plainColumn("NAME", "NAME", 15, "Name", { left: true }),
    {
      name: "USERS",
      summary: "How many users it has",
      size: 5,
      text: (group) => String(nodesAt(group, "USERS/ID").length),
    },
    ...QUOTA_COLUMNS,
  ],
  defaults: ["ID", "NAME", "USERS", "VMS", "MEMORY", "CPU"],
  rows: rowsWithQuotas("GROUP"),
  page: (group) => {
    const page = new Page(15);
    page.block(`GROUP ${textAt(group, "ID")} INFORMATION`, [
      ["ID", textAt(group, "ID")],
      ["NAME", textAt(group, "NAME")],
    ]);
    page.text("GROUP TEMPLATE", templateText(nodesAt(group, "TEMPLATE")[0]));
    const admins = textsAt(group, "ADMINS/ID");
    const columns = [plainColumn("ID", "ID", 6, "User"), plainColumn("ADMIN", "ADMIN", 5, "Leads it")];
    const users = textsAt(group, "USERS/ID").map((id) => ({ ID: id, ADMIN: admins.includes(id) ? "*" : "" }));
    page.table("USERS", columns, users);
    return page.toString();
  },
};
