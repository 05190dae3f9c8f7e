/** Pools that are only read so far: network templates and VM groups, which imported worlds bring. */

import type { Cloud } from "../cloud.ts";
import { NETWORK_TEMPLATES, VM_GROUPS } from "./kinds.ts";
import { OwnedObjects, type PoolContext } from "./pool.ts";

/** The two pools of a cloud. */
export function readOnlyPools(context: PoolContext): Pick<Cloud, "networkTemplates" | "vmGroups"> {
  return {
    networkTemplates: new OwnedObjects(context, NETWORK_TEMPLATES, {
      noun: "virtual network template",
      label: "VNTEMPLATE",
    }),
    vmGroups: new OwnedObjects(context, VM_GROUPS, { noun: "vm group", label: "VM_GROUP" }),
  };
}
