/**
 * Has scheduled actions done when they are due: one timer for the whole cloud, set to the earliest. What it knows, it
 * reads from the VMs: an action is marked done in the transaction that begins it, so a restart neither loses nor repeats
 * one, and those that came due while the house was down are done once when it starts.
 *
 * An action that comes due while its VM moves between states, and is not possible there, waits until the VM is at rest;
 * one that is refused at rest is over, and says why in its MESSAGE.
 */

import { type Clock, epochSeconds } from "../../../../shared/clock.ts";
import { DueTimes } from "../../../../shared/due-times.ts";
import { errorText, GatehouseError, isGatehouseError } from "../../../../shared/errors.ts";
import { VM_STATE } from "../../../../shared/states/vm.ts";
import type { Registry } from "../../../store/registry.ts";
import type { Transaction } from "../../../store/transaction.ts";
import { type Actor, actorOf } from "../../actor.ts";
import type { CloudEvent } from "../../event.ts";
import type { ScheduledAction, Vm } from "../../model.ts";
import { USERS, VMS } from "../kinds.ts";
import { owedWork } from "../vm-machine.ts";
import type { VmRunner } from "../vm-runner.ts";
import type { Vms } from "../vms.ts";
import { firstAction, markDone, noteRefusal } from "./schedule-book.ts";

/** The wall clock may be set while the timer, which it does not move, waits. */
const MAX_WAIT_MS = 60_000;
/** VMs acted on in one transaction: bounds how long the event loop is held. */
const MAX_BATCH = 200;
/** How long to wait when the store refused a batch. */
const RETRY_MS = 1_000;

export interface ActionSchedulerOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
  readonly vms: Pick<Vms, "perform" | "write">;
  readonly runner: Pick<VmRunner, "reboot">;
}

export class ActionScheduler {
  readonly #options: ActionSchedulerOptions;
  /** When each VM's first action is due, in seconds since the epoch. */
  readonly #due = new DueTimes();
  #cancel: () => void = () => {};
  #timerAt: number | undefined;
  #running = false;
  #closed = false;

  constructor(options: ActionSchedulerOptions) {
    this.#options = options;
  }

  /** Takes up what all VMs have waiting; to be called once they may be acted on, and after an import. */
  takeUp(): void {
    for (const vm of this.#options.registry.collection(VMS).values()) this.#note(vm);
    this.#arm();
  }

  /** To be told of every event. */
  readonly react = (event: CloudEvent): void => {
    if (event.kind !== "vm_state" && event.kind !== "vm_updated") return;
    const { vm, previous } = event;
    const isSame = vm.scheduledActions === previous?.scheduledActions;
    if (isSame && (event.kind === "vm_updated" || vm.scheduledActions === undefined)) return;
    this.#note(vm);
    this.#arm();
  };

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  #note(vm: Vm): void {
    const first = vm.state === VM_STATE.DONE ? undefined : firstAction(vm);
    if (first === undefined) this.#due.delete(vm.id);
    else this.#due.set(vm.id, first.time);
  }

  /** Sets the timer to the first time; a batch under way sets it at its end. */
  #arm(): void {
    const first = this.#due.first();
    if (this.#closed || this.#running || first === this.#timerAt) return;
    this.#cancel();
    this.#timerAt = first;
    if (first === undefined) return;
    const waitMs = Math.min(Math.max(0, first * 1_000 - this.#options.clock.now()), MAX_WAIT_MS);
    this.#cancel = this.#options.clock.after(waitMs, () => {
      this.#timerAt = undefined;
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    const { registry, clock, log } = this.#options;
    const now = epochSeconds(clock);
    const batch = this.#due.takeDue(now, MAX_BATCH);
    this.#running = batch.length > 0;
    try {
      if (this.#running) await registry.transact((tx) => this.#doAll(tx, batch, now));
      this.#running = false;
    } catch (error) {
      log.warn({ vms: batch.length, error: errorText(error) }, "scheduled actions could not be begun");
      clock.after(RETRY_MS, () => {
        this.#running = false;
        for (const id of batch) this.#noteAgain(id);
        this.#arm();
      });
      return;
    }
    this.#arm();
  }

  #noteAgain(vmId: number): void {
    const vm = this.#options.registry.collection(VMS).get(vmId);
    if (vm !== undefined) this.#note(vm);
  }

  #doAll(tx: Transaction, vmIds: readonly number[], now: number): void {
    for (const id of vmIds) {
      const vm = tx.get(VMS, id);
      const action = vm === undefined || vm.state === VM_STATE.DONE ? undefined : firstAction(vm);
      if (vm !== undefined && action !== undefined && action.time <= now) this.#do(tx, vm, action, now);
    }
  }

  /** Writes nothing when the action has to wait: the VM tells when it has come to rest. */
  #do(tx: Transaction, vm: Vm, action: ScheduledAction, now: number): void {
    const { vms, log } = this.#options;
    try {
      const acted = vms.perform(tx, ownerOf(tx, vm), vm, action.action, action.args);
      vms.write(tx, markDone(acted, action.id, now), vm);
      if (action.action === "reboot" || action.action === "reboot-hard")
        tx.after(() => void this.#reboot(vm.id, action));
    } catch (error) {
      if (!isGatehouseError(error)) throw error;
      if (error.code === "wrong_state" && owedWork(vm) !== undefined) return;
      vms.write(tx, markDone(vm, action.id, now, error.message), vm);
      tx.after(() =>
        log.warn({ vm: vm.id, action: action.action, error: error.message }, "scheduled action refused"),
      );
    }
  }

  /** Never rejects. */
  async #reboot(vmId: number, action: ScheduledAction): Promise<void> {
    const { registry, runner, vms, log } = this.#options;
    try {
      await runner.reboot(vmId, action.action === "reboot-hard");
    } catch (error) {
      log.warn({ vm: vmId, action: action.action, error: errorText(error) }, "scheduled action failed");
      const noted = registry.transact((tx) => {
        const vm = tx.get(VMS, vmId);
        if (vm !== undefined) vms.write(tx, noteRefusal(vm, action.id, errorText(error)), vm);
      });
      await noted.catch((failure: unknown) =>
        log.warn({ vm: vmId, error: errorText(failure) }, "the failure could not be stored"),
      );
    }
  }
}

/** @throws GatehouseError `forbidden` when there is nobody to act for. */
function ownerOf(tx: Transaction, vm: Vm): Actor {
  const owner = tx.get(USERS, vm.uid);
  if (owner !== undefined) return actorOf(owner);
  throw new GatehouseError("forbidden", `The owner of VM ${vm.id}, user ${vm.uid}, is gone.`);
}
