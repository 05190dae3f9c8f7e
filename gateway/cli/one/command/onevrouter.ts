/** `onevrouter`: virtual routers. */

import { resolveId } from "../ids.ts";
import { readTemplate } from "../input.ts";
import { TEMPLATE } from "../kind.ts";
import { type TemplateOptions, templateOf, withTemplateOptions } from "../template-options.ts";
import { type CommonOptions, type Desk, printId, subCommand, withClient } from "./desk.ts";
import { addDelete, addOwnership, addRename, addUpdate } from "./manage.ts";
import { countOf } from "./multiple.ts";
import { addNics } from "./onevm-parts.ts";
import { addList, addShow } from "./show.ts";

export function addVrouterCommands(desk: Desk): void {
  addList(desk);
  addShow(desk);
  subCommand(desk, "create [file]", "make a router of a file or standard input", [
    "create router.txt",
    "create < router.txt",
  ]).action(async (file: string | undefined, options: CommonOptions) => {
    const template = await readTemplate(desk.context, file);
    await withClient(desk, options, async (client) => {
      printId(desk, await client.call("one.vrouter.allocate", template));
    });
  });
  addInstantiate(desk);
  addNics(desk);
  addDelete(desk);
  addRename(desk);
  addOwnership(desk);
  addUpdate(desk);
}

interface InstantiateOptions extends CommonOptions, TemplateOptions {
  readonly hold?: boolean;
  readonly multiple?: string;
}

function addInstantiate(desk: Desk): void {
  const command = subCommand(desk, "instantiate <id> <template> [file]", "make the VMs of a router", [
    "instantiate 0 router-template",
    "instantiate edge 2 --multiple 2 --name edge-%i",
  ])
    .option("--name <name>", "name of the VMs; %i in it is the number among several")
    .option("--hold", "make them on hold")
    .option("-m, --multiple <count>", "how many VMs");
  withTemplateOptions(command).action(
    async (text: string, templateText: string, file: string | undefined, options: InstantiateOptions) => {
      const count = countOf(options.multiple);
      const { name = "", hold = false, ...rest } = options;
      const base = file === undefined ? "" : await readTemplate(desk.context, file);
      const extra = [base, templateOf(rest)].filter(Boolean).join("\n");
      await withClient(desk, options, async (client) => {
        const id = await resolveId(client, desk.kind, text);
        const templateId = await resolveId(client, TEMPLATE, templateText);
        // The core itself puts the number in for %i.
        const made = await client.call("one.vrouter.instantiate", id, count, templateId, name, hold, extra);
        printId(desk, made);
      });
    },
  );
}
