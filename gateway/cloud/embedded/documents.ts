/** Documents: where OneFlow keeps services and their templates. */

import { GatehouseError } from "../../../shared/errors.ts";
import { appendTemplate } from "../../../shared/template/edit.ts";
import type { Template } from "../../../shared/template/types.ts";
import type { Actor } from "../actor.ts";
import { documentParts, documentTemplate } from "../document/document.ts";
import type { Document, JsonObject } from "../model.ts";
import { authorize, DEFAULT_MODE } from "../permissions.ts";
import type { DocumentPool } from "../pools/document-pool.ts";
import type { UpdateMode } from "../pools/pool.ts";
import { DOCUMENTS } from "./kinds.ts";
import { checkName } from "./names.ts";
import { OwnedObjects, ownedBy, type PoolContext } from "./pool.ts";

export class Documents extends OwnedObjects<Document> implements DocumentPool {
  constructor(context: PoolContext) {
    super(context, DOCUMENTS, { noun: "document", label: "DOCUMENT" });
  }

  async allocate(
    actor: Actor,
    document: { type: number; name: string; body?: JsonObject; template?: Template },
  ): Promise<number> {
    if (document.name !== "") checkName(document.name);
    return await this.context.registry.transact(
      (tx) =>
        tx.insert(DOCUMENTS, (id) => ({
          id,
          ...ownedBy(tx, actor),
          // What has no name is called by its id: recorded, of OneFlow.
          name: document.name === "" ? `document-${id}` : document.name,
          mode: DEFAULT_MODE,
          type: document.type,
          body: document.body,
          template: document.template ?? {},
        })).id,
    );
  }

  async update(actor: Actor, id: number, body: JsonObject, template?: Template): Promise<void> {
    if (template?.BODY !== undefined)
      throw new GatehouseError("bad_request", "BODY must not be given twice.");
    await this.edit(actor, id, "MANAGE", (document) => ({
      ...document,
      body,
      template: template ?? document.template,
    }));
  }

  async updateTemplate(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void> {
    await this.edit(actor, id, "MANAGE", (document) => {
      const whole = mode === "append" ? appendTemplate(documentTemplate(document), template) : template;
      return { ...document, ...documentParts(whole, document.type) };
    });
  }

  async clone(actor: Actor, id: number, name: string): Promise<number> {
    checkName(name);
    return await this.context.registry.transact((tx) => {
      const source = this.require(tx, id);
      authorize(actor, source, "USE", this.words.label);
      const { type, body, template } = source;
      const mode = DEFAULT_MODE;
      return tx.insert(DOCUMENTS, (made) => ({
        id: made,
        ...ownedBy(tx, actor),
        name,
        mode,
        type,
        body,
        template,
      })).id;
    });
  }

  async delete(actor: Actor, id: number): Promise<void> {
    await this.context.registry.transact((tx) => {
      authorize(actor, this.require(tx, id), "MANAGE", this.words.label);
      tx.delete(DOCUMENTS, id);
    });
  }
}
