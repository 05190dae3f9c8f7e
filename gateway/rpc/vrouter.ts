/** one.vrouter.* and one.vrouterpool.*: virtual routers. */

import { z } from "zod";
import { routerToDocument } from "../cloud/document/router.ts";
import { documentXml, poolXml } from "./document-xml.ts";
import { flag, integer, type Methods, method, text } from "./method.ts";
import { ownedMethods } from "./owned.ts";
import { inRange, ownerFilter } from "./pool-query.ts";
import { templateArgument, updateArguments } from "./template-argument.ts";
import { vmTemplate } from "./vm.ts";

const INSTANTIATE = [
  integer,
  integer,
  integer,
  text.default(""),
  flag.default(false),
  text.default(""),
] as const;

export const vrouterMethods: Methods = {
  ...ownedMethods("vrouter", (cloud) => cloud.routers),

  "one.vrouter.info": method(z.tuple([integer, flag.default(false)]), async ({ cloud, actor }, [id]) =>
    documentXml(routerToDocument(await cloud.routers.get(actor, id))),
  ),

  "one.vrouter.allocate": method(z.tuple([text]), async ({ cloud, actor }, [source]) =>
    cloud.routers.allocate(actor, templateArgument(source)),
  ),

  "one.vrouter.update": method(
    z.tuple([integer, text, integer.default(0)]),
    async (call, [id, source, type]) => {
      const { template, mode } = updateArguments(source, type);
      await call.cloud.routers.update(call.actor, id, template, mode);
      return id;
    },
  ),

  "one.vrouter.delete": method(z.tuple([integer]), async ({ cloud, actor }, [id]) => {
    await cloud.routers.delete(actor, id);
    return id;
  }),

  // Gives the router's id, whose VMs its document lists.
  "one.vrouter.instantiate": method(
    z.tuple(INSTANTIATE),
    async (call, [id, count, templateId, name, hold, source]) => {
      const { template } = await call.cloud.templates.get(call.actor, templateId);
      const extra = vmTemplate(call, source, template);
      await call.cloud.routers.instantiate(call.actor, id, { count, templateId, name, hold, extra });
      return id;
    },
  ),

  "one.vrouter.attachnic": method(z.tuple([integer, text]), async ({ cloud, actor }, [id, source]) => {
    await cloud.routers.attachNic(actor, id, templateArgument(source));
    return id;
  }),

  "one.vrouter.detachnic": method(z.tuple([integer, integer]), async ({ cloud, actor }, [id, nicId]) => {
    await cloud.routers.detachNic(actor, id, nicId);
    return id;
  }),

  "one.vrouterpool.info": method(
    z.tuple([integer, integer.default(-1), integer.default(-1)]),
    async ({ cloud, actor }, [whose, start, end]) => {
      const routers = inRange(await cloud.routers.list(actor, ownerFilter(whose)), start, end);
      const printed = routers.map((router) => documentXml(routerToDocument(router)));
      return poolXml("VROUTER_POOL", printed);
    },
  ),
};
