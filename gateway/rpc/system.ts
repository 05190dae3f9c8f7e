/** one.system.*, and what clients read of zones, clusters, access rules and the pools that an embedded cloud has none of. */

import { z } from "zod";
import { GatehouseError } from "../../shared/errors.ts";
import { SYSTEM } from "../cloud/actor.ts";
import { printIds } from "../cloud/document/json-form.ts";
import type { JsonObject } from "../cloud/model.ts";
import { authorizeAdmin } from "../cloud/permissions.ts";
import { VM_RESTRICTED } from "../cloud/restricted.ts";
import { documentXml } from "./document-xml.ts";
import { type Call, flag, integer, type Method, type Methods, method } from "./method.ts";

/** The release whose answers these are: clients refuse to speak to one of another major version. */
const VERSION = "7.5.80";

/** Kinds that this cloud has nothing of; their pools are empty, so that clients which look at everything start. */
const EMPTY_POOLS: Readonly<Record<string, string>> = {
  "one.acl.info": "ACL_POOL",
  "one.backupjobpool.info": "BACKUPJOB_POOL",
  "one.datastorepool.info": "DATASTORE_POOL",
  "one.hookpool.info": "HOOK_POOL",
  "one.imagepool.info": "IMAGE_POOL",
  "one.marketapppool.info": "MARKETPLACEAPP_POOL",
  "one.marketpool.info": "MARKETPLACE_POOL",
  "one.secgrouppool.info": "SECURITY_GROUP_POOL",
  "one.vdcpool.info": "VDC_POOL",
};

export const systemMethods: Methods = {
  ...Object.fromEntries(Object.entries(EMPTY_POOLS).map(([name, root]) => [name, emptyPool(root)])),

  "one.system.version": method(z.tuple([]), async () => VERSION),

  "one.system.config": method(z.tuple([]), async ({ actor }) => {
    authorizeAdmin(actor, "ADMIN", "SYSTEM");
    return documentXml({
      OPENNEBULA_CONFIGURATION: {
        API_LIST_ORDER: "DESC",
        DEFAULT_AUTH: "core",
        DEFAULT_UMASK: "177",
        VM_RESTRICTED_ATTR: [...VM_RESTRICTED].sort(),
      },
    });
  }),

  "one.zone.info": method(z.tuple([integer, flag.default(false)]), async (call, [id]) => {
    requireOnly("zone", id);
    return documentXml(zone(call));
  }),
  "one.zonepool.info": method(z.tuple([]), async (call) => documentXml({ ZONE_POOL: zone(call) })),
  // One server, which follows and leads nobody.
  "one.zone.raftstatus": method(z.tuple([]), async () =>
    documentXml({
      RAFT: { SERVER_ID: "-1", STATE: "0", TERM: "0", VOTEDFOR: "-1", COMMIT: "0", LOG_INDEX: "0" },
    }),
  ),

  "one.cluster.info": method(z.tuple([integer, flag.default(false)]), async (call, [id]) => {
    requireOnly("cluster", id);
    return documentXml(await cluster(call));
  }),
  "one.clusterpool.info": method(z.tuple([]), async (call) =>
    documentXml({ CLUSTER_POOL: await cluster(call) }),
  ),
};

function emptyPool(root: string): Method {
  return method(z.tuple([]), async () => documentXml({ [root]: {} }));
}

/** There is one zone and one cluster, both 0. */
function requireOnly(noun: string, id: number): void {
  if (id !== 0) throw new GatehouseError("not_found", `Error getting ${noun} [${id}].`);
}

function zone({ endpoint }: Call): JsonObject {
  const template = { ENDPOINT: endpoint };
  return { ZONE: { ID: "0", NAME: "OpenNebula", STATE: "0", TEMPLATE: template, SERVER_POOL: {} } };
}

async function cluster({ cloud }: Call): Promise<JsonObject> {
  const hosts = await cloud.hosts.list(SYSTEM);
  const networks = await cloud.networks.list(SYSTEM);
  return {
    CLUSTER: {
      ID: "0",
      NAME: "default",
      HOSTS: printIds(hosts.map(({ id }) => id)),
      DATASTORES: {},
      VNETS: printIds(networks.map(({ id }) => id)),
      TEMPLATE: {},
    },
  };
}
