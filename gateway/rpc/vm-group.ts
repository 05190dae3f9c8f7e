/** What is read of one.vmgroup.*: VM groups come with an imported world. */

import { z } from "zod";
import { vmGroupToDocument } from "../cloud/document/vm-group.ts";
import { documentXml, poolXml } from "./document-xml.ts";
import { flag, integer, type Methods, method } from "./method.ts";
import { inRange, ownerFilter } from "./pool-query.ts";

export const vmGroupMethods: Methods = {
  "one.vmgroup.info": method(z.tuple([integer, flag.default(false)]), async ({ cloud, actor }, [id]) =>
    documentXml(vmGroupToDocument(await cloud.vmGroups.get(actor, id))),
  ),

  "one.vmgrouppool.info": method(
    z.tuple([integer, integer.default(-1), integer.default(-1)]),
    async ({ cloud, actor }, [whose, start, end]) => {
      const groups = inRange(await cloud.vmGroups.list(actor, ownerFilter(whose)), start, end);
      const printed = groups.map((group) => documentXml(vmGroupToDocument(group)));
      return poolXml("VM_GROUP_POOL", printed);
    },
  ),
};
