/** Service templates: list, show, create, update, delete (spec oneflow-api.md 4). */

import { GatehouseError, isGatehouseError } from "../../../shared/errors.ts";
import type { Actor } from "../../cloud/actor.ts";
import { DOCUMENT_TYPE, type Document } from "../../cloud/model.ts";
import { authorize } from "../../cloud/permissions.ts";
import { asJson, type ServiceTemplateBody } from "../model.ts";
import { attribute, isObject } from "../schema/json.ts";
import { parseJsonText } from "../schema/json-text.ts";
import { parseServiceTemplate } from "../schema/parse.ts";
import { readTemplateBody } from "../schema/read.ts";
import { parseTemplateUpdate } from "../schema/update.ts";
import { type Answer, NO_CONTENT } from "./answer.ts";
import { asCall, asDocumentCall } from "./core-sentence.ts";
import { pageOf } from "./page.ts";
import { requirePrecondition } from "./precondition.ts";
import type { FlowRequest } from "./request.ts";
import type { FlowApi, UserHandler } from "./route.ts";
import { warningsOf } from "./warnings.ts";

export interface TemplateHandlers {
  readonly list: UserHandler;
  readonly show: UserHandler;
  readonly create: UserHandler;
  readonly update: UserHandler;
  readonly remove: UserHandler;
}

export function templateHandlers(api: FlowApi): TemplateHandlers {
  const { cloud, documents, turns } = api;

  async function inTurn(
    request: FlowRequest,
    actor: Actor,
    work: (template: Document) => Promise<Answer>,
  ): Promise<Answer> {
    const idText = request.pathParameter("id");
    const { id } = await documents.get(actor, idText, "serviceTemplate");
    return await turns.of(id, async () => {
      const template = await documents.get(actor, idText, "serviceTemplate");
      requirePrecondition(request, documents, template);
      return await work(template);
    });
  }

  return {
    list: (request, actor) => documents.pool(actor, "serviceTemplate", pageOf(request.query())),
    show: async (request, actor) =>
      documents.answer(await documents.get(actor, request.pathParameter("id"), "serviceTemplate")),
    async create(request, actor) {
      const template = parseServiceTemplate(await request.json());
      const body = asJson({ ...template, registration_time: api.now() });
      const id = await allocateTemplate(api, actor, { name: template.name, body });
      const made = await documents.get(actor, String(id), "serviceTemplate");
      return { ...documents.answer(made, 201), warnings: warningsOf(template) };
    },
    async update(request, actor) {
      const given = await request.json();
      return await inTurn(request, actor, async (template) => {
        const before = readTemplateBody(template.body, template.id);
        const body = parseTemplateUpdate(before, given);
        const warnings = await writeTemplate(api, actor, template, body);
        const written = await documents.get(actor, String(template.id), "serviceTemplate");
        return { ...documents.answer(written), warnings };
      });
    },
    async remove(request, actor) {
      const what = deleteTypeOf(await request.text());
      return await inTurn(request, actor, async (template) => {
        await asDocumentCall("delete", mayDelete(actor, template));
        if (what !== "none") await deleteVmTemplates(api, actor, template);
        await asDocumentCall("delete", cloud.documents.delete(actor, template.id));
        return NO_CONTENT;
      });
    },
  };
}

/** A document of the actor's. */
export async function allocateTemplate(
  { cloud }: FlowApi,
  actor: Actor,
  made: Pick<Document, "name" | "body"> & Partial<Pick<Document, "template">>,
): Promise<number> {
  const { body = {}, ...rest } = made;
  const type = DOCUMENT_TYPE.serviceTemplate;
  return await asDocumentCall("allocate", cloud.documents.allocate(actor, { type, body, ...rest }));
}

/** Writes a whole new body, in the turn of its document; gives what in it is not known. */
export async function writeTemplate(
  { cloud }: FlowApi,
  actor: Actor,
  template: Document,
  body: ServiceTemplateBody,
): Promise<readonly string[]> {
  await asDocumentCall("update", cloud.documents.update(actor, template.id, asJson(body)));
  return warningsOf(body);
}

type DeleteType = "none" | "templates" | "all";

/** `all` means images too, and this cloud has none. @throws GatehouseError `bad_request` for any other word */
function deleteTypeOf(text: string): DeleteType {
  if (text.trim() === "") return "none";
  const body = parseJsonText(text);
  const type = isObject(body) ? (attribute(body, "delete_type") ?? "none") : undefined;
  if (type === "none" || type === "templates" || type === "all") return type;
  throw new GatehouseError("bad_request", "delete_type must be one of none, templates, all.");
}

/** Before anything that cannot be undone. */
async function mayDelete(actor: Actor, template: Document): Promise<void> {
  authorize(actor, template, "MANAGE", "DOCUMENT");
}

/** Those of its roles, each once; one that is gone already is no reason to keep the rest. */
async function deleteVmTemplates({ cloud }: FlowApi, actor: Actor, template: Document): Promise<void> {
  const { roles } = readTemplateBody(template.body, template.id);
  for (const id of new Set(roles.map((role) => role.template_id))) {
    try {
      await asCall("one.template.delete", cloud.templates.delete(actor, id));
    } catch (error) {
      if (!isGatehouseError(error) || error.code !== "not_found") throw error;
    }
  }
}
