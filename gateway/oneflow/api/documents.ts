/** Services and service templates as clients read them: one document, or a page of their pool (spec oneflow-api.md 6). */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../../../shared/clock.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import type { Actor } from "../../cloud/actor.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import { documentToDocument } from "../../cloud/document/document.ts";
import { DOCUMENT_TYPE, type Document, type JsonObject } from "../../cloud/model.ts";
import { isAdmin } from "../../cloud/permissions.ts";
import { etagOf } from "../../http/etag.ts";
import { exactId, shown } from "../../http/ids.ts";
import type { Answer } from "./answer.ts";
import { asDocumentCall } from "./core-sentence.ts";
import type { Page } from "./page.ts";
import { bracketed, prettyJson } from "./pretty-json.ts";

export type FlowKind = keyof typeof DOCUMENT_TYPE;

/** What the life cycle keeps beside BODY; nobody's but its own. */
export const HIDDEN_ATTRIBUTE = "GATEHOUSE";

/** How deep a document of a pool stands. */
const POOL_LEVEL = 3;
/** So long a list may be printed before others have their turn. */
const SLICE_MS = 5;

export interface FlowDocumentsOptions {
  readonly cloud: Pick<Cloud, "documents">;
  readonly clock: Clock;
}

export class FlowDocuments {
  readonly #cloud: Pick<Cloud, "documents">;
  readonly #clock: Clock;
  readonly #etags = new WeakMap<Document, string>();

  constructor({ cloud, clock }: FlowDocumentsOptions) {
    this.#cloud = cloud;
    this.#clock = clock;
  }

  /**
   * The document of a kind, by what stands in the path. USE is needed.
   * @throws GatehouseError `not_found` also for a document of another kind; `forbidden`, as recorded
   */
  async get(actor: Actor, idText: string, kind: FlowKind): Promise<Document> {
    return await asDocumentCall("info", this.#find(actor, idText, kind));
  }

  async #find(actor: Actor, idText: string, kind: FlowKind): Promise<Document> {
    const id = exactId(idText);
    if (id === undefined) throw notAnId(actor, idText);
    const document = await this.#cloud.documents.get(actor, id);
    if (document.type !== DOCUMENT_TYPE[kind]) throw missing(idText);
    return document;
  }

  /** Of a body alone, like every entity tag; kept while its document does not change. */
  etag(document: Document): string {
    const known = this.#etags.get(document);
    if (known !== undefined) return known;
    const etag = etagOf(JSON.stringify(shownDocument(document)));
    this.#etags.set(document, etag);
    return etag;
  }

  /** @param shown with more than is stored; the entity tag is of the document, which is what If-Match is about. */
  answer(document: Document, status: 200 | 201 = 200, shown: Document = document): Answer {
    return { status, body: prettyJson(shownDocument(shown)), etag: this.etag(document) };
  }

  /** Those that the actor may USE, newest first, as recorded. */
  async pool(actor: Actor, kind: FlowKind, { page, size }: Page): Promise<Answer> {
    const all = await asDocumentCall("info", this.#cloud.documents.list(actor));
    const ofKind = all.filter(({ type }) => type === DOCUMENT_TYPE[kind]).sort((a, b) => b.id - a.id);
    const chosen = ofKind.slice((page - 1) * size, page * size);
    const tags: string[] = [];
    const printed: string[] = [];
    let turnEnds = this.#clock.elapsed() + SLICE_MS;
    for (const document of chosen) {
      tags.push(this.etag(document));
      printed.push(prettyJson(shownDocument(document).DOCUMENT ?? null, POOL_LEVEL));
      if (this.#clock.elapsed() < turnEnds) continue;
      await nextTurn();
      turnEnds = this.#clock.elapsed() + SLICE_MS;
    }
    const pool = printed.length === 0 ? [] : [`"DOCUMENT": ${bracketed("[", "]", printed, 2)}`];
    const body = bracketed("{", "}", [`"DOCUMENT_POOL": ${bracketed("{", "}", pool, 1)}`], 0);
    const headers = { "X-Total-Count": String(ofKind.length) };
    return { status: 200, body, etag: etagOf(`${ofKind.length} ${tags.join(" ")}`), headers };
  }
}

/** `{"DOCUMENT": {...}}` without what is the house's own. */
export function shownDocument(document: Document): JsonObject {
  const { [HIDDEN_ATTRIBUTE]: _, ...template } = document.template;
  return documentToDocument({ ...document, template });
}

/** A negative id is all documents to the core, which only its administrators may ask for. */
function notAnId(actor: Actor, idText: string): GatehouseError {
  const isNegative = /^-[1-9][0-9]*$/.test(idText);
  if (!isNegative || isAdmin(actor)) return missing(shown(idText));
  return new GatehouseError("forbidden", `User [${actor.uid}] : Not authorized to perform USE DOCUMENT.`);
}

function missing(idText: string): GatehouseError {
  return new GatehouseError("not_found", `Error getting document [${idText}].`);
}
