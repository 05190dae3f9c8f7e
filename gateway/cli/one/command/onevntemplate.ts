/** `onevntemplate`: templates of networks. */

import { resolveId } from "../ids.ts";
import { readTemplate } from "../input.ts";
import { templateOf } from "../template-options.ts";
import { type CommonOptions, type Desk, printId, subCommand, withClient } from "./desk.ts";
import { addDelete, addOwnership, addRename, addUpdate } from "./manage.ts";
import { countOf, numberedName } from "./multiple.ts";
import { addList, addShow } from "./show.ts";

export function addVntemplateCommands(desk: Desk): void {
  addList(desk);
  addShow(desk);
  addCreate(desk);
  addInstantiate(desk);
  addClone(desk);
  addDelete(desk);
  addRename(desk);
  addOwnership(desk);
  addUpdate(desk);
}

function addCreate(desk: Desk): void {
  subCommand(desk, "create [file]", "make a template of a file or standard input", [
    "create lab.txt",
    "create --name lab lab.txt",
    "create < lab.txt",
  ])
    .option("--name <name>", "name")
    .action(async (file: string | undefined, options: CommonOptions & { name?: string }) => {
      const { name } = options;
      const own = name === undefined ? "" : templateOf({ name });
      const template = [await readTemplate(desk.context, file), own].filter(Boolean).join("\n");
      await withClient(desk, options, async (client) => {
        printId(desk, await client.call("one.vntemplate.allocate", template));
      });
    });
}

interface InstantiateOptions extends CommonOptions {
  readonly name?: string;
  readonly multiple?: string;
}

function addInstantiate(desk: Desk): void {
  subCommand(desk, "instantiate <id> [file]", "make a network; a file changes the template", [
    "instantiate 0 --name lab",
    "instantiate lab range.txt --name lab-%i --multiple 3",
  ])
    .option("--name <name>", "name; %i in it is the number among several")
    .option("-m, --multiple <count>", "make several")
    .action(async (text: string, file: string | undefined, options: InstantiateOptions) => {
      const count = countOf(options.multiple);
      const extra = file === undefined ? "" : await readTemplate(desk.context, file);
      await withClient(desk, options, async (client) => {
        const id = await resolveId(client, desk.kind, text);
        for (let at = 0; at < count; at += 1) {
          const name = numberedName(options.name ?? "", at);
          printId(desk, await client.call("one.vntemplate.instantiate", id, name, extra));
        }
      });
    });
}

function addClone(desk: Desk): void {
  subCommand(desk, "clone <id> <name>", "make a copy", ["clone lab lab-test"]).action(
    async (text: string, name: string, options: CommonOptions) => {
      await withClient(desk, options, async (client) => {
        const id = await resolveId(client, desk.kind, text);
        printId(desk, await client.call("one.vntemplate.clone", id, name));
      });
    },
  );
}
