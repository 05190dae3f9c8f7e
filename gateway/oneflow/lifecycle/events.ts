/** What happens to a service: the life cycle's only input (design.md, "A functional core"). */

import type { Role, ServiceBody, ServiceNode } from "../model.ts";

/**
 * What a VM's states mean to a service (spec oneflow-lifecycle.md 4 and 9).
 * starting: on its way up, or between two others · held: HOLD · running: ACTIVE and RUNNING · failed: one of the failure states · unknown:
 * its host is silent · powered_off · resting: suspended, stopped or undeployed · ending: on its way out · done: gone.
 */
export type VmCondition =
  | "starting"
  | "held"
  | "running"
  | "failed"
  | "unknown"
  | "powered_off"
  | "resting"
  | "ending"
  | "done";

/** A VM as it is now. It is seen again after every change and at every start, so a doubled or late sight does no harm. */
export interface VmSight {
  readonly vmId: number;
  readonly condition: VmCondition;
  /** `BOOT_FAILURE`, `PENDING`: for reasons in logs. */
  readonly stateName: string;
  /** Whether USER_TEMPLATE says READY=YES. */
  readonly ready: boolean;
}

/** A VM whose template names this service and a role, found at a start: it may be a node that was not yet written down. */
export interface FoundVm {
  readonly role: string;
  readonly node: ServiceNode;
  readonly sight: VmSight;
}

/** What the auto-scaler notes of a role's policies (true_evals, last_eval, expression_evaluated). */
export type PolicyNotes = Pick<Extract<Role, { type: "vm" }>, "elasticity_policies" | "scheduled_policies">;

export type ServiceCommand =
  | {
      readonly kind: "scale";
      readonly role: string;
      readonly cardinality: number;
      /** Beyond min_vms and max_vms too. */
      readonly force: boolean;
      /** Seconds; the policy's own, where one asks. Else the role's, else the default. */
      readonly cooldown?: number | undefined;
      /** Which nodes go first when it shrinks; the others follow, the oldest first. */
      readonly firstToGo?: readonly number[] | undefined;
      /**
       * The auto-scaler asks: the limits go by direction (a role that was forced above max_vms may shrink above it), and
       * this is noted in the same step.
       */
      readonly byPolicies?: PolicyNotes | undefined;
    }
  | { readonly kind: "undeploy" }
  | { readonly kind: "recover" }
  | { readonly kind: "recover_delete" }
  | { readonly kind: "release" }
  | { readonly kind: "add_role"; readonly role: Role }
  | { readonly kind: "remove_role"; readonly role: string }
  /** A body already checked against what may not change; what runs (states, nodes, log) is taken from the present one. */
  | { readonly kind: "update"; readonly body: ServiceBody }
  /** After an evaluation: only of roles named. */
  | { readonly kind: "note_policies"; readonly roles: ReadonlyMap<string, PolicyNotes> };

export type FlowEvent =
  /**
   * The process has taken the service up: it was just made, or a process starts with it. What was under way before is
   * not any more; every VM of the service that there is has been found.
   */
  | {
      readonly kind: "taken_up";
      readonly vms: readonly FoundVm[];
      /** Networks and routers that a crash left made and not written down: by network name, and by role. */
      readonly networks: ReadonlyMap<string, number>;
      readonly routers: ReadonlyMap<string, number>;
    }
  | { readonly kind: "command"; readonly command: ServiceCommand }
  | { readonly kind: "vms_seen"; readonly sights: readonly VmSight[] }
  | {
      readonly kind: "vm_made";
      readonly role: string;
      readonly number: number;
      readonly node: ServiceNode;
      readonly sight: VmSight;
    }
  | {
      readonly kind: "vm_not_made";
      readonly role: string;
      readonly number: number;
      readonly templateId: number;
      readonly message: string;
    }
  | { readonly kind: "vm_acted"; readonly vmId: number; readonly act: VmAct }
  | { readonly kind: "vm_not_acted"; readonly vmId: number; readonly act: VmAct; readonly message: string }
  /** Of every network of the service; `id` is where its VMs' NICs go. */
  | { readonly kind: "network_made"; readonly name: string; readonly id: number }
  | { readonly kind: "network_not_made"; readonly name: string; readonly message: string }
  | { readonly kind: "network_removed"; readonly name: string }
  | { readonly kind: "network_not_removed"; readonly name: string; readonly message: string }
  | {
      readonly kind: "router_made";
      readonly role: string;
      readonly routerId: number;
      /** Goes into the role's template_contents, as recorded. */
      readonly name?: string | undefined;
      readonly ips: readonly { readonly NETWORK_ID: number; readonly VROUTER_IP: string }[];
    }
  | { readonly kind: "router_not_made"; readonly role: string; readonly message: string }
  | {
      readonly kind: "router_filled";
      readonly role: string;
      readonly vms: readonly { readonly node: ServiceNode; readonly sight: VmSight }[];
    }
  | { readonly kind: "router_removed"; readonly role: string }
  | { readonly kind: "router_not_removed"; readonly role: string; readonly message: string }
  | { readonly kind: "document_removed" }
  | { readonly kind: "document_not_removed"; readonly message: string }
  /** The moment that `wakeAt` named has come. */
  | { readonly kind: "time" };

/** What the life cycle does to a VM. `delete` and `retry` are one.vm.recover's; `boot` is resume of one that is UNKNOWN. */
export type VmAct = "terminate" | "terminate-hard" | "delete" | "retry" | "resume" | "boot" | "release";
