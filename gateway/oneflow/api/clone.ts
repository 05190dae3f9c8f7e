/** A copy of a service template, and where that is asked for of the VM templates of its roles. */

import { GatehouseError } from "../../../shared/errors.ts";
import type { Actor } from "../../cloud/actor.ts";
import type { Document, JsonObject } from "../../cloud/model.ts";
import { asJson } from "../model.ts";
import { readTemplateBody } from "../schema/read.ts";
import { asCall } from "./core-sentence.ts";
import { HIDDEN_ATTRIBUTE } from "./documents.ts";
import type { FlowApi } from "./route.ts";
import { allocateTemplate } from "./templates.ts";

/** `all` means images too, and this cloud has none. */
const MODES = ["none", "templates", "all"] as const;

export type CloneMode = (typeof MODES)[number];

export function isCloneMode(text: string): text is CloneMode {
  return MODES.some((mode) => mode === text);
}

/**
 * The id of the copy, which is registered now. What was made on the way is taken back when something refuses.
 * @throws GatehouseError the cloud's refusals
 */
export async function cloneTemplate(
  api: FlowApi,
  actor: Actor,
  document: Document,
  name: string,
  mode: CloneMode,
): Promise<number> {
  const made = new Map<number, number>();
  try {
    if (mode !== "none") await cloneVmTemplates(api, actor, document, name, made);
    const body = { ...withCopies(document, made), registration_time: api.now() };
    const { [HIDDEN_ATTRIBUTE]: _, ...template } = document.template;
    return await allocateTemplate(api, actor, { name, body, template });
  } catch (error) {
    await takeBack(api, actor, [...made.values()]);
    throw error;
  }
}

/** Each once, however many roles share it; `made` grows from id to the copy's id. */
async function cloneVmTemplates(
  { cloud }: FlowApi,
  actor: Actor,
  document: Document,
  name: string,
  made: Map<number, number>,
): Promise<void> {
  const { roles } = readTemplateBody(document.body, document.id);
  for (const { template_id: id } of roles) {
    if (made.has(id)) continue;
    const source = await asCall("one.template.info", cloud.templates.get(actor, id));
    const copy = `${name}-${source.name}`;
    made.set(id, await asCall("one.template.clone", cloud.templates.clone(actor, id, copy)));
  }
}

/** As it stands, unless a role's VM template has a copy. */
function withCopies({ id, body = {} }: Document, made: ReadonlyMap<number, number>): JsonObject {
  if (made.size === 0) return body;
  const template = readTemplateBody(body, id);
  const roles = template.roles.map((role) => {
    return { ...role, template_id: made.get(role.template_id) ?? role.template_id };
  });
  return asJson({ ...template, roles });
}

async function takeBack({ cloud, log }: FlowApi, actor: Actor, ids: readonly number[]): Promise<void> {
  for (const id of ids) {
    try {
      await cloud.templates.delete(actor, id);
    } catch (error) {
      const sentence = "A VM template of a clone that failed could not be removed";
      log.warn({ err: error instanceof GatehouseError ? error.message : error, templateId: id }, sentence);
    }
  }
}
