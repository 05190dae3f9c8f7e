/**
 * Tells the agents of dummy hosts which VMs are simulated there: one file a host, `<directory>/<host id>.json`, written
 * anew within a second of a change. The driver itself keeps nothing, so what stands there follows the VMs' states.
 */

import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../../../shared/clock.ts";
import { type DummyGuest, printDummyList } from "../../../../shared/guests/dummy-list.ts";
import { stringOf } from "../../../../shared/template/types.ts";
import type { Cloud } from "../../cloud.ts";
import type { Vm } from "../../model.ts";
import { dummyStatus } from "./dummy.ts";

const WRITE_DELAY_MS = 1000;

export interface DummyListOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** Whose agent reads such a list; the VMs of other hosts are passed over. Default: every host's. */
  readonly isWatched?: ((hostId: number) => boolean) | undefined;
  /** A list that could not be written; it is tried again with the host's next change. */
  onError(error: unknown): void;
}

/** Where the list of a host's VMs stands. */
export function dummyListPath(directory: string, hostId: number): string {
  return join(directory, `${hostId}.json`);
}

/**
 * Empties the directory, writes the list of each host where one of `vms` is, and follows from then on; returns the way
 * to stop.
 * @throws Error when a list cannot be written at first.
 */
export function followDummyGuests(
  cloud: Pick<Cloud, "subscribe">,
  vms: readonly Vm[],
  { directory, clock, isWatched = () => true, onError }: DummyListOptions,
): () => void {
  const hosts = new Map<number, Map<number, DummyGuest>>();
  const changed = new Set<number>();
  const writeChanged = (): void => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const hostId of changed) writeList(directory, hostId, [...(hosts.get(hostId)?.values() ?? [])]);
    changed.clear();
  };
  const place = (vm: Vm): void => {
    for (const hostId of move(hosts, vm, isWatched)) changed.add(hostId);
  };

  // After a crash a list may stand there that is older than the last change.
  rmSync(directory, { recursive: true, force: true });
  for (const vm of vms) place(vm);
  writeChanged();

  let cancel: (() => void) | undefined;
  const unsubscribe = cloud.subscribe((event) => {
    if (event.kind !== "vm_state") return;
    place(event.vm);
    if (changed.size === 0) return;
    cancel ??= clock.after(WRITE_DELAY_MS, () => {
      cancel = undefined;
      try {
        writeChanged();
      } catch (error) {
        onError(error);
      }
    });
  });
  return () => {
    unsubscribe();
    cancel?.();
  };
}

/** Puts a VM where it runs now, if anywhere; the hosts whose list is another one by that. */
function move(
  hosts: Map<number, Map<number, DummyGuest>>,
  vm: Vm,
  isWatched: (hostId: number) => boolean,
): readonly number[] {
  const stay = vm.history.at(-1);
  const here = stay?.vmMad === "dummy" && dummyStatus(vm) === "running" ? stay.hostId : undefined;
  // A VM runs on the hosts of its history only, and there are few.
  const touched = new Set(vm.history.map(({ hostId }) => hostId));
  return [...touched].filter((hostId) => {
    const guests = hosts.get(hostId);
    if (hostId !== here) return guests?.delete(vm.id) ?? false;
    if (guests?.has(vm.id) || !isWatched(hostId)) return false;
    hosts.set(hostId, (guests ?? new Map<number, DummyGuest>()).set(vm.id, guestOf(vm)));
    return true;
  });
}

function guestOf(vm: Vm): DummyGuest {
  const amount = (name: string): number => {
    const value = Number(stringOf(vm.template, name));
    return Number.isFinite(value) && value > 0 ? value : 0;
  };
  return { id: vm.id, deployId: vm.deployId, cpu: amount("CPU"), memoryMiB: amount("MEMORY") };
}

function writeList(directory: string, hostId: number, guests: readonly DummyGuest[]): void {
  const path = dummyListPath(directory, hostId);
  writeFileSync(`${path}.new`, printDummyList(guests), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
