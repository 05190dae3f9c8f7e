/**
 * The one interface to what runs VMs. OneGate and OneFlow see only this; behind it stands the embedded cloud or a
 * real OpenNebula. Every call says who asks (`Actor`) and is authorised on the object.
 *
 * All calls may throw GatehouseError: `not_found` ("Error getting virtual machine [99]."), `forbidden`
 * ("User [3] : Not authorized to perform MANAGE VM [7]."), `wrong_state`, `bad_request`, `unavailable`.
 * Texts are OpenNebula's where the spec has them (core-xmlrpc.md 1), without the `[one.vm.info]` head.
 */

import type { CloudEvent } from "./event.ts";
import type { VmGroup } from "./model.ts";
import type { CloudMonitoring } from "./monitoring.ts";
import type { DocumentPool } from "./pools/document-pool.ts";
import type { HostPool } from "./pools/host-pool.ts";
import type { NetworkPool, NetworkTemplatePool, RouterPool } from "./pools/network-pools.ts";
import type { Pool } from "./pools/pool.ts";
import type { TemplatePool } from "./pools/template-pool.ts";
import type { GroupPool, UserPool } from "./pools/user-pools.ts";
import type { VmPool } from "./pools/vm-pool.ts";

export interface Cloud {
  readonly vms: VmPool;
  readonly templates: TemplatePool;
  readonly networks: NetworkPool;
  readonly networkTemplates: NetworkTemplatePool;
  readonly routers: RouterPool;
  readonly documents: DocumentPool;
  readonly hosts: HostPool;
  readonly users: UserPool;
  readonly groups: GroupPool;
  readonly vmGroups: Pool<VmGroup>;
  readonly monitoring: CloudMonitoring;
  /** Listeners are called synchronously and must not throw; the returned function unsubscribes. */
  subscribe(listener: (event: CloudEvent) => void): () => void;
}
