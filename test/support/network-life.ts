/** A random life on one network: VMs, interfaces, routers and reservations come and go. For laws about what holds at any time. */

import fc from "fast-check";
import { type Actor, SYSTEM } from "../../gateway/cloud/actor.ts";
import type { Cloud } from "../../gateway/cloud/cloud.ts";
import type { Network, Vm } from "../../gateway/cloud/model.ts";
import { isGatehouseError } from "../../shared/errors.ts";
import { type Vector, vectorsOf } from "../../shared/template/types.ts";
import { phase, untilPhase } from "../conformance/cloud/setup.ts";

/** One step; `which` chooses among what is there, whatever that is by then. */
export type Step =
  | { readonly do: "allocate"; readonly nics: number; readonly hold: boolean; readonly which: number }
  | { readonly do: "attach" | "attachAlias" | "detach" | "terminate" | "stop"; readonly which: number }
  | { readonly do: "reserve"; readonly size: number; readonly which: number }
  | { readonly do: "deleteNetwork" | "deleteRouter"; readonly which: number }
  | { readonly do: "router"; readonly vms: number; readonly which: number };

const which = fc.nat(1_000);

export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("allocate" as const),
      nics: fc.integer({ min: 0, max: 3 }),
      hold: fc.boolean(),
      which,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("attach", "attachAlias", "detach", "terminate", "stop"),
      which,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("reserve" as const),
      size: fc.integer({ min: 1, max: 4 }),
      which,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("deleteNetwork", "deleteRouter"), which }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("router" as const), vms: fc.integer({ min: 0, max: 2 }), which }),
  },
);

/** Small, so that it is full again and again: two ranges, one of them of both kinds. */
export const CRAMPED_NETWORK = {
  NAME: "cramped",
  BRIDGE: "br0",
  VN_MAD: "dummy",
  AR: [
    { TYPE: "IP4", IP: "10.0.0.254", SIZE: "6" },
    { TYPE: "IP4_6", IP: "10.9.0.1", SIZE: "5", GLOBAL_PREFIX: "2001:db8::" },
  ],
};

/** Lives through the steps; `check` looks after each. What a step may be refused for is part of life. */
export async function live(
  cloud: Cloud,
  steps: readonly Step[],
  check: () => Promise<void> = async () => {},
): Promise<void> {
  for (const step of steps) {
    try {
      await take(cloud, step);
    } catch (error) {
      const refused = ["conflict", "wrong_state", "bad_request", "not_found"];
      if (!isGatehouseError(error) || !refused.includes(error.code)) throw error;
    }
    await check();
  }
}

async function take(cloud: Cloud, step: Step): Promise<void> {
  switch (step.do) {
    case "allocate": {
      const NIC = await someNic(cloud, step.which);
      const template = step.nics === 0 ? { NAME: "vm" } : { NAME: "vm", NIC: severalOrOne(NIC, step.nics) };
      const id = await cloud.vms.allocate(SYSTEM, template, { hold: step.hold });
      if (!step.hold) await untilPhase(cloud, SYSTEM, id, "RUNNING");
      return;
    }
    case "attach":
      return await withVm(cloud, step.which, async (vm) => {
        await cloud.vms.attachNic(SYSTEM, vm.id, { NIC: await someNic(cloud, step.which) });
      });
    case "attachAlias":
      return await withVm(cloud, step.which, async (vm) => {
        const parents = vectorsOf(vm.template, "NIC");
        const PARENT = parents[step.which % Math.max(1, parents.length)]?.NAME ?? "NIC0";
        const NIC_ALIAS = { ...(await someNic(cloud, step.which)), PARENT };
        await cloud.vms.attachNic(SYSTEM, vm.id, { NIC_ALIAS });
      });
    case "detach":
      return await withVm(cloud, step.which, async (vm) => {
        const nics = interfaces(vm);
        const nic = nics[step.which % Math.max(1, nics.length)];
        await cloud.vms.detachNic(SYSTEM, vm.id, Number(nic?.NIC_ID ?? 99));
      });
    case "terminate":
      return await withVm(cloud, step.which, (vm) => end(cloud, vm.id));
    case "stop":
      return await withVm(cloud, step.which, async (vm) => {
        await cloud.vms.act(SYSTEM, vm.id, "stop");
        await untilPhase(cloud, SYSTEM, vm.id, "STOPPED");
      });
    case "reserve":
      return await reserve(cloud, step.size, step.which);
    case "deleteNetwork": {
      const [, ...reservations] = await networks(cloud);
      const reservation = reservations[step.which % Math.max(1, reservations.length)];
      if (reservation !== undefined) await cloud.networks.delete(SYSTEM, reservation.id);
      return;
    }
    case "router":
      return await makeRouter(cloud, step.which, step.vms);
    case "deleteRouter": {
      const routers = await cloud.routers.list(SYSTEM);
      const router = routers[step.which % Math.max(1, routers.length)];
      if (router !== undefined) await endRouter(cloud, router.id);
      return;
    }
  }
}

/** Anew, at an address of choice, or into a reservation that is there. */
async function reserve(cloud: Cloud, size: number, which: number): Promise<void> {
  const [parent, ...reservations] = await networks(cloud);
  const there = reservations[which % Math.max(1, reservations.length)];
  const into = which % 3 === 0 && there !== undefined ? { networkId: there.id } : { name: "reserved" };
  const first = which % 2 === 0 ? { first: { ip: `10.9.0.${(which % 7) + 1}` } } : {};
  await cloud.networks.reserve(SYSTEM, parent?.id ?? -1, { size, ...into, ...first });
}

async function makeRouter(cloud: Cloud, which: number, vms: number): Promise<void> {
  const NIC = { ...(await someNic(cloud, which)), FLOATING_IP: "YES" };
  const id = await cloud.routers.allocate(SYSTEM, { NAME: "router", NIC });
  if (vms === 0) return;
  const templateId = await cloud.templates.allocate(SYSTEM, { NAME: "node" });
  const made = await cloud.routers.instantiate(SYSTEM, id, { count: vms, templateId });
  for (const vmId of made) await untilPhase(cloud, SYSTEM, vmId, "RUNNING");
}

/** Everything is given up: VMs, then routers, then reservations. */
export async function endAll(cloud: Cloud): Promise<void> {
  for (const vm of await livingVms(cloud)) await end(cloud, vm.id);
  for (const router of await cloud.routers.list(SYSTEM)) await endRouter(cloud, router.id);
  const [, ...reservations] = await networks(cloud);
  for (const reservation of reservations) await cloud.networks.delete(SYSTEM, reservation.id);
}

async function end(cloud: Cloud, vmId: number): Promise<void> {
  await cloud.vms.act(SYSTEM, vmId, "terminate-hard");
  await untilPhase(cloud, SYSTEM, vmId, "DONE");
}

async function endRouter(cloud: Cloud, routerId: number): Promise<void> {
  const { vmIds } = await cloud.routers.get(SYSTEM, routerId);
  await cloud.routers.delete(SYSTEM, routerId);
  for (const vmId of vmIds) await untilPhase(cloud, SYSTEM, vmId, "DONE");
}

export async function livingVms(cloud: Cloud, actor: Actor = SYSTEM): Promise<readonly Vm[]> {
  return (await cloud.vms.list(actor)).filter((vm) => phase(vm) !== "DONE");
}

/** The first network, and its reservations behind it. */
export async function networks(cloud: Cloud): Promise<readonly Network[]> {
  return await cloud.networks.list(SYSTEM);
}

export function interfaces(vm: Vm): readonly Vector[] {
  return [...vectorsOf(vm.template, "NIC"), ...vectorsOf(vm.template, "NIC_ALIAS")];
}

async function withVm(cloud: Cloud, which: number, work: (vm: Vm) => Promise<void>): Promise<void> {
  const vms = await livingVms(cloud);
  const vm = vms[which % Math.max(1, vms.length)];
  if (vm !== undefined) await work(vm);
}

/** An interface on the network or one of its reservations, at times with a wish that may not be granted. */
async function someNic(cloud: Cloud, which: number): Promise<Vector> {
  const all = await networks(cloud);
  const network = all[which % all.length];
  const wish = which % 5 === 0 ? { IP: `10.9.0.${1 + (which % 7)}` } : {};
  return { NETWORK_ID: String(network?.id ?? -1), ...wish };
}

function severalOrOne(vector: Vector, count: number): Vector | readonly Vector[] {
  return count === 1 ? vector : Array<Vector>(count).fill(vector);
}
