/** How many VMs stay on each host, kept up by events, so that placing one VM does not look at all others. */

import type { CloudEvent } from "../event.ts";
import type { Vm } from "../model.ts";
import { currentStay } from "./vm-transition.ts";

export class HostLoad {
  readonly #counts = new Map<number, number>();

  /** Counts anew: VMs that were there before the first event, or came without one. */
  recount(vms: Iterable<Vm>): void {
    this.#counts.clear();
    for (const vm of vms) this.#add(vm, 1);
  }

  /** VMs on a host, running or not. */
  of(hostId: number): number {
    return this.#counts.get(hostId) ?? 0;
  }

  readonly react = (event: CloudEvent): void => {
    if (event.kind !== "vm_state") return;
    if (event.previous !== undefined) this.#add(event.previous, -1);
    this.#add(event.vm, 1);
  };

  #add(vm: Vm, count: number): void {
    const hostId = currentStay(vm)?.hostId;
    if (hostId !== undefined) this.#counts.set(hostId, this.of(hostId) + count);
  }
}
