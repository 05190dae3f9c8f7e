/** `oneflow-template`: service templates. */

import { GatehouseError } from "../../../../shared/errors.ts";
import { readTemplate } from "../../one/input.ts";
import {
  type CommonOptions,
  type FlowDesk,
  onEach,
  perform,
  printMade,
  resolveFlowId,
  severalCommand,
  subCommand,
  withClient,
} from "./desk.ts";
import { addInstantiate } from "./instantiate.ts";
import { addList, addTop } from "./list.ts";
import { addManage } from "./manage.ts";
import { addShow } from "./show.ts";
import { addUpdate } from "./update.ts";

export function addTemplateCommands(desk: FlowDesk): void {
  addList(desk);
  addTop(desk);
  addShow(desk);
  addCreate(desk);
  addInstantiate(desk);
  addClone(desk);
  addDelete(desk);
  addUpdate(desk);
  addManage(desk);
}

function addCreate(desk: FlowDesk): void {
  subCommand(desk, {
    syntax: "create [file]",
    summary: "make a service template of a JSON file, or of standard input; comments may stand in it",
    examples: ["create web.json", "create < web.json"],
  }).action(async (file: string | undefined, options: CommonOptions) => {
    const body = await readTemplate(desk.context, file);
    await withClient(desk, options, async (client) => {
      printMade(desk, await client.send("POST", desk.kind.path, { body }));
    });
  });
}

interface CloneOptions extends CommonOptions {
  readonly recursive?: boolean;
  readonly recursiveTemplates?: boolean;
}

function addClone(desk: FlowDesk): void {
  subCommand(desk, {
    syntax: "clone <id> <name>",
    summary: "make a copy",
    examples: ["clone web web-test", "clone 3 web-test --recursive"],
  })
    .option("-R, --recursive", "copy the VM templates of its roles too, and their images")
    .option("--recursive-templates", "copy the VM templates of its roles too")
    .action(async (text: string, name: string, options: CloneOptions) => {
      onlyOne(options.recursive, "--recursive", options.recursiveTemplates, "--recursive-templates");
      const recursive = options.recursive ? "all" : options.recursiveTemplates ? "templates" : "none";
      await withClient(desk, options, async (client) => {
        const id = await resolveFlowId(desk, client, text);
        printMade(desk, await perform(desk, client, id, "clone", { name, recursive }));
      });
    });
}

interface DeleteOptions extends CommonOptions {
  readonly deleteVmTemplates?: boolean;
  readonly deleteImages?: boolean;
}

function addDelete(desk: FlowDesk): void {
  severalCommand(desk, {
    syntax: "delete <ids>",
    summary: "delete service templates",
    examples: ["delete 5", "delete 5..8", "delete web --delete-vm-templates"],
  })
    .option("--delete-vm-templates", "delete the VM templates of its roles too")
    .option("--delete-images", "delete the VM templates of its roles too, and their images")
    .action(async (ids: string, options: DeleteOptions) => {
      onlyOne(options.deleteVmTemplates, "--delete-vm-templates", options.deleteImages, "--delete-images");
      const type = options.deleteImages ? "all" : options.deleteVmTemplates ? "templates" : undefined;
      const call = type === undefined ? {} : { body: { delete_type: type } };
      await onEach(desk, ids, options, "deleted", (client, id) =>
        client.send("DELETE", `${desk.kind.path}/${id}`, call),
      );
    });
}

function onlyOne(
  one: boolean | undefined,
  oneName: string,
  other: boolean | undefined,
  otherName: string,
): void {
  if (one && other)
    throw new GatehouseError("bad_request", `${oneName} and ${otherName} cannot both be given.`);
}
