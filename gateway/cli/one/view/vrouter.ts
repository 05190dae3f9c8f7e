/** Virtual routers: the list of `onevrouter`, and its page. */

import { nodesAt, textAt, textsAt } from "../../../../shared/xml/node.ts";
import { lockText, ownedLines, Page } from "../page.ts";
import type { Column } from "../table.ts";
import { templateText } from "../template-text.ts";
import { ownedColumns, plainColumn, rowsNamed, type View } from "./view.ts";

const NIC_COLUMNS: readonly Column[] = [
  plainColumn("ID", "NIC_ID", 3, "NIC"),
  plainColumn("NETWORK", "NETWORK", 20, "Network", { left: true }),
  plainColumn("MANAGEMENT", "VROUTER_MANAGEMENT", 10, "For its administrators", { left: true }),
  plainColumn("FLOATING", "FLOATING_IP", 8, "Its VMs share the address", { left: true }),
  plainColumn("IP", "VROUTER_IP", 15, "Address", { left: true, whole: true }),
];

export const vrouterView: View = {
  columns: [
    ...ownedColumns({ user: 15, group: 15, name: 27 }),
    {
      name: "VMS",
      summary: "Ids of its VMs",
      size: 10,
      left: true,
      text: (router) => textsAt(router, "VMS/ID").join(",") || "-",
    },
  ],
  defaults: ["ID", "USER", "GROUP", "NAME"],
  rows: rowsNamed("VROUTER"),
  page: (router) => {
    const page = new Page(20);
    page.block(`VIRTUAL ROUTER ${textAt(router, "ID")} INFORMATION`, [
      ...ownedLines(router),
      ["LOCK", lockText(router)],
    ]);
    page.permissions(router);
    const nics = nodesAt(router, "TEMPLATE/NIC");
    if (nics.length > 0) page.table("VIRTUAL ROUTER NICS", NIC_COLUMNS, nics);
    page.text("VIRTUAL MACHINES", textsAt(router, "VMS/ID").join("\n"));
    page.text("VIRTUAL ROUTER TEMPLATE", templateText(nodesAt(router, "TEMPLATE")[0], ["NIC"]));
    return page.toString();
  },
};
