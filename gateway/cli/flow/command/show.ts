/** `show`: the page of a service or of a service template, or the document as it came. */

import { wantsColours } from "../context.ts";
import type { FlowDocument } from "../document.ts";
import { documentXml, type FormOptions, formOf, jsonText, yamlText } from "../forms.ts";
import { SERVICE } from "../kind.ts";
import { servicePage } from "../view/service-page.ts";
import { templatePage } from "../view/template-page.ts";
import {
  type CommonOptions,
  type FlowDesk,
  getDocument,
  resolveFlowId,
  subCommand,
  withClient,
} from "./desk.ts";
import { watch } from "./watch.ts";

interface ShowOptions extends CommonOptions, FormOptions {
  readonly watch?: boolean;
  readonly follow?: boolean;
}

export function addShow(desk: FlowDesk): void {
  const isService = desk.kind === SERVICE;
  const command = subCommand(desk, {
    syntax: "show <id>",
    summary: `show ${desk.kind.noun}, by id or name`,
    examples: [
      "show 5",
      "show web",
      "show 5 --json",
      ...(isService ? ["show 5 --watch", "show 5 --follow"] : []),
    ],
  })
    .option("-j, --json", "print JSON")
    .option("-y, --yaml", "print YAML")
    .option("-x, --xml", "print XML, as the core keeps it");
  if (isService)
    command
      .option("-w, --watch", "show it as it changes, until it comes to rest; 255 when it has failed then")
      .option("--follow", "the same, until q or Ctrl-C");
  command.action((text: string, options: ShowOptions) => show(desk, text, options));
}

async function show(desk: FlowDesk, text: string, options: ShowOptions): Promise<void> {
  const form = formOf(options);
  await withClient(desk, options, async (client) => {
    const id = await resolveFlowId(desk, client, text);
    const { document, answer } = await getDocument(desk, client, id);
    if (form === undefined && (options.watch || options.follow))
      return await watch(desk, client, { document, etag: answer.etag }, options.follow === true);
    const { context } = desk;
    if (form === "json") context.out(jsonText({ DOCUMENT: document.json }));
    else if (form === "yaml") context.out(await yamlText({ DOCUMENT: document.json }));
    else if (form === "xml") context.out(documentXml(document.json));
    else context.out(pageOf(desk, document));
  });
}

function pageOf({ kind, context }: FlowDesk, document: FlowDocument): string {
  const options = { colours: wantsColours(context) };
  return kind === SERVICE ? servicePage(document, options) : templatePage(document, options);
}
