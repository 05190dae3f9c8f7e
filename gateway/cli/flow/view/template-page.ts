/** The page of `oneflow-template show` (seeds 001 and 003). */

import { timeText } from "../../one/format.ts";
import type { FlowDocument } from "../document.ts";
import { jsonText } from "../forms.ts";
import { type FlowPageOptions, flowPage, ownedLines } from "./service-page.ts";

export function templatePage(template: FlowDocument, options: FlowPageOptions): string {
  const { registration_time: made } = template.body;
  const page = flowPage(options);
  page.block(`SERVICE TEMPLATE ${template.id} INFORMATION`, [
    ...ownedLines(template),
    ["REGISTRATION_TIME", made === 0 ? undefined : timeText(made)],
  ]);
  page.rights(template.has);
  page.text("TEMPLATE CONTENTS", jsonText(template.source));
  return page.toString();
}
