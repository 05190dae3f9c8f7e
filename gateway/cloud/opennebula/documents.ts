/** Documents of an OpenNebula, where services and their templates are kept as its own OneFlow and Sunstone keep them. */

import { isDeepStrictEqual } from "node:util";
import type { Template } from "../../../shared/template/types.ts";
import type { Actor } from "../actor.ts";
import { documentTemplate } from "../document/document.ts";
import type { Document, JsonObject } from "../model.ts";
import type { DocumentPool } from "../pools/document-pool.ts";
import type { UpdateMode } from "../pools/pool.ts";
import { recipeKey } from "./makes.ts";
import { OwnedRemotePool } from "./pool.ts";
import { documentText, updateType } from "./template-text.ts";

interface NewDocument {
  readonly type: number;
  readonly name: string;
  readonly body?: JsonObject;
  readonly template?: Template;
}

export class RemoteDocuments extends OwnedRemotePool<Document> implements DocumentPool {
  async allocate(actor: Actor, { type, name, body, template = {} }: NewDocument): Promise<number> {
    const parts = documentTemplate({ body, template });
    const text = documentText({ ...(name !== "" && { NAME: name }), ...withoutSectionEnd(parts, body) });
    return await this.made({
      key: recipeKey("document", actor.uid, "allocate", type, text),
      call: () => this.tools.core.make(actor, "one.document.allocate", text, type),
      find: (isCandidate) =>
        this.findMine(
          actor,
          isCandidate,
          (found) =>
            found.type === type &&
            (name === "" || found.name === name) &&
            isDeepStrictEqual(documentTemplate(found), parts),
        ),
    });
  }

  async update(actor: Actor, id: number, body: JsonObject, template?: Template): Promise<void> {
    const text = documentText(withoutSectionEnd(documentTemplate({ body, template: template ?? {} }), body));
    await this.doTo(actor, id, "update", text, updateType(template === undefined ? "append" : "replace"));
  }

  async updateTemplate(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void> {
    await this.doTo(actor, id, "update", documentText(template), updateType(mode));
  }

  async clone(actor: Actor, id: number, name: string): Promise<number> {
    return await this.made({
      key: recipeKey("document", actor.uid, "clone", id, name),
      call: () => this.tools.core.make(actor, "one.document.clone", id, name),
      find: (isCandidate) => this.findMine(actor, isCandidate, (found) => found.name === name),
    });
  }

  async delete(actor: Actor, id: number): Promise<void> {
    await this.end(actor, id);
  }
}

/** The same JSON, in which nothing ends the section that the core writes it into. */
function withoutSectionEnd(parts: Template, body: JsonObject | undefined): Template {
  if (body === undefined || typeof parts.BODY !== "string") return parts;
  return { ...parts, BODY: parts.BODY.replaceAll("]]>", "]]\\u003e") };
}
