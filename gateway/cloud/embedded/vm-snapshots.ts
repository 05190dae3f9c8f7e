/** Snapshots of a running VM: pure changes to what the VM remembers of them. */

import { GatehouseError } from "../../../shared/errors.ts";
import type { Snapshot, Vm } from "../model.ts";
import { checkRoom, MAX_SNAPSHOTS } from "./bounds.ts";
import { requirePhase } from "./vm-phases.ts";

/** `now` in seconds since the epoch. @throws GatehouseError `wrong_state`, or `conflict` when it has too many. */
export function takeSnapshot(
  vm: Vm,
  name: string,
  now: number,
): { readonly vm: Vm; readonly snapshotId: number } {
  requirePhase(vm, "snapshotcreate", ["RUNNING"]);
  checkRoom(vm.snapshots.length, MAX_SNAPSHOTS, "snapshots");
  const id = Math.max(-1, ...vm.snapshots.map((snapshot) => snapshot.id)) + 1;
  const taken: Snapshot = { id, name: name || `snapshot-${id}`, time: now, active: true };
  const others = vm.snapshots.map((other) => ({ ...other, active: false }));
  return { vm: { ...vm, snapshots: [...others, taken] }, snapshotId: id };
}

/** @throws GatehouseError `wrong_state` or `not_found`. */
export function revertTo(vm: Vm, snapshotId: number): Vm {
  requirePhase(vm, "snapshotrevert", ["RUNNING"]);
  requireSnapshot(vm, snapshotId);
  const snapshots = vm.snapshots.map((other) => ({ ...other, active: other.id === snapshotId }));
  return { ...vm, snapshots };
}

/** @throws GatehouseError `wrong_state` or `not_found`. */
export function dropSnapshot(vm: Vm, snapshotId: number): Vm {
  requirePhase(vm, "snapshotdelete", ["RUNNING"]);
  requireSnapshot(vm, snapshotId);
  return { ...vm, snapshots: vm.snapshots.filter((other) => other.id !== snapshotId) };
}

function requireSnapshot(vm: Vm, snapshotId: number): void {
  if (vm.snapshots.some((snapshot) => snapshot.id === snapshotId)) return;
  throw new GatehouseError("not_found", `Snapshot ${snapshotId} does not exist in VM ${vm.id}.`);
}
