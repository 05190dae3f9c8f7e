/** Users: the list of `oneuser`, and its page. */

import { nodesAt, numberAt, textAt, textsAt } from "../../../../shared/xml/node.ts";
import type { XmlNode } from "../../../../shared/xml/tree.ts";
import { timeText, yesOrNo } from "../format.ts";
import { Page } from "../page.ts";
import type { Column } from "../table.ts";
import { templateText } from "../template-text.ts";
import { QUOTA_COLUMNS, rowsWithQuotas } from "./quota.ts";
import { plainColumn, type View } from "./view.ts";

/** A token is a password: a list shows its beginning, enough to tell it from others. */
const TOKEN_SHOWN = 7;

export const TOKEN_COLUMNS: readonly Column[] = [
  {
    name: "TOKEN",
    summary: "Its beginning",
    size: TOKEN_SHOWN + 3,
    left: true,
    text: (token) => `${textAt(token, "TOKEN").slice(0, TOKEN_SHOWN)}...`,
  },
  {
    name: "EGID",
    summary: "The group it is limited to",
    size: 5,
    text: (token) => (numberAt(token, "EGID") < 0 ? "*" : textAt(token, "EGID")),
  },
  { name: "EXPIRATION", summary: "Until when it is valid", size: 20, text: expirationText },
];

function expirationText(token: XmlNode, now: number): string {
  const time = numberAt(token, "EXPIRATION_TIME");
  if (time < 0) return "never";
  return time < now ? "expired" : timeText(time);
}

export const userView: View = {
  columns: [
    plainColumn("ID", "ID", 4, "Id"),
    plainColumn("NAME", "NAME", 15, "Name", { left: true }),
    {
      name: "ENAB",
      summary: "May log in",
      size: 4,
      left: true,
      text: (user) => yesOrNo(textAt(user, "ENABLED")).toLowerCase(),
    },
    plainColumn("GROUP", "GNAME", 10, "Primary group", { left: true }),
    plainColumn("AUTH", "AUTH_DRIVER", 8, "How it is authenticated", { left: true }),
    ...QUOTA_COLUMNS,
  ],
  defaults: ["ID", "NAME", "ENAB", "GROUP", "AUTH", "VMS", "MEMORY", "CPU"],
  rows: rowsWithQuotas("USER"),
  page: (user, { now }) => {
    const page = new Page(16);
    const primary = textAt(user, "GID");
    const others = textsAt(user, "GROUPS/ID").filter((id) => id !== primary);
    page.block(`USER ${textAt(user, "ID")} INFORMATION`, [
      ["ID", textAt(user, "ID")],
      ["NAME", textAt(user, "NAME")],
      ["GROUP", textAt(user, "GNAME")],
      ["SECONDARY GROUPS", others.length === 0 ? undefined : others.join(",")],
      ["PASSWORD", textAt(user, "PASSWORD")],
      ["AUTH_DRIVER", textAt(user, "AUTH_DRIVER")],
      ["ENABLED", yesOrNo(textAt(user, "ENABLED"))],
    ]);
    const tokens = nodesAt(user, "LOGIN_TOKEN");
    if (tokens.length > 0) page.table("TOKENS", TOKEN_COLUMNS, tokens, now);
    page.text("USER TEMPLATE", templateText(nodesAt(user, "TEMPLATE")[0]));
    return page.toString();
  },
};
