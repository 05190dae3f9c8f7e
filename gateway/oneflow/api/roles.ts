/** Roles of a service: how many VMs they have, and which there are (spec oneflow-api.md 3). */

import { GatehouseError } from "../../../shared/errors.ts";
import { ROLE_STATE } from "../../../shared/states/role.ts";
import type { Actor } from "../../cloud/actor.ts";
import type { JsonObject, JsonValue } from "../../cloud/model.ts";
import type { ServiceCommand } from "../lifecycle/events.ts";
import type { Role } from "../model.ts";
import { attribute, isObject } from "../schema/json.ts";
import { parseRole } from "../schema/parse.ts";
import { readServiceBody } from "../schema/read.ts";
import { requireRoleValues } from "../schema/required-values.ts";
import { type ActionTable, flagParam, handlerOf, integer, readAction } from "./action.ts";
import { type Answer, EMPTY_OK, NO_CONTENT } from "./answer.ts";
import { asDocumentCall } from "./core-sentence.ts";
import type { FlowRequest } from "./request.ts";
import type { FlowApi, UserHandler } from "./route.ts";

export function roleHandlers(api: FlowApi): {
  readonly scale: UserHandler;
  readonly scaleRole: UserHandler;
  readonly changeRoles: UserHandler;
} {
  const { flow, documents } = api;
  const table = roleActions(api);

  async function scale(request: FlowRequest, actor: Actor, command: ServiceCommand): Promise<void> {
    const { id } = await documents.get(actor, request.pathParameter("id"), "service");
    await asDocumentCall("update", flow.command(actor, id, command));
  }

  return {
    async scale(request, actor) {
      const body = objectOf(await request.json());
      const role = attribute(body, "role_name") ?? "";
      if (typeof role !== "string") throw new GatehouseError("bad_request", "role_name must be text.");
      await scale(request, actor, { kind: "scale", role, ...cardinalityOf(body) });
      return NO_CONTENT;
    },
    async scaleRole(request, actor) {
      const role = request.pathParameter("role");
      const body = objectOf(await request.json());
      await scale(request, actor, { kind: "scale", role, ...cardinalityOf(body) });
      return EMPTY_OK;
    },
    async changeRoles(request, actor) {
      const { perform, params } = await readAction(request);
      return await handlerOf(table, perform)({ actor, id: request.pathParameter("id"), params });
    },
  };
}

function roleActions({ flow, documents }: FlowApi): ActionTable {
  return {
    async add_role({ actor, id, params }): Promise<Answer> {
      const service = await documents.get(actor, id, "service");
      const given = attribute(params, "role");
      if (given === undefined)
        throw new GatehouseError("bad_request", "Action add_role: You have to specify a role");
      const body = readServiceBody(service.body, service.id);
      const made = requireRoleValues(parseRole(given, body), body);
      const role: Role = { ...made, state: ROLE_STATE.PENDING };
      await asDocumentCall("update", flow.command(actor, service.id, { kind: "add_role", role }));
      return NO_CONTENT;
    },
    async remove_role({ actor, id, params }): Promise<Answer> {
      const service = await documents.get(actor, id, "service");
      const role = attribute(params, "role");
      if (typeof role !== "string")
        throw new GatehouseError("bad_request", "Action remove_role: You have to specify the name of a role");
      await asDocumentCall("update", flow.command(actor, service.id, { kind: "remove_role", role }));
      return NO_CONTENT;
    },
  };
}

/** What is asked for may be text, as commands send it; without `force` the role's limits hold. */
function cardinalityOf(body: JsonObject): { readonly cardinality: number; readonly force: boolean } {
  const given = attribute(body, "cardinality") ?? undefined;
  if (given === undefined) throw new GatehouseError("bad_request", "The cardinality is missing.");
  return { cardinality: integer(given, "cardinality"), force: flagParam(body, "force") ?? false };
}

function objectOf(body: JsonValue): JsonObject {
  if (isObject(body)) return body;
  throw new GatehouseError("bad_request", "The body must be a JSON object.");
}
