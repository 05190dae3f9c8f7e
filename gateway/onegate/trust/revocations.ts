/** What was taken back: the session tokens a VM had, and its classic token. */

import type { Clock } from "../../../shared/clock.ts";
import type { Vm } from "../../cloud/model.ts";
import { defineKind, type Versioned } from "../../store/kind.ts";
import type { Registry } from "../../store/registry.ts";
import type { ReadonlyCollection } from "../../store/view.ts";

export interface Revocation extends Versioned {
  readonly vmId: number;
  /** With the id it names one VM for good: a world may bring another of the same id. */
  readonly stime: number;
  /**
   * Session tokens carry the generation they were made in, and only the last one counts. A count, not a time: what was
   * made before and after a revocation is told apart within one millisecond, and by a clock that was set back.
   */
  readonly generation: number;
  readonly classicRefused: boolean;
  /** ms since the epoch. */
  readonly at: number;
}

export const REVOCATIONS = defineKind({
  name: "gate_revocation",
  keyOf: ({ vmId }: Revocation) => String(vmId),
});

/** What a VM's tokens hang on. */
export type VmBirth = Pick<Vm, "id" | "stime">;

export class Revocations {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #known: ReadonlyCollection<Revocation, string>;

  constructor(registry: Registry, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
    this.#known = registry.collection(REVOCATIONS);
  }

  /** Of a VM that was never revoked 0. */
  generationOf(vm: VmBirth): number {
    return this.#of(vm)?.generation ?? 0;
  }

  refusesClassic(vm: VmBirth): boolean {
    return this.#of(vm)?.classicRefused ?? false;
  }

  list(): readonly Revocation[] {
    return [...this.#known.values()].sort((one, other) => one.vmId - other.vmId);
  }

  /**
   * Ends every session token that the VM has, and with `classic` refuses its classic token from now on; durable when it resolves.
   * @param isGone of which VMs nothing need be remembered any more
   */
  async revoke(vm: VmBirth, classic: boolean, isGone: (vmId: number) => boolean): Promise<void> {
    await this.#registry.transact((tx) => {
      for (const { vmId } of [...tx.values(REVOCATIONS)]) {
        if (vmId !== vm.id && isGone(vmId)) tx.delete(REVOCATIONS, String(vmId));
      }
      const before = tx.get(REVOCATIONS, String(vm.id));
      const same = before?.stime === vm.stime;
      const revocation = {
        vmId: vm.id,
        stime: vm.stime,
        generation: (same ? before.generation : 0) + 1,
        classicRefused: classic || (same && before.classicRefused),
        at: this.#clock.now(),
      };
      if (before === undefined) tx.insertWithId(REVOCATIONS, revocation);
      else tx.put(REVOCATIONS, { ...before, ...revocation });
    });
  }

  /** Takes the VM's classic token again; ended session tokens stay ended. False when it was not refused. */
  async allow(vm: VmBirth): Promise<boolean> {
    return await this.#registry.transact((tx) => {
      const before = tx.get(REVOCATIONS, String(vm.id));
      if (before === undefined || before.stime !== vm.stime || !before.classicRefused) return false;
      tx.put(REVOCATIONS, { ...before, classicRefused: false });
      return true;
    });
  }

  #of({ id, stime }: VmBirth): Revocation | undefined {
    if (this.#known.size === 0) return undefined;
    const known = this.#known.get(String(id));
    return known?.stime === stime ? known : undefined;
  }
}
