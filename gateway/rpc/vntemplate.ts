/** one.vntemplate.* and one.vntemplatepool.*: templates of networks. */

import { z } from "zod";
import { networkTemplateToDocument } from "../cloud/document/network-template.ts";
import { documentXml, poolXml } from "./document-xml.ts";
import { flag, integer, type Methods, method, text } from "./method.ts";
import { ownedMethods } from "./owned.ts";
import { inRange, ownerFilter } from "./pool-query.ts";
import { templateArgument, updateArguments } from "./template-argument.ts";

export const vntemplateMethods: Methods = {
  ...ownedMethods("vntemplate", (cloud) => cloud.networkTemplates),

  "one.vntemplate.info": method(z.tuple([integer, flag.default(false)]), async ({ cloud, actor }, [id]) =>
    documentXml(networkTemplateToDocument(await cloud.networkTemplates.get(actor, id))),
  ),

  "one.vntemplate.allocate": method(z.tuple([text]), async ({ cloud, actor }, [source]) =>
    cloud.networkTemplates.allocate(actor, templateArgument(source)),
  ),

  "one.vntemplate.update": method(
    z.tuple([integer, text, integer.default(0)]),
    async ({ cloud, actor }, [id, source, type]) => {
      const { template, mode } = updateArguments(source, type);
      await cloud.networkTemplates.update(actor, id, template, mode);
      return id;
    },
  ),

  "one.vntemplate.clone": method(z.tuple([integer, text]), async ({ cloud, actor }, [id, name]) =>
    cloud.networkTemplates.clone(actor, id, name),
  ),

  "one.vntemplate.delete": method(z.tuple([integer]), async ({ cloud, actor }, [id]) => {
    await cloud.networkTemplates.delete(actor, id);
    return id;
  }),

  // Gives the network's id.
  "one.vntemplate.instantiate": method(
    z.tuple([integer, text.default(""), text.default("")]),
    async ({ cloud, actor }, [id, name, source]) =>
      cloud.networkTemplates.instantiate(actor, id, { name, extra: templateArgument(source) }),
  ),

  "one.vntemplatepool.info": method(
    z.tuple([integer, integer.default(-1), integer.default(-1)]),
    async ({ cloud, actor }, [whose, start, end]) => {
      const templates = inRange(await cloud.networkTemplates.list(actor, ownerFilter(whose)), start, end);
      const printed = templates.map((one) => documentXml(networkTemplateToDocument(one)));
      return poolXml("VNTEMPLATE_POOL", printed);
    },
  ),
};
