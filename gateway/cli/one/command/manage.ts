/** What can be done to objects of several kinds: delete, rename, chmod, chown, chgrp, update. */

import type { RpcValue } from "../../../../shared/xmlrpc/encoding.ts";
import { resolveId } from "../ids.ts";
import { readTemplate } from "../input.ts";
import { GROUP, USER } from "../kind.ts";
import { rightsOf } from "../template-options.ts";
import {
  type CommonOptions,
  type Desk,
  eachOf,
  onEach,
  severalCommand,
  subCommand,
  withClient,
} from "./desk.ts";

/** Keeps the owner, or the group, as it is. */
const KEEP = -1;
const REPLACE = 0;
const APPEND = 1;

/** `after` is what the method takes after the id. */
export function addDelete(desk: Desk, ...after: readonly RpcValue[]): void {
  severalCommand(desk, "delete <ids>", `delete ${desk.kind.noun}, or several`, [
    "delete 5",
    "delete 5..8",
    "delete web",
  ]).action(async (ids: string, options: CommonOptions) => {
    await onEach(desk, ids, options, "deleted", (client, id) =>
      client.call(`${desk.kind.prefix}.delete`, id, ...after),
    );
  });
}

export function addRename(desk: Desk): void {
  subCommand(desk, "rename <id> <name>", `rename ${desk.kind.noun}`, [
    "rename 5 web",
    "rename web 'web server'",
  ]).action(async (text: string, name: string, options: CommonOptions) => {
    await withClient(desk, options, async (client) => {
      const id = await resolveId(client, desk.kind, text);
      await client.call(`${desk.kind.prefix}.rename`, id, name);
    });
  });
}

/** chmod, chown and chgrp. */
export function addOwnership(desk: Desk): void {
  const { prefix } = desk.kind;
  severalCommand(desk, "chmod <ids> <octet>", "change permissions: u=4 m=2 a=1, of owner, group and others", [
    "chmod 5 640",
    "chmod 5..8 600",
  ]).action(async (ids: string, octet: string, options: CommonOptions) => {
    const rights = rightsOf(octet);
    await onEach(desk, ids, options, "permissions changed", (client, id) =>
      client.call(`${prefix}.chmod`, id, ...rights),
    );
  });
  severalCommand(desk, "chown <ids> <user> [group]", "give to another user, and group", [
    "chown 5 alice",
    "chown 5,7 2 users",
  ]).action(async (ids: string, user: string, group: string | undefined, options: CommonOptions) => {
    await changeOwner(desk, ids, { user, group }, options);
  });
  severalCommand(desk, "chgrp <ids> <group>", "give to another group", ["chgrp 5 users"]).action(
    async (ids: string, group: string, options: CommonOptions) => {
      await changeOwner(desk, ids, { user: undefined, group }, options);
    },
  );
}

async function changeOwner(
  desk: Desk,
  ids: string,
  to: { readonly user: string | undefined; readonly group: string | undefined },
  options: CommonOptions,
): Promise<void> {
  await withClient(desk, options, async (client) => {
    const uid = to.user === undefined ? KEEP : await resolveId(client, USER, to.user);
    const gid = to.group === undefined ? KEEP : await resolveId(client, GROUP, to.group);
    await eachOf(desk, client, ids, options, "owner changed", (each, id) =>
      each.call(`${desk.kind.prefix}.chown`, id, uid, gid),
    );
  });
}

export function addUpdate(desk: Desk): void {
  subCommand(desk, "update <id> [file]", "replace the attributes by those of a file or standard input", [
    "update 5 attributes.txt",
    "update web --append attributes.txt",
    "update 5 --append < attributes.txt",
  ])
    .option("-a, --append", "keep the attributes that the file does not name")
    .action(async (text: string, file: string | undefined, options: CommonOptions & { append?: boolean }) => {
      const template = await readTemplate(desk.context, file);
      await withClient(desk, options, async (client) => {
        const id = await resolveId(client, desk.kind, text);
        await client.call(`${desk.kind.prefix}.update`, id, template, options.append ? APPEND : REPLACE);
      });
    });
}
