/** What can be done to services and to service templates: chown, chgrp, chmod, rename. */

import { GatehouseError, isGatehouseError } from "../../../../shared/errors.ts";
import { nonEmpty } from "../../one/access.ts";
import { rightsOf } from "../../one/template-options.ts";
import type { FlowAccessOptions } from "../access.ts";
import {
  type CommonOptions,
  type FlowDesk,
  onEach,
  perform,
  resolveFlowId,
  severalCommand,
  subCommand,
  withClient,
} from "./desk.ts";

export function addManage(desk: FlowDesk): void {
  addChmod(desk);
  addOwner(desk);
  subCommand(desk, {
    syntax: "rename <id> <name>",
    summary: `rename ${desk.kind.noun}`,
    examples: ["rename 5 web", "rename web 'web server'"],
  }).action(async (text: string, name: string, options: CommonOptions) => {
    await withClient(desk, options, async (client) => {
      await perform(desk, client, await resolveFlowId(desk, client, text), "rename", { name });
    });
  });
}

function addChmod(desk: FlowDesk): void {
  severalCommand(desk, {
    syntax: "chmod <ids> <octet>",
    summary: "change permissions: u=4 m=2 a=1, of owner, group and others",
    examples: ["chmod 5 640", "chmod 5..8 600"],
  }).action(async (ids: string, octet: string, options: CommonOptions) => {
    // The original takes any text, and 'zzz' wiped all permissions (recorded).
    rightsOf(octet);
    await onEach(desk, ids, options, "permissions changed", (client, id) =>
      perform(desk, client, id, "chmod", { octet }),
    );
  });
}

function addOwner(desk: FlowDesk): void {
  severalCommand(desk, {
    syntax: "chown <ids> <user> [group]",
    summary: "give to another user, and group",
    examples: ["chown 5 alice", "chown web 2 users"],
  }).action(async (ids: string, user: string, group: string | undefined, options: CommonOptions) => {
    const owner_id = await personId(desk, options, "USER", user);
    const group_id = group === undefined ? undefined : await personId(desk, options, "GROUP", group);
    await onEach(desk, ids, options, "owner changed", (client, id) =>
      perform(desk, client, id, "chown", { owner_id, ...(group_id === undefined ? {} : { group_id }) }),
    );
  });
  severalCommand(desk, {
    syntax: "chgrp <ids> <group>",
    summary: "give to another group",
    examples: ["chgrp 5 users"],
  }).action(async (ids: string, group: string, options: CommonOptions) => {
    const group_id = await personId(desk, options, "GROUP", group);
    await onEach(desk, ids, options, "group changed", (client, id) =>
      perform(desk, client, id, "chgrp", { group_id }),
    );
  });
}

/** OneFlow takes ids alone; names are the core's to know. An id goes as it was given. */
async function personId(
  { context }: FlowDesk,
  options: FlowAccessOptions,
  kind: "USER" | "GROUP",
  text: string,
): Promise<string> {
  if (/^\d{1,10}$/.test(text)) return text;
  // Loaded only here: most commands speak no XML-RPC.
  const [access, ids, kinds] = await Promise.all([
    import("../../one/access.ts"),
    import("../../one/ids.ts"),
    import("../../one/kind.ts"),
  ]);
  const user = options.username ?? nonEmpty(context.env.ONEFLOW_USER);
  const password = options.password ?? nonEmpty(context.env.ONEFLOW_PASSWORD);
  const session = user === undefined || password === undefined ? {} : { user, password };
  try {
    return String(await ids.resolveId(access.connect(context, session), kinds[kind], text));
  } catch (error) {
    if (!isGatehouseError(error) || error.code !== "unavailable") throw error;
    throw new GatehouseError(
      "unavailable",
      `${kind} ${text} must be given by its id: no core answers that could look the name up (${error.message})`,
      { cause: error },
    );
  }
}
