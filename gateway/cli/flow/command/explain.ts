/** `oneflow explain`: why the roles of a service scale, or do not. */

import { parseExplanation } from "../explanation.ts";
import { jsonText } from "../forms.ts";
import { explanationPage } from "../view/explanation-page.ts";
import { type CommonOptions, type FlowDesk, resolveFlowId, subCommand, withClient } from "./desk.ts";

interface ExplainOptions extends CommonOptions {
  readonly json?: boolean;
}

export function addExplain(desk: FlowDesk): void {
  subCommand(desk, {
    syntax: "explain <id> [role]",
    summary: "tell why the roles of a service scale, or do not",
    examples: ["explain 5", "explain web worker", "explain 5 worker --json"],
  })
    .option("-j, --json", "print JSON")
    .action(async (text: string, role: string | undefined, options: ExplainOptions) => {
      await withClient(desk, options, async (client) => {
        const id = await resolveFlowId(desk, client, text);
        const place = role === undefined ? "" : `/role/${encodeURIComponent(role)}`;
        const answer = await client.send("GET", `/service/${id}${place}/explain`);
        const { explanation, json } = parseExplanation(answer.text);
        desk.context.out(options.json ? jsonText(json) : explanationPage(explanation));
      });
    });
}
