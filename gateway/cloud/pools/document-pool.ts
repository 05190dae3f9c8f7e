/** A cloud's documents: services and their templates are of this kind. */

import type { Template } from "../../../shared/template/types.ts";
import type { Actor } from "../actor.ts";
import type { Document, JsonObject } from "../model.ts";
import type { OwnedPool, UpdateMode } from "./pool.ts";

export interface DocumentPool extends OwnedPool<Document> {
  allocate(
    actor: Actor,
    document: { type: number; name: string; body?: JsonObject; template?: Template },
  ): Promise<number>;
  /** With `template`, the attributes beside BODY are replaced in the same write; without it they stay. */
  update(actor: Actor, id: number, body: JsonObject, template?: Template): Promise<void>;
  /** The same for the whole TEMPLATE, in which BODY is text (document/document.ts, `documentTemplate`). */
  updateTemplate(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void>;
  clone(actor: Actor, id: number, name: string): Promise<number>;
  delete(actor: Actor, id: number): Promise<void>;
}
