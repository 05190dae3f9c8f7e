/**
 * A service as its document keeps it (spec oneflow-api.md 5 and 6): the JSON of BODY, in its own names. The same value
 * is what the life cycle reasons on and what clients read, so nothing is translated. Attributes that are not named
 * here are kept as they came: whoever changes a value spreads it.
 */

import type { JsonObject, JsonValue } from "../cloud/model.ts";
import type { ElasticityPolicy, ElasticRole, ElasticService, ScheduledPolicy } from "./elasticity/policy.ts";

export type { ElasticityPolicy, ScheduledPolicy };

export type Strategy = "none" | "straight";

/** `shutdown` and `shutdown-hard` are older spellings of the other two. */
export type ShutdownAction = "terminate" | "terminate-hard" | "shutdown" | "shutdown-hard";

type RoleTemplateParts = {
  /** `\w+`, one of its kind in the service. */
  readonly name: string;
  readonly cardinality: number;
  readonly template_id: number;
  /** Merged over the VM template: attribute, or vectors in arrays (`{"NIC":[{"NETWORK_ID":"$Public"}]}`). */
  readonly template_contents?: JsonObject;
  readonly user_inputs?: JsonObject;
  readonly user_inputs_values?: JsonObject;
  readonly on_hold?: boolean;
  readonly parents?: readonly string[];
};

/** Beyond the original: how a role scales (docs/elasticity.md). */
type ElasticExtras = Pick<
  ElasticRole,
  | "elasticity_mode"
  | "guest_metrics"
  | "stabilization_up"
  | "stabilization_down"
  | "scale_in"
  | "scale_in_metric"
  | "scale_in_protection"
>;

export type VmRoleTemplate = RoleTemplateParts & {
  readonly type: "vm";
  readonly shutdown_action?: ShutdownAction;
  readonly min_vms?: number;
  readonly max_vms?: number;
  /** Seconds. */
  readonly cooldown?: number;
  readonly elasticity_policies?: readonly ElasticityPolicy[];
  readonly scheduled_policies?: readonly ScheduledPolicy[];
} & ElasticExtras;

/** A virtual router: its VMs are instances of one router of the cloud. */
export type VrRoleTemplate = RoleTemplateParts & { readonly type: "vr" };

export type RoleTemplate = VmRoleTemplate | VrRoleTemplate;

/** How a network of a service is come by: `{id}` existing, `{template_id, extra?}` made of a network template, `{reserve_from, extra?}`. */
export type NetworkValue = {
  readonly id?: string | number;
  readonly template_id?: string | number;
  readonly reserve_from?: string | number;
  readonly extra?: string;
};

type ServiceParts = ElasticService & {
  readonly name: string;
  readonly deployment: Strategy;
  readonly description?: string;
  readonly shutdown_action?: ShutdownAction;
  readonly ready_status_gate?: boolean;
  readonly automatic_deletion?: boolean;
  readonly on_hold?: boolean;
  /** Name to `M|network|Description||id:0`; other values are taken (recorded), and refused when a service is made. */
  readonly networks?: JsonObject;
  /** Objects of one key each: the network's name. */
  readonly networks_values?: readonly { readonly [name: string]: NetworkValue }[];
  readonly user_inputs?: JsonObject;
  readonly user_inputs_values?: JsonObject;
  readonly registration_time?: number;
};

/** The BODY of a document of type 101. */
export type ServiceTemplateBody = ServiceParts & { readonly roles: readonly RoleTemplate[] };

/** A VM of a role, as `nodes` has it. */
export type ServiceNode = {
  readonly deploy_id: number;
  readonly vm_info: {
    readonly VM: {
      readonly ID: string;
      readonly UID: string;
      readonly GID: string;
      readonly UNAME: string;
      readonly GNAME: string;
      readonly NAME: string;
    };
  };
};

type RoleRunning = {
  /** ROLE_STATE of shared/states. */
  readonly state: number;
  /** Missing until the life cycle first sees the service, as recorded. */
  readonly nodes?: readonly ServiceNode[];
  /** The number that the next VM's name gets. */
  readonly last_vmname?: number;
  /** While it scales: 0 up, 1 down, as recorded. */
  readonly scale_way?: 0 | 1;
};

export type VmRole = VmRoleTemplate & RoleRunning;

export type VrRole = VrRoleTemplate &
  RoleRunning & {
    readonly vrouter_id?: number;
    readonly vrouter_ips?: readonly { readonly NETWORK_ID: number; readonly VROUTER_IP: string }[];
  };

export type Role = VmRole | VrRole;

export type LogEntry = {
  /** Epoch seconds. */
  readonly timestamp: number;
  readonly severity: "I" | "E";
  readonly message: string;
};

/** The BODY of a document of type 100. */
export type ServiceBody = ServiceParts & {
  readonly roles: readonly Role[];
  /** SERVICE_STATE of shared/states. */
  readonly state: number;
  /** Epoch seconds. */
  readonly start_time: number;
  /** The last fifty; missing until there is one, as recorded. */
  readonly log?: readonly LogEntry[];
};

/** A body as the document pool takes it. */
export function asJson(body: ServiceBody | ServiceTemplateBody): JsonObject {
  const json: { readonly [name: string]: JsonValue } = body;
  return json;
}
