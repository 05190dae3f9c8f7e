/** Roles of a service: how many VMs they have, and which there are. */

import { GatehouseError } from "../../../../shared/errors.ts";
import type { FlowClient } from "../client.ts";
import { readObject } from "../json-input.ts";
import { type CommonOptions, type FlowDesk, resolveFlowId, subCommand, withClient } from "./desk.ts";

export function addRoles(desk: FlowDesk): void {
  subCommand(desk, {
    syntax: "scale <id> <role> <cardinality>",
    summary: "give a role more VMs, or fewer",
    examples: ["scale 5 worker 4", "scale web worker 20 --force"],
  })
    .option("-f, --force", "whatever the role's min_vms and max_vms say")
    .action((text: string, role: string, cardinality: string, options: CommonOptions & { force?: boolean }) =>
      scale(desk, text, role, cardinality, options),
    );
  subCommand(desk, {
    syntax: "add-role <id> [file]",
    summary: "add the role of a file, or of standard input, to a service that runs",
    examples: ["add-role 5 role.json", "add-role web < role.json"],
  }).action(async (text: string, file: string | undefined, options: CommonOptions) => {
    const role = await readObject(desk.context, file);
    await changeRoles(desk, text, options, "add_role", role);
  });
  subCommand(desk, {
    syntax: "remove-role <id> <role>",
    summary: "remove a role and its VMs from a service that runs",
    examples: ["remove-role 5 worker"],
  }).action((text: string, role: string, options: CommonOptions) =>
    changeRoles(desk, text, options, "remove_role", role),
  );
}

async function scale(
  desk: FlowDesk,
  text: string,
  role: string,
  cardinality: string,
  options: CommonOptions & { readonly force?: boolean },
): Promise<void> {
  if (!/^\d{1,15}$/.test(cardinality))
    throw new GatehouseError("bad_request", "Cardinality must be an integer number");
  await withClient(desk, options, async (client) => {
    const id = await resolveFlowId(desk, client, text);
    const body = { cardinality: Number(cardinality), force: options.force === true, role_name: role };
    await client.send("POST", `/service/${id}/scale`, { body });
  });
}

async function changeRoles(
  desk: FlowDesk,
  text: string,
  options: CommonOptions,
  action: "add_role" | "remove_role",
  role: unknown,
): Promise<void> {
  await withClient(desk, options, async (client: FlowClient) => {
    const id = await resolveFlowId(desk, client, text);
    const body = { action: { perform: action, params: { role } } };
    await client.send("POST", `/service/${id}/role_action`, { body });
  });
}
