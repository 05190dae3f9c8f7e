import { beforeEach, expect, it } from "vitest";
import {
  ALL_KINDS,
  durable,
  type Lookup,
  VMS,
  vmsOnHost,
  vmsThatWait,
} from "../../gateway/cloud/embedded/kinds.ts";
import type { Vm } from "../../gateway/cloud/model.ts";
import { memoryStore } from "../../gateway/store/memory.ts";
import { Registry } from "../../gateway/store/registry.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { fleetWorld } from "../support/fleet.ts";

/** Which VMs stay on a host: asked with each full list of each agent, so the answer must not cost a look at all VMs. */

let registry: Registry;

beforeEach(async () => {
  registry = await Registry.open(memoryStore(), ALL_KINDS);
  await registry.transact((tx) => {
    for (const vm of fleetWorld({ hosts: 3, vmsPerHost: 2 }).vms) tx.insertWithId(VMS, vm);
  });
});

/** Refuses to be looked through. */
function indexed(): Lookup {
  return {
    ...durable(registry),
    values() {
      throw new Error("all objects were looked at");
    },
  };
}

const idsOn = (hostId: number): readonly number[] => vmsOnHost(indexed(), hostId).map(({ id }) => id);

async function change(id: number, edit: (vm: Vm) => Vm): Promise<void> {
  await registry.transact((tx) => {
    const vm = tx.get(VMS, id);
    if (vm !== undefined) tx.put(VMS, edit(vm));
  });
}

it("finds the VMs of a host, by their ids, without looking at those of others", () => {
  expect([0, 1, 2, 3].map(idsOn)).toEqual([[0, 1], [2, 3], [4, 5], []]);
});

it("finds none that has left, is done, or went elsewhere", async () => {
  await change(0, (vm) => ({
    ...vm,
    history: vm.history.map((stay) => ({ ...stay, etime: 1_700_000_000 })),
  }));
  await change(2, (vm) => ({ ...vm, state: VM_STATE.DONE }));
  await change(4, (vm) => ({ ...vm, history: vm.history.map((stay) => ({ ...stay, hostId: 0 })) }));
  expect([0, 1, 2].map(idsOn)).toEqual([[1, 4], [3], [5]]);
});

it("sees in a transaction what the transaction has changed", async () => {
  const seen = await registry.transact((tx) => {
    const vm = tx.get(VMS, 3);
    if (vm === undefined) throw new Error("VM 3 is not there");
    tx.put(VMS, { ...vm, state: VM_STATE.DONE });
    return vmsOnHost(tx, 1).map(({ id }) => id);
  });
  expect(seen).toEqual([2]);
});

it("finds those that wait for a host, while they do", async () => {
  await change(4, (vm) => ({ ...vm, state: VM_STATE.PENDING }));
  await change(1, (vm) => ({ ...vm, state: VM_STATE.PENDING }));
  expect(vmsThatWait(indexed()).map(({ id }) => id)).toEqual([1, 4]);
  await change(1, (vm) => ({ ...vm, state: VM_STATE.ACTIVE }));
  expect(vmsThatWait(indexed()).map(({ id }) => id)).toEqual([4]);
});
