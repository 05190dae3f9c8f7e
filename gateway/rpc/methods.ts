/** The table of all methods. What does not stand here is not called, whatever it is named. */

import { documentMethods } from "./document.ts";
import { groupMethods } from "./group.ts";
import { hostMethods } from "./host.ts";
import type { Method } from "./method.ts";
import { systemMethods } from "./system.ts";
import { templateMethods } from "./template.ts";
import { userMethods } from "./user.ts";
import { vmMethods } from "./vm.ts";
import { vmGroupMethods } from "./vm-group.ts";
import { vmpoolMethods } from "./vmpool.ts";
import { vnetMethods } from "./vnet.ts";
import { vntemplateMethods } from "./vntemplate.ts";
import { vrouterMethods } from "./vrouter.ts";

/** By full name. */
export const METHODS: ReadonlyMap<string, Method> = new Map(
  Object.entries({
    ...documentMethods,
    ...groupMethods,
    ...hostMethods,
    ...systemMethods,
    ...templateMethods,
    ...userMethods,
    ...vmGroupMethods,
    ...vmMethods,
    ...vmpoolMethods,
    ...vnetMethods,
    ...vntemplateMethods,
    ...vrouterMethods,
  }),
);
