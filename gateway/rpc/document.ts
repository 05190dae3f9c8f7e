/** one.document.* and one.documentpool.*: where OneFlow keeps services and their templates. */

import { z } from "zod";
import { stringOf } from "../../shared/template/types.ts";
import { documentParts, documentTemplate, documentToDocument } from "../cloud/document/document.ts";
import type { Document } from "../cloud/model.ts";
import { documentXml, poolXml } from "./document-xml.ts";
import { flag, integer, type Methods, method, text } from "./method.ts";
import { ownedMethods } from "./owned.ts";
import { inRange, ownerFilter } from "./pool-query.ts";
import { templateArgument, updateArguments } from "./template-argument.ts";

export const documentMethods: Methods = {
  ...ownedMethods("document", (cloud) => cloud.documents),

  "one.document.allocate": method(z.tuple([text, integer]), async ({ cloud, actor }, [source, type]) => {
    const { NAME: _, ...rest } = templateArgument(source);
    const { body, template } = documentParts(rest, type);
    const name = stringOf(templateArgument(source), "NAME") ?? nameIn(body?.name);
    return await cloud.documents.allocate(actor, { type, name, template, ...(body && { body }) });
  }),

  "one.document.info": method(z.tuple([integer, flag.default(false)]), async ({ cloud, actor }, [id]) =>
    documentText(await cloud.documents.get(actor, id)),
  ),

  "one.document.update": method(
    z.tuple([integer, text, integer.default(0)]),
    async (call, [id, source, type]) => {
      const { template, mode } = updateArguments(source, type);
      await call.cloud.documents.updateTemplate(call.actor, id, template, mode);
      return id;
    },
  ),

  "one.document.clone": method(z.tuple([integer, text]), async ({ cloud, actor }, [id, name]) =>
    cloud.documents.clone(actor, id, name),
  ),

  "one.document.delete": method(z.tuple([integer]), async ({ cloud, actor }, [id]) => {
    await cloud.documents.delete(actor, id);
    return id;
  }),

  "one.documentpool.info": method(
    z.tuple([integer, integer, integer, integer]),
    async ({ cloud, actor }, [whose, start, end, type]) => {
      const documents = await cloud.documents.list(actor, ownerFilter(whose));
      const chosen = inRange(
        documents.filter((document) => document.type === type),
        start,
        end,
      );
      return poolXml("DOCUMENT_POOL", chosen.map(documentText));
    },
  ),
};

function nameIn(name: unknown): string {
  return typeof name === "string" ? name : "";
}

/** In XML, BODY is text. */
function documentText(document: Document): string {
  return documentXml(
    documentToDocument({ ...document, body: undefined, template: documentTemplate(document) }),
  );
}
