/** `oneuser`: users, their groups and passwords. */

import { resolveId } from "../ids.ts";
import { readPassword } from "../input.ts";
import { GROUP } from "../kind.ts";
import {
  type CommonOptions,
  type Desk,
  eachOf,
  printId,
  severalCommand,
  subCommand,
  withClient,
} from "./desk.ts";
import { addDelete, addUpdate } from "./manage.ts";
import { addTokens } from "./oneuser-tokens.ts";
import { addList, addShow } from "./show.ts";

export function addUserCommands(desk: Desk): void {
  addList(desk);
  addShow(desk);
  addCreate(desk);
  addPasswd(desk);
  addMembership(desk);
  addDelete(desk);
  addUpdate(desk);
  addTokens(desk);
}

interface CreateOptions extends CommonOptions {
  readonly driver: string;
  readonly group?: string;
  readonly readFile?: string;
}

function addCreate(desk: Desk): void {
  subCommand(
    desk,
    "create <name> [new-password]",
    "make a user; the password also from a file or standard input",
    [
      "create alice < password.txt",
      "create alice secret --group users,web",
      "create alice --read-file password.txt",
    ],
  )
    .option("--driver <driver>", "how the user is authenticated", "core")
    .option("--group <groups>", "groups by id or name, the primary one first")
    .option("-r, --read-file <file>", "file with the password")
    .action(async (name: string, given: string | undefined, options: CreateOptions) => {
      const password = await readPassword(desk.context, given, options.readFile);
      await withClient(desk, options, async (client) => {
        const groups: number[] = [];
        for (const group of options.group?.split(",") ?? [])
          groups.push(await resolveId(client, GROUP, group));
        const rest = groups.length === 0 ? [] : [groups];
        printId(desk, await client.call("one.user.allocate", name, password, options.driver, ...rest));
      });
    });
}

function addPasswd(desk: Desk): void {
  subCommand(desk, "passwd <user> [new-password]", "change a password", [
    "passwd alice < password.txt",
    "passwd 2 new-secret",
  ])
    .option("-r, --read-file <file>", "file with the password")
    .action(
      async (text: string, given: string | undefined, options: CommonOptions & { readFile?: string }) => {
        const password = await readPassword(desk.context, given, options.readFile);
        await withClient(desk, options, async (client) => {
          await client.call("one.user.passwd", await resolveId(client, desk.kind, text), password);
        });
      },
    );
}

function addMembership(desk: Desk): void {
  const summaries = {
    chgrp: "change the primary group",
    addgroup: "add to a secondary group",
    delgroup: "remove from a secondary group",
  };
  for (const [name, summary] of Object.entries(summaries)) {
    severalCommand(desk, `${name} <ids> <group>`, summary, [
      `${name} alice web`,
      `${name} 2..4 users`,
    ]).action(async (ids: string, group: string, options: CommonOptions) => {
      await withClient(desk, options, async (client) => {
        const gid = await resolveId(client, GROUP, group);
        await eachOf(desk, client, ids, options, "group changed", (each, id) =>
          each.call(`one.user.${name}`, id, gid),
        );
      });
    });
  }
}
