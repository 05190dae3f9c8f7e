/** Every role that may scale by itself: which VMs are in it, and when it is looked at though nothing is heard. */

import { DueTimes } from "../../../shared/due-times.ts";
import { VmIndex } from "./vm-index.ts";
import type { WatchedRole } from "./watched-role.ts";
import type { WatchedService } from "./watched-service.ts";

/** Times in house time, ms since the epoch. */
export interface Entry {
  readonly service: WatchedService;
  readonly role: WatchedRole;
  /** Undefined: not before something is heard. */
  readonly dueAt: number | undefined;
  /** Reports lead to no look before. */
  quietUntil: number;
}

type OpenEntry = { -readonly [K in keyof Entry]: Entry[K] };

export class WatchList {
  readonly #services = new Map<number, WatchedService>();
  readonly #entries = new Map<number, OpenEntry>();
  readonly #vms = new VmIndex<OpenEntry>();
  readonly #due = new DueTimes();

  /** How many roles. */
  get size(): number {
    return this.#entries.size;
  }

  service(id: number): WatchedService | undefined {
    return this.#services.get(id);
  }

  entryOf(role: WatchedRole): Entry | undefined {
    return this.#entries.get(role.key);
  }

  /** The roles that a VM is in. */
  withVm(vmId: number): readonly Entry[] {
    return this.#vms.of(vmId);
  }

  /** The service's roles and their VMs are these now; one without any is watched no more. */
  index(service: WatchedService): void {
    const roles = [...service.roles];
    const present = new Set(roles.map(({ key }) => key));
    for (const { role } of this.#vms.entriesOf(service.id)) if (!present.has(role.key)) this.#drop(role);
    const entries = roles.map((role) => {
      const entry = this.#entries.get(role.key) ?? { service, role, dueAt: undefined, quietUntil: 0 };
      this.#entries.set(role.key, entry);
      return [entry, role.vmIds] as const;
    });
    this.#vms.set(service.id, entries);
    if (entries.length > 0) this.#services.set(service.id, service);
    else this.#services.delete(service.id);
  }

  forget(id: number): void {
    for (const { role } of this.#vms.entriesOf(id)) this.#drop(role);
    this.#vms.set(id, []);
    this.#services.delete(id);
  }

  /** When the first is due. */
  firstDue(): number | undefined {
    return this.#due.first();
  }

  setDue(role: WatchedRole, at: number | undefined): void {
    const entry = this.#entries.get(role.key);
    if (entry === undefined) return;
    entry.dueAt = at;
    if (at === undefined) this.#due.delete(role.key);
    else this.#due.set(role.key, at);
  }

  /** Those whose time has come, and who have none any more. */
  takeDue(now: number): readonly Entry[] {
    return this.#due.takeDue(now, Number.POSITIVE_INFINITY).flatMap((key) => {
      const entry = this.#entries.get(key);
      if (entry === undefined) return [];
      entry.dueAt = undefined;
      return [entry];
    });
  }

  #drop({ key }: WatchedRole): void {
    this.#due.delete(key);
    this.#entries.delete(key);
  }
}
