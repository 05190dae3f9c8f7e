/** `onetemplate`: VM templates. */

import { resolveId } from "../ids.ts";
import { readTemplate } from "../input.ts";
import { type TemplateOptions, templateOf, withTemplateOptions } from "../template-options.ts";
import { type CommonOptions, type Desk, printId, subCommand, withClient } from "./desk.ts";
import { addDelete, addOwnership, addRename, addUpdate } from "./manage.ts";
import { countOf, numberedName } from "./multiple.ts";
import { addList, addShow } from "./show.ts";

export function addTemplateCommands(desk: Desk): void {
  addList(desk);
  addShow(desk);
  addCreate(desk);
  addInstantiate(desk);
  addClone(desk);
  // Images stay; the house has none, and a template is the cheaper loss.
  addDelete(desk, false);
  addRename(desk);
  addOwnership(desk);
  addUpdate(desk);
}

function addCreate(desk: Desk): void {
  const command = subCommand(
    desk,
    "create [file]",
    "make a template of a file, of options, or of standard input",
    ["create web.txt", "create --name web --cpu 0.5 --memory 512M --nic private", "create < web.txt"],
  ).option("--name <name>", "name");
  withTemplateOptions(command).action(
    async (file: string | undefined, options: CommonOptions & TemplateOptions) => {
      const own = templateOf(options);
      const text = file !== undefined || own === "" ? await readTemplate(desk.context, file) : "";
      await withClient(desk, options, async (client) => {
        const template = [text, own].filter(Boolean).join("\n");
        printId(desk, await client.call("one.template.allocate", template));
      });
    },
  );
}

interface InstantiateOptions extends CommonOptions, TemplateOptions {
  readonly hold?: boolean;
  readonly persistent?: boolean;
  readonly multiple?: string;
}

function addInstantiate(desk: Desk): void {
  const command = subCommand(
    desk,
    "instantiate <id> [file]",
    "make a VM; a file or options change the template",
    [
      "instantiate 0",
      "instantiate web --name web-%i --multiple 3",
      "instantiate web --memory 1G --hold",
      "instantiate web more.txt",
    ],
  )
    .option("--name <name>", "name; %i in it is the number among several")
    .option("--hold", "make it on hold")
    .option("--persistent", "give it a copy of the template and its images, to keep")
    .option("-m, --multiple <count>", "make several");
  withTemplateOptions(command).action(
    async (text: string, file: string | undefined, options: InstantiateOptions) => {
      const count = countOf(options.multiple);
      const { name = "", hold = false, persistent = false, ...rest } = options;
      const base = file === undefined ? "" : await readTemplate(desk.context, file);
      const extra = [base, templateOf(rest)].filter(Boolean).join("\n");
      await withClient(desk, options, async (client) => {
        const id = await resolveId(client, desk.kind, text);
        for (let at = 0; at < count; at += 1) {
          const made = [numberedName(name, at), hold, extra, persistent] as const;
          printId(desk, await client.call("one.template.instantiate", id, ...made));
        }
      });
    },
  );
}

function addClone(desk: Desk): void {
  subCommand(desk, "clone <id> <name>", "make a copy", ["clone web web-test"]).action(
    async (text: string, name: string, options: CommonOptions) => {
      await withClient(desk, options, async (client) => {
        const id = await resolveId(client, desk.kind, text);
        printId(desk, await client.call("one.template.clone", id, name, false));
      });
    },
  );
}
