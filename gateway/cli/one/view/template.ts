/** VM and network templates: the lists of `onetemplate` and `onevntemplate`, and their pages. */

import { nodesAt, numberAt, textAt } from "../../../../shared/xml/node.ts";
import { timeText } from "../format.ts";
import { lockText, ownedLines, Page } from "../page.ts";
import { templateText } from "../template-text.ts";
import { ownedColumns, rowsNamed, type View } from "./view.ts";

export const templateView = registeredView("VMTEMPLATE");

export const vntemplateView = registeredView("VNTEMPLATE");

function registeredView(element: string): View {
  return {
    columns: [
      ...ownedColumns({ user: 15, group: 15, name: 28 }),
      {
        name: "REGTIME",
        summary: "When it was made",
        size: 15,
        text: (template) => timeText(numberAt(template, "REGTIME")),
      },
    ],
    defaults: ["ID", "USER", "GROUP", "NAME", "REGTIME"],
    rows: rowsNamed(element),
    page: (template) => {
      const page = new Page(15);
      page.block(`TEMPLATE ${textAt(template, "ID")} INFORMATION`, [
        ...ownedLines(template),
        ["LOCK", lockText(template)],
        ["REGISTER TIME", timeText(numberAt(template, "REGTIME"))],
      ]);
      page.permissions(template);
      page.text("TEMPLATE CONTENTS", templateText(nodesAt(template, "TEMPLATE")[0]));
      return page.toString();
    },
  };
}
