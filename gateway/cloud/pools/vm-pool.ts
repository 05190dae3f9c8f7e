/** A cloud's VMs. */

import { GatehouseError } from "../../../shared/errors.ts";
import type { Template } from "../../../shared/template/types.ts";
import type { Actor } from "../actor.ts";
import type { ScheduledAction, Vm } from "../model.ts";
import type { OwnedPool, UpdateMode } from "./pool.ts";

/** one.vm.action's names, and what the house adds none to (spec core-xmlrpc.md 2). */
export const VM_ACTIONS = [
  "terminate",
  "terminate-hard",
  "undeploy",
  "undeploy-hard",
  "poweroff",
  "poweroff-hard",
  "reboot",
  "reboot-hard",
  "hold",
  "release",
  "stop",
  "suspend",
  "resume",
  "resched",
  "unresched",
] as const;

export type VmAction = (typeof VM_ACTIONS)[number];

/** one.vm.recover's operations, in the order of their numbers (spec core-xmlrpc.md 2). */
export const RECOVER_OPERATIONS = ["failure", "success", "retry", "delete", "recreate", "delete-db"] as const;

export type RecoverOperation = (typeof RECOVER_OPERATIONS)[number];

/**
 * What a caller asks of an update, in the same transaction; each may throw, and nothing is then written. A cloud that
 * is reached over a wire and has no such transaction must let no update of its own of the same VM pass between reading
 * and writing; what others write in that gap it cannot notice.
 */
export interface UpdateChecks {
  /** Asked first, of the VM as it is: when it says no, the call throws `precondition_failed`. */
  readonly precondition?: ((vm: Vm) => boolean) | undefined;
  /** Told the user template as it is, and as it would become. */
  readonly becomes?: (before: Template, after: Template) => void;
}

/** @throws GatehouseError `precondition_failed` */
export function requirePrecondition(vm: Vm, { precondition }: Pick<UpdateChecks, "precondition">): void {
  if (precondition === undefined || precondition(vm)) return;
  throw new GatehouseError(
    "precondition_failed",
    `VM ${vm.id} is not as If-Match has it: read it again, and send the ETag it has now.`,
  );
}

export interface VmPool extends OwnedPool<Vm> {
  /**
   * Those of these that are there and that the actor may see, in any order. What is measured of them may be older than
   * `get` has it.
   */
  several(actor: Actor, ids: readonly number[]): Promise<readonly Vm[]>;
  /** Makes a VM from template text already parsed; returns its id. PENDING, or HOLD when asked. */
  allocate(actor: Actor, template: Template, options?: { hold?: boolean }): Promise<number>;
  updateUserTemplate(
    actor: Actor,
    id: number,
    template: Template,
    mode: UpdateMode,
    checks?: UpdateChecks,
  ): Promise<void>;
  /** Removes `NAME`, or one inner attribute `NAME/INNER`, from the user template. `not_found` when it is not there. */
  eraseUserAttribute(
    actor: Actor,
    id: number,
    path: readonly [string] | readonly [string, string],
    checks?: Pick<UpdateChecks, "precondition">,
  ): Promise<void>;
  act(actor: Actor, id: number, action: VmAction): Promise<void>;
  deploy(actor: Actor, id: number, hostId: number): Promise<void>;
  /** `bad_request` for operations that this cloud has no use for. */
  recover(actor: Actor, id: number, operation: RecoverOperation): Promise<void>;
  attachNic(actor: Actor, id: number, template: Template): Promise<number>;
  detachNic(actor: Actor, id: number, nicId: number): Promise<void>;
  createSnapshot(actor: Actor, id: number, name: string): Promise<number>;
  revertSnapshot(actor: Actor, id: number, snapshotId: number): Promise<void>;
  deleteSnapshot(actor: Actor, id: number, snapshotId: number): Promise<void>;
  /**
   * Has an action done at a time, or again and again, as the VM's owner at that time; returns the action's id, which no
   * other VM's has. It takes the right that the action takes. `bad_request` for what this cloud cannot do at a time.
   */
  schedule(actor: Actor, id: number, action: ActionSchedule): Promise<number>;
  /** Changes what is given of a scheduled action; a later time revives one that was done. */
  reschedule(actor: Actor, id: number, actionId: number, changes: Partial<ActionSchedule>): Promise<void>;
  /** `not_found` ("Error getting scheduled action [3].") when the VM has no such action. */
  unschedule(actor: Actor, id: number, actionId: number): Promise<void>;
}

/** An action on a VM at a time, as one.vm.schedadd takes it. SCHED_ACTIONs of a VM's template (charters) are the same. */
export interface ActionSchedule extends Pick<ScheduledAction, "repeat" | "end"> {
  /** One of VM_ACTIONS, snapshot-create, snapshot-revert or snapshot-delete. */
  readonly action: string;
  /** The name of the snapshot to create, or the id of the one to revert to or delete. */
  readonly args?: string;
  /** Seconds since the epoch, or seconds after the VM was made (its STIME). */
  readonly time: number | { readonly sinceStart: number };
}
