/** `oneflow-template instantiate`: services of a template, with values from a file, from options, or asked for. */

import { countOf, numberedName } from "../../one/command/multiple.ts";
import { askedValues } from "../asked-values.ts";
import { type JsonObject, readObject } from "../json-input.ts";
import { withInputs, withNetworks } from "../merge-template.ts";
import {
  type CommonOptions,
  type FlowDesk,
  getDocument,
  perform,
  printMade,
  resolveFlowId,
  subCommand,
  withClient,
} from "./desk.ts";

interface InstantiateOptions extends CommonOptions {
  readonly name?: string;
  readonly multiple?: string;
  readonly network?: readonly string[];
  readonly input?: readonly string[];
}

export function addInstantiate(desk: FlowDesk): void {
  subCommand(desk, {
    syntax: "instantiate <id> [file]",
    summary: "make a service; a JSON file, or - for standard input, is merged into the template",
    examples: [
      "instantiate web",
      "instantiate 3 values.json",
      "instantiate web --name web-%i --multiple 3",
      "instantiate web --network Public=0 --network Private=template_id:1",
      "instantiate web --network Private=reserve_from:2:SIZE=5",
      "instantiate web --input PASSWORD=secret --input worker.THREADS=8",
    ],
  })
    .option("-m, --multiple <count>", "make several")
    .option("--name <name>", "name of the service; %i in it is the number among several")
    .option("--network <name=id>", "a network of the template, by the id of an existing one", collect)
    .option("--input <name=value>", "a user input; role.name=value for one of a role", collect)
    .addHelpText("after", "\nOn a terminal, user inputs and networks without a value are asked for.")
    .action((text: string, file: string | undefined, options: InstantiateOptions) =>
      instantiate(desk, text, file, options),
    );
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

async function instantiate(
  desk: FlowDesk,
  text: string,
  file: string | undefined,
  options: InstantiateOptions,
): Promise<void> {
  const { context } = desk;
  const count = countOf(options.multiple);
  const base = file === undefined ? {} : await readObject(context, file);
  const given = withInputs(withNetworks(base, options.network ?? []), options.input ?? []);
  await withClient(desk, options, async (client) => {
    const id = await resolveFlowId(desk, client, text);
    const { person } = context;
    const values =
      person === undefined
        ? given
        : await askedValues(person, (await getDocument(desk, client, id)).document.source, given);
    for (let at = 0; at < count; at += 1)
      printMade(desk, await perform(desk, client, id, "instantiate", paramsOf(values, options.name, at)));
  });
}

function paramsOf(values: JsonObject, name: string | undefined, at: number): JsonObject {
  const merge = name === undefined ? values : { ...values, name: numberedName(name, at) };
  return Object.keys(merge).length === 0 ? {} : { merge_template: merge };
}
