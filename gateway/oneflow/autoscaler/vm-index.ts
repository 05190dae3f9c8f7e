/** Which roles a VM is in. A document names whatever its owner likes, so one VM may be in several. */

export class VmIndex<T> {
  readonly #byVm = new Map<number, readonly T[]>();
  readonly #byService = new Map<number, readonly (readonly [T, readonly number[]])[]>();

  of(vmId: number): readonly T[] {
    return this.#byVm.get(vmId) ?? NONE;
  }

  entriesOf(serviceId: number): readonly T[] {
    return (this.#byService.get(serviceId) ?? []).map(([entry]) => entry);
  }

  /** All roles of a service, each with its VMs. */
  set(serviceId: number, entries: readonly (readonly [T, readonly number[]])[]): void {
    const before = this.#byService.get(serviceId) ?? [];
    const isSame =
      before.length === entries.length &&
      entries.every(([entry, vmIds], index) => before[index]?.[0] === entry && before[index]?.[1] === vmIds);
    if (isSame) return;
    for (const [entry, vmIds] of before) for (const vmId of vmIds) this.#remove(vmId, entry);
    for (const [entry, vmIds] of entries) for (const vmId of vmIds) this.#add(vmId, entry);
    if (entries.length === 0) this.#byService.delete(serviceId);
    else this.#byService.set(serviceId, entries);
  }

  #add(vmId: number, entry: T): void {
    this.#byVm.set(vmId, [...this.of(vmId).filter((other) => other !== entry), entry]);
  }

  #remove(vmId: number, entry: T): void {
    const others = this.of(vmId).filter((other) => other !== entry);
    if (others.length === 0) this.#byVm.delete(vmId);
    else this.#byVm.set(vmId, others);
  }
}

const NONE: readonly never[] = [];
