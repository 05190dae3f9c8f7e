/**
 * The memory that a driver has for its guests, and what of it VMs are promised together: the MEMORY of each that stays with the
 * driver, running, suspended or powered off, as OpenNebula counts it. So whoever powers a VM off can power it on again.
 */

import { stringOf } from "../../../shared/template/types.ts";
import type { Host, Vm } from "../model.ts";
import type { Driver } from "./driver.ts";
import { HOSTS, type Lookup, VMS } from "./kinds.ts";

/** As of one transaction: counted with the first VM that asks, and kept up with those that are placed in it. */
export class PromisedMemory {
  readonly #lookup: Lookup;
  readonly #driverFor: (vmMad: string) => Driver | undefined;
  /** MiB, by driver: whatever its hosts are called, they are one machine. */
  readonly #promised = new Map<string, number>();

  constructor(lookup: Lookup, driverFor: (vmMad: string) => Driver | undefined) {
    this.#lookup = lookup;
    this.#driverFor = driverFor;
  }

  /** Why there is no room for the VM on this host; undefined when there is. */
  refusal(vm: Vm, host: Host): string | undefined {
    const memoryMiB = this.#driverFor(host.vmMad)?.memoryMiB;
    const wanted = memoryOf(vm);
    if (memoryMiB === undefined || this.#promisedBy(host.vmMad) + wanted <= memoryMiB) return undefined;
    return `MEMORY is ${wanted} MiB, and other VMs leave less of the ${memoryMiB} MiB that there are: it waits until some are terminated, stopped or undeployed`;
  }

  /** The VM is placed on this host. */
  promise(vm: Vm, host: Host): void {
    const known = this.#promised.get(host.vmMad);
    if (known !== undefined) this.#promised.set(host.vmMad, known + memoryOf(vm));
  }

  #promisedBy(vmMad: string): number {
    const known = this.#promised.get(vmMad);
    if (known !== undefined) return known;
    let sum = 0;
    for (const host of this.#lookup.values(HOSTS))
      if (host.vmMad === vmMad) for (const vm of this.#lookup.by(VMS, "host", host.id)) sum += memoryOf(vm);
    this.#promised.set(vmMad, sum);
    return sum;
  }
}

/** In MiB; what is no number is refused by who runs it. */
function memoryOf({ template }: Vm): number {
  const memoryMiB = Number(stringOf(template, "MEMORY") ?? 0);
  return memoryMiB > 0 && Number.isFinite(memoryMiB) ? memoryMiB : 0;
}
