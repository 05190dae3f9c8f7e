/**
 * Sends waiting VMs to hosts, when a VM begins to wait or a host begins to take VMs: nothing polls.
 * The host with the fewest VMs wins, among those whose driver will run the VM.
 */

import { type Clock, epochSeconds } from "../../../shared/clock.ts";
import { errorText } from "../../../shared/errors.ts";
import { HOST_STATE } from "../../../shared/states/host.ts";
import { VM_STATE } from "../../../shared/states/vm.ts";
import type { Registry } from "../../store/registry.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Host, Vm } from "../model.ts";
import type { Driver } from "./driver.ts";
import type { Announce } from "./events.ts";
import type { HostLoad } from "./host-load.ts";
import { durable, HOSTS, VMS, vmsThatWait } from "./kinds.ts";
import { PromisedMemory } from "./promised-memory.ts";
import { deployOn } from "./vm-transition.ts";

/** VMs placed in one transaction: bounds how long the event loop is held. */
const MAX_BATCH = 200;
/** How long to wait when the store refused a placement. */
const RETRY_MS = 1_000;

export interface SchedulerOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
  readonly announce: Announce;
  readonly load: HostLoad;
  readonly refusal: (vm: Vm, host: Host) => string | undefined;
  /** The driver for a host's VM_MAD; undefined when the house has none. */
  readonly driverFor: (vmMad: string) => Driver | undefined;
}

/** What of the hosts is taken already, in one transaction. */
interface Taken {
  /** VMs, by host. */
  readonly load: Map<number, number>;
  readonly memory: PromisedMemory;
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #waiting = new Set<number>();
  #scheduled = false;
  /** Whether a VM that was looked at waits for memory. */
  #isMemoryShort = false;
  #closed = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** A VM began to wait. VMs that arrive in the same turn are placed together. */
  enqueue(vmId: number): void {
    this.#waiting.add(vmId);
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => void this.#run());
  }

  /** A host began to take VMs: those that found no place try again. */
  retryAll(): void {
    for (const vm of vmsThatWait(durable(this.#options.registry))) this.enqueue(vm.id);
  }

  /** A VM left its host: those that wait for memory try again. */
  memoryFreed(): void {
    if (!this.#isMemoryShort) return;
    this.#isMemoryShort = false;
    this.retryAll();
  }

  close(): void {
    this.#closed = true;
  }

  async #run(): Promise<void> {
    this.#scheduled = false;
    const batch = [...this.#waiting].slice(0, MAX_BATCH);
    for (const id of batch) this.#waiting.delete(id);
    const [next] = this.#waiting;
    if (next !== undefined) this.enqueue(next);
    try {
      await this.#options.registry.transact((tx) => this.#placeAll(tx, batch));
    } catch (error) {
      this.#options.log.warn({ vms: batch.length, error: errorText(error) }, "VMs could not be placed");
      this.#options.clock.after(RETRY_MS, () => {
        for (const id of batch) this.enqueue(id);
      });
    }
  }

  #placeAll(tx: Transaction, batch: readonly number[]): void {
    const hosts = [...tx.values(HOSTS)].filter((host) => host.state === HOST_STATE.MONITORED);
    const load = new Map(hosts.map((host) => [host.id, this.#options.load.of(host.id)]));
    const taken = { load, memory: new PromisedMemory(tx, this.#options.driverFor) };
    for (const id of batch) {
      const vm = tx.get(VMS, id);
      if (vm !== undefined && vm.state === VM_STATE.PENDING) this.#place(tx, vm, hosts, taken);
    }
  }

  #place(tx: Transaction, vm: Vm, hosts: readonly Host[], { load, memory }: Taken): void {
    const { announce, clock, refusal } = this.#options;
    const reasons: string[] = [];
    let best: Host | undefined;
    for (const host of hosts) {
      const refused = refusal(vm, host);
      const lack = refused === undefined ? memory.refusal(vm, host) : undefined;
      if (lack !== undefined) this.#isMemoryShort = true;
      const reason = refused ?? lack;
      if (reason !== undefined) reasons.push(`${host.name}: ${reason}`);
      else if (best === undefined || (load.get(host.id) ?? 0) < (load.get(best.id) ?? 0)) best = host;
    }
    if (best === undefined) {
      this.#explain(tx, vm, reasons);
      return;
    }
    load.set(best.id, (load.get(best.id) ?? 0) + 1);
    memory.promise(vm, best);
    const placed = tx.put(VMS, deployOn(vm, best, epochSeconds(clock)));
    announce(tx, { kind: "vm_state", vm: placed, previous: vm });
  }

  /** The VM goes on waiting, and says why, where OpenNebula says it. */
  #explain(tx: Transaction, vm: Vm, reasons: readonly string[]): void {
    const why = reasons.length === 0 ? "no host is enabled" : reasons.join("; ");
    const message = `Cannot dispatch VM: ${why}`;
    if (vm.userTemplate.SCHED_MESSAGE === message) return;
    const told = tx.put(VMS, { ...vm, userTemplate: { ...vm.userTemplate, SCHED_MESSAGE: message } });
    this.#options.announce(tx, { kind: "vm_updated", vm: told, previous: vm });
  }
}
