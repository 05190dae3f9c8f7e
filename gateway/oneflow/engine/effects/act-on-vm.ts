/** Acts on a VM of a service, as its owner. What is already so counts as done: after a restart it is asked again. */

import { GatehouseError, isGatehouseError } from "../../../../shared/errors.ts";
import { type Actor, SYSTEM } from "../../../cloud/actor.ts";
import type { Cloud } from "../../../cloud/cloud.ts";
import type { Effect } from "../../lifecycle/effects.ts";
import type { FlowEvent, VmAct, VmCondition, VmSight } from "../../lifecycle/events.ts";
import { attempt } from "../attempt.ts";
import { belongingOf, goneSight, sightOf } from "../sight.ts";
import { unlessMissing } from "./networks.ts";
import { calling, type Scene, type Tools } from "./scene.ts";

type ActOnVm = Extract<Effect, { kind: "act_on_vm" }>;

/** What each act leads to: a refusal is none where the VM is there already. */
const ALREADY: Readonly<Record<VmAct, readonly VmCondition[]>> = {
  terminate: ["ending", "done"],
  "terminate-hard": ["done"],
  delete: ["done"],
  retry: ["running", "starting", "done"],
  resume: ["running", "starting", "done"],
  boot: ["running", "starting", "done"],
  release: ["running", "starting", "done"],
};

export async function actOnVm({ vmId, act }: ActOnVm, scene: Scene, tools: Tools): Promise<FlowEvent> {
  const { cloud, patience } = tools;
  const { serviceId, owner } = scene;
  const isThere = async () => {
    const sight = await look(cloud, owner, vmId);
    if (sight === undefined) return false;
    tools.see(serviceId, sight);
    return ALREADY[act].includes(sight.condition);
  };
  await calling(callOf(act), async () => {
    await refuseStranger(cloud, scene, vmId);
    try {
      await attempt(
        {
          call: async () => {
            await perform(cloud, owner, vmId, act);
            return true;
          },
          find: async () => (await isThere()) || undefined,
        },
        patience,
      );
    } catch (error) {
      if (!isGatehouseError(error) || !(await isThere())) throw error;
    }
  });
  return { kind: "vm_acted", vmId, act };
}

/**
 * Whoever may write the document of an administrator's service may name any VM there.
 * @throws GatehouseError `forbidden` for a VM that is neither the owner's nor names the service
 */
async function refuseStranger(cloud: Cloud, { owner, serviceId }: Scene, vmId: number): Promise<void> {
  const vm = cloud.vms.peek(SYSTEM, vmId) ?? (await cloud.vms.get(SYSTEM, vmId).catch(unlessMissing));
  if (vm === undefined || vm.uid === owner.uid || belongingOf(vm)?.serviceId === serviceId) return;
  throw new GatehouseError("forbidden", `VM ${vmId} is not of this service, and not its owner's.`);
}

async function perform(cloud: Cloud, owner: Actor, vmId: number, act: VmAct): Promise<void> {
  switch (act) {
    case "delete":
      return await remove(cloud, owner, vmId);
    case "retry":
      return await cloud.vms.recover(owner, vmId, "retry");
    case "boot":
      return await cloud.vms.act(owner, vmId, "resume");
    default:
      return await cloud.vms.act(owner, vmId, act);
  }
}

/** one.vm.recover takes ADMIN, which owners rarely have; terminate-hard ends it as well and takes MANAGE. */
async function remove(cloud: Cloud, owner: Actor, vmId: number): Promise<void> {
  try {
    await cloud.vms.recover(owner, vmId, "delete");
  } catch (error) {
    if (!isGatehouseError(error) || error.code !== "forbidden") throw error;
    await cloud.vms.act(owner, vmId, "terminate-hard");
  }
}

function callOf(act: VmAct): string {
  return act === "delete" || act === "retry" ? "one.vm.recover" : "one.vm.action";
}

/** As the owner sees it; undefined: it is not the owner's to see. */
async function look(cloud: Cloud, owner: Actor, vmId: number): Promise<VmSight | undefined> {
  try {
    return sightOf(await cloud.vms.get(owner, vmId));
  } catch (error) {
    if (isGatehouseError(error) && error.code === "not_found") return goneSight(vmId);
    if (isGatehouseError(error) && error.code === "forbidden") return undefined;
    throw error;
  }
}
