/** Services: list, show, update, end, and the removal of those that have ended (spec oneflow-api.md 3). */

import { GatehouseError } from "../../../shared/errors.ts";
import type { Actor } from "../../cloud/actor.ts";
import type { Document, JsonValue } from "../../cloud/model.ts";
import type { ServiceBody } from "../model.ts";
import { attribute, isObject } from "../schema/json.ts";
import { parseJsonText } from "../schema/json-text.ts";
import { readServiceBody } from "../schema/read.ts";
import { parseServiceAppend, parseServiceUpdate } from "../schema/update.ts";
import { flagParam } from "./action.ts";
import { type Answer, NO_CONTENT } from "./answer.ts";
import { asDocumentCall } from "./core-sentence.ts";
import { pageOf } from "./page.ts";
import { requirePrecondition } from "./precondition.ts";
import type { FlowRequest } from "./request.ts";
import type { FlowApi, UserHandler } from "./route.ts";
import { warningsOf } from "./warnings.ts";

export interface ServiceHandlers {
  readonly list: UserHandler;
  readonly show: UserHandler;
  readonly update: UserHandler;
  readonly undeploy: UserHandler;
  readonly purge: UserHandler;
}

export function serviceHandlers(api: FlowApi): ServiceHandlers {
  const { flow, documents, scaling, turns } = api;

  /** As the service is in its turn. */
  async function inTurn(
    request: FlowRequest,
    actor: Actor,
    work: (service: Document) => Promise<Answer>,
  ): Promise<Answer> {
    const idText = request.pathParameter("id");
    const { id } = await documents.get(actor, idText, "service");
    return await turns.of(id, async () => {
      const service = await documents.get(actor, idText, "service");
      requirePrecondition(request, documents, service);
      return await work(service);
    });
  }

  return {
    list: (request, actor) => documents.pool(actor, "service", pageOf(request.query())),
    async show(request, actor) {
      const service = await documents.get(actor, request.pathParameter("id"), "service");
      return documents.answer(service, 200, scaling?.present(service));
    },
    async update(request, actor) {
      const given = await request.json();
      return await inTurn(request, actor, async (service) => {
        const after = updatedBody(service, given);
        await asDocumentCall("update", flow.command(actor, service.id, { kind: "update", body: after }));
        return { ...NO_CONTENT, warnings: warningsOf(after) };
      });
    },
    undeploy: (request, actor) =>
      inTurn(request, actor, async ({ id }) => {
        await asDocumentCall("update", flow.command(actor, id, { kind: "undeploy" }));
        return NO_CONTENT;
      }),
    async purge(_request, actor) {
      await flow.purgeDone(actor);
      return NO_CONTENT;
    },
  };
}

/** The body in whole; or where `append` is said, what stands in `template`: merged into it, or with `false` in its place. */
function updatedBody({ id, body }: Document, given: JsonValue): ServiceBody {
  const before = readServiceBody(body, id);
  const append = isObject(given) ? flagParam(given, "append") : undefined;
  if (!isObject(given) || append === undefined) return parseServiceUpdate(before, given, id);
  const template = attribute(given, "template") ?? undefined;
  if (template === undefined) throw new GatehouseError("bad_request", "Missing template to append");
  const value = typeof template === "string" ? parseJsonText(template) : template;
  return append ? parseServiceAppend(before, value, id) : parseServiceUpdate(before, value, id);
}
