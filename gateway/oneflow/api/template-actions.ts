/** `POST /service_template/:id/action` (spec oneflow-api.md 4). */

import { GatehouseError } from "../../../shared/errors.ts";
import { parseTemplate } from "../../../shared/template/parse.ts";
import type { Template } from "../../../shared/template/types.ts";
import type { Actor } from "../../cloud/actor.ts";
import { documentTemplate } from "../../cloud/document/document.ts";
import type { Document, JsonObject } from "../../cloud/model.ts";
import { attribute } from "../schema/json.ts";
import { parseJsonText } from "../schema/json-text.ts";
import { mergeTemplate } from "../schema/merge.ts";
import { readTemplateBody } from "../schema/read.ts";
import { requireValues } from "../schema/required-values.ts";
import { parseTemplateAppend, parseTemplateUpdate } from "../schema/update.ts";
import {
  type ActionTable,
  type ActionTarget,
  flagParam,
  handlerOf,
  readAction,
  textParam,
} from "./action.ts";
import { type Answer, NO_CONTENT } from "./answer.ts";
import { cloneTemplate, isCloneMode } from "./clone.ts";
import { asDocumentCall } from "./core-sentence.ts";
import { HIDDEN_ATTRIBUTE } from "./documents.ts";
import { ownerActions } from "./owner-actions.ts";
import type { FlowApi, UserHandler } from "./route.ts";
import { writeTemplate } from "./templates.ts";

export function templateActionHandler(api: FlowApi): UserHandler {
  const table = templateActions(api);
  return async (request, actor) => {
    const { perform, params } = await readAction(request);
    return await handlerOf(table, perform)({ actor, id: request.pathParameter("id"), params });
  };
}

function templateActions(api: FlowApi): ActionTable {
  const { cloud, documents, flow, turns } = api;
  const find = ({ actor, id }: ActionTarget): Promise<Document> =>
    documents.get(actor, id, "serviceTemplate");
  return {
    ...ownerActions(documents, "serviceTemplate", cloud.documents),
    async instantiate(target) {
      const { id, body } = await find(target);
      const merged = mergeTemplate(readTemplateBody(body, id), attribute(target.params, "merge_template"));
      const service = await asDocumentCall("allocate", flow.instantiate(target.actor, requireValues(merged)));
      return documents.answer(service, 201);
    },
    async clone(target) {
      const template = await find(target);
      const name = textParam(target.params, "name") ?? "";
      if (name === "") throw new GatehouseError("bad_request", "Action clone: You have to specify a name");
      const recursive = textParam(target.params, "recursive") ?? "templates";
      if (!isCloneMode(recursive))
        throw new GatehouseError(
          "bad_request",
          "Action clone: recursive must be one of none, templates, all.",
        );
      const id = await cloneTemplate(api, target.actor, template, name, recursive);
      return documents.answer(await documents.get(target.actor, String(id), "serviceTemplate"), 201);
    },
    async update(target) {
      const { id } = await find(target);
      return await turns.of(id, async () => update(api, target.actor, await find(target), target.params));
    },
  };
}

async function update(api: FlowApi, actor: Actor, template: Document, params: JsonObject): Promise<Answer> {
  const append = flagParam(params, "append") === true;
  const json = attribute(params, "template_json") ?? undefined;
  const raw = textParam(params, "template_raw");
  if (json !== undefined) {
    const given = typeof json === "string" ? parseJsonText(json) : json;
    const before = readTemplateBody(template.body, template.id);
    const body = append ? parseTemplateAppend(before, given) : parseTemplateUpdate(before, given);
    return { ...NO_CONTENT, warnings: await writeTemplate(api, actor, template, body) };
  }
  if (raw === undefined)
    throw new GatehouseError(
      "bad_request",
      "Action update: You have to specify template_json or template_raw",
    );
  await updateRaw(api, actor, template, attributesOf(raw), append);
  return NO_CONTENT;
}

/** What stands beside BODY. Appended to what is there, or in its place. */
async function updateRaw(
  { cloud }: FlowApi,
  actor: Actor,
  template: Document,
  attributes: Template,
  append: boolean,
): Promise<void> {
  const whole = append ? attributes : documentTemplate({ body: template.body, template: attributes });
  const mode = append ? "append" : "replace";
  await asDocumentCall("update", cloud.documents.updateTemplate(actor, template.id, whole, mode));
}

/** @throws GatehouseError `bad_request` for what is no template text, and for names that are not a client's */
function attributesOf(raw: string): Template {
  const attributes = parseTemplate(raw);
  for (const name of ["BODY", "NAME", HIDDEN_ATTRIBUTE]) {
    if (!Object.hasOwn(attributes, name)) continue;
    throw new GatehouseError("bad_request", `template_raw holds attributes beside the service: not ${name}.`);
  }
  return attributes;
}
