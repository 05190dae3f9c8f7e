/** A service's document: its body, and beside it what its life cycle must remember over a restart, in one write. */

import { isDeepStrictEqual } from "node:util";
import { GatehouseError } from "../../../shared/errors.ts";
import { stringOf, type Template } from "../../../shared/template/types.ts";
import { type Actor, SYSTEM } from "../../cloud/actor.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import { DOCUMENT_TYPE, type Document, type JsonObject } from "../../cloud/model.ts";
import { type Flow, newFlow } from "../lifecycle/flow.ts";
import { isEmptyProgress, type Progress, readProgress } from "../lifecycle/progress.ts";
import { readServiceBody } from "../schema/read.ts";

/** The attribute of TEMPLATE that holds a service's progress as JSON text; absent while it rests. */
const PROGRESS_ATTRIBUTE = "GATEHOUSE";

/** @throws GatehouseError `not_found`, in the core's words, also when the document holds no service. */
export async function serviceDocument(
  cloud: Pick<Cloud, "documents">,
  actor: Actor,
  id: number,
): Promise<Document> {
  const document = await cloud.documents.get(actor, id);
  if (document.type !== DOCUMENT_TYPE.service) throw noDocument(id);
  return document;
}

export function noDocument(id: number): GatehouseError {
  return new GatehouseError("not_found", `Error getting document [${id}].`);
}

/** @throws GatehouseError `bad_request` for a body that is no service. */
export function flowOf(document: Document): Flow {
  return newFlow(document.id, readServiceBody(document.body, document.id), progressOf(document));
}

/** True when body and progress are the same in both. */
export function holdsTheSame(one: Document, other: Document): boolean {
  return (
    one.template[PROGRESS_ATTRIBUTE] === other.template[PROGRESS_ATTRIBUTE] &&
    isDeepStrictEqual(one.body, other.body)
  );
}

/** `body` is what asJson gave of the flow's body. */
export async function writeFlow(
  cloud: Pick<Cloud, "documents">,
  { id, progress }: Pick<Flow, "id" | "progress">,
  body: JsonObject,
): Promise<void> {
  const { template } = cloud.documents.peek(SYSTEM, id) ?? (await cloud.documents.get(SYSTEM, id));
  await cloud.documents.update(SYSTEM, id, body, withProgress(template, progress));
}

function progressOf({ template }: Document): Progress {
  const text = stringOf(template, PROGRESS_ATTRIBUTE);
  return readProgress(text === undefined ? {} : jsonOf(text));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function withProgress(template: Template, progress: Progress): Template {
  const { [PROGRESS_ATTRIBUTE]: _, ...others } = template;
  if (isEmptyProgress(progress)) return others;
  return { ...others, [PROGRESS_ATTRIBUTE]: JSON.stringify(progress) };
}
