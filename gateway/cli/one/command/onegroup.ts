/** `onegroup`: groups of users. */

import { type CommonOptions, type Desk, printId, subCommand, withClient } from "./desk.ts";
import { addDelete, addUpdate } from "./manage.ts";
import { addList, addShow } from "./show.ts";

export function addGroupCommands(desk: Desk): void {
  addList(desk);
  addShow(desk);
  subCommand(desk, "create <name>", "make a group", ["create web"]).action(
    async (name: string, options: CommonOptions) => {
      await withClient(desk, options, async (client) => {
        printId(desk, await client.call("one.group.allocate", name));
      });
    },
  );
  addDelete(desk);
  addUpdate(desk);
}
