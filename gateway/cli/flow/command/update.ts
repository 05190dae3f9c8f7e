/** `update`: from a file, from standard input, or in an editor that opens on what there is. */

import { readTemplate } from "../../one/input.ts";
import type { FlowAnswer, FlowClient } from "../client.ts";
import { jsonText } from "../forms.ts";
import { isObject, type JsonObject, parseObject } from "../json-input.ts";
import { SERVICE } from "../kind.ts";
import type { Person } from "../person.ts";
import {
  type CommonOptions,
  type FlowDesk,
  getDocument,
  perform,
  resolveFlowId,
  subCommand,
  tellWarning,
  withClient,
} from "./desk.ts";

/** What OneFlow keeps of a service, and nobody edits: left out of an update it stays as it is. */
const KEPT = ["state", "start_time", "log", "registration_time"];
const KEPT_OF_ROLE = ["state", "nodes", "last_vmname", "scale_way", "vrouter_id", "vrouter_ips"];

interface UpdateOptions extends CommonOptions {
  readonly append?: boolean;
}

export function addUpdate(desk: FlowDesk): void {
  subCommand(desk, {
    syntax: "update <id> [file]",
    summary: `change ${desk.kind.noun} by a file, by standard input, or in an editor`,
    examples: ["update 5", "update web new.json", "update 5 --append part.json", "update 5 < new.json"],
  })
    .option("-a, --append", "merge the file into what there is, roles by their names")
    .addHelpText(
      "after",
      "\nA file without name or without roles is no whole one, and is merged as with --append." +
        "\nWithout a file, on a terminal, EDITOR opens on what there is.",
    )
    .action((text: string, file: string | undefined, options: UpdateOptions) =>
      update(desk, text, file, options),
    );
}

async function update(
  desk: FlowDesk,
  text: string,
  file: string | undefined,
  options: UpdateOptions,
): Promise<void> {
  const { context } = desk;
  const { person } = context;
  if (file === undefined && options.append !== true && person !== undefined)
    return await edited(desk, person, text, options);
  const given = await readTemplate(context, file);
  await withClient(desk, options, async (client) => {
    const id = await resolveFlowId(desk, client, text);
    const isPart = options.append === true || isIncomplete(parseObject(given));
    tellWarning(
      desk,
      isPart ? await append(desk, client, id, given) : await replace(desk, client, id, given),
    );
  });
}

/** The guide's example (seed 001) updates from a file that names a few attributes; no whole body is without these. */
function isIncomplete(value: JsonObject | undefined): boolean {
  return value !== undefined && !(Object.hasOwn(value, "name") && Object.hasOwn(value, "roles"));
}

async function append(desk: FlowDesk, client: FlowClient, id: number, text: string): Promise<FlowAnswer> {
  if (desk.kind === SERVICE)
    return await client.send("PUT", `${desk.kind.path}/${id}`, { body: { append: true, template: text } });
  return await perform(desk, client, id, "update", { append: true, template_json: text });
}

async function replace(
  { kind }: FlowDesk,
  client: FlowClient,
  id: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<FlowAnswer> {
  return await client.send("PUT", `${kind.path}/${id}`, { body, headers });
}

async function edited(desk: FlowDesk, person: Person, text: string, options: CommonOptions): Promise<void> {
  const { context, kind } = desk;
  await withClient(desk, options, async (client) => {
    const id = await resolveFlowId(desk, client, text);
    const { document, answer } = await getDocument(desk, client, id);
    const draft = jsonText(withoutKept(document.source));
    const changed = await person.edit(draft);
    if (changed.text.trim() === draft.trim()) {
      changed.discard();
      return context.out("Nothing was changed.\n");
    }
    // A service writes into its own document (log, policies), so only a template can be asked to be as it was.
    const unchanged = kind === SERVICE || answer.etag === undefined ? {} : { "if-match": answer.etag };
    try {
      tellWarning(desk, await replace(desk, client, id, changed.text, unchanged));
    } catch (error) {
      context.err(`What you wrote is kept in ${changed.file}\n`);
      throw error;
    }
    changed.discard();
  });
}

function withoutKept(body: JsonObject): JsonObject {
  const { roles } = body;
  const rest = without(body, KEPT);
  if (!Array.isArray(roles)) return rest;
  return {
    ...rest,
    roles: roles.map((role: unknown) => (isObject(role) ? without(role, KEPT_OF_ROLE) : role)),
  };
}

function without(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}
