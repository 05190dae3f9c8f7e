/** `oneflow`: services. */

import type { FlowClient } from "../client.ts";
import { addActions } from "./actions.ts";
import {
  type CommonOptions,
  type FlowDesk,
  getDocument,
  onEach,
  perform,
  type SubCommand,
  severalCommand,
  subCommand,
  type Work,
  withClient,
} from "./desk.ts";
import { addExplain } from "./explain.ts";
import { addList, addTop } from "./list.ts";
import { addManage } from "./manage.ts";
import { addRoles } from "./roles.ts";
import { addShow } from "./show.ts";
import { addSimulate } from "./simulate.ts";
import { addUpdate } from "./update.ts";

export function addServiceCommands(desk: FlowDesk): void {
  addList(desk);
  addTop(desk);
  addShow(desk);
  addEnds(desk);
  addRoles(desk);
  addActions(desk);
  addExplain(desk);
  addSimulate(desk);
  addUpdate(desk);
  addManage(desk);
}

/** How a service comes to its end, or out of a failure. */
function addEnds(desk: FlowDesk): void {
  const examples = (name: string) => [`${name} 5`, `${name} 5..8`, `${name} web,db`];
  several(
    desk,
    { syntax: "delete <ids>", summary: "end services, with their VMs", examples: examples("delete") },
    "deleted",
    async (client, id) => {
      await getDocument(desk, client, id);
      await client.send("DELETE", `/service/${id}`);
    },
  );
  several(
    desk,
    {
      syntax: "shutdown <ids>",
      summary: "the same, as releases before 5.12 had it",
      examples: examples("shutdown"),
    },
    "shut down",
    (client, id) => perform(desk, client, id, "shutdown"),
  );
  addRecover(desk);
  several(
    desk,
    { syntax: "release <ids>", summary: "start the VMs of roles on hold", examples: examples("release") },
    "released",
    (client, id) => perform(desk, client, id, "release"),
  );
  subCommand(desk, {
    syntax: "purge-done",
    summary: "remove all services that are DONE",
    examples: ["purge-done"],
  }).action(async (options: CommonOptions) => {
    await withClient(desk, options, (client) =>
      client.send("POST", "/service_pool/purge_done", { body: "" }),
    );
  });
}

function several(desk: FlowDesk, command: SubCommand, done: string, work: Work): void {
  severalCommand(desk, command).action((ids: string, options: CommonOptions) =>
    onEach(desk, ids, options, done, work),
  );
}

function addRecover(desk: FlowDesk): void {
  severalCommand(desk, {
    syntax: "recover <ids>",
    summary: "repair services after a failure, or remove them whatever state they are in",
    examples: ["recover 5", "recover 5..8 --delete"],
  })
    .option("--delete", "delete all VMs at once, and the service")
    .action(async (ids: string, options: CommonOptions & { delete?: boolean }) => {
      const recover = async (client: FlowClient, id: number): Promise<void> => {
        await getDocument(desk, client, id);
        await perform(desk, client, id, "recover", { delete: options.delete === true });
      };
      await onEach(desk, ids, options, "recovered", recover);
    });
}
