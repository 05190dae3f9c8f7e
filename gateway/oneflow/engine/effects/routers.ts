/** The virtual router of a VR role, and its VMs. */

import { templateFromJson } from "../../../../shared/template/json.ts";
import { type Template, vectorsOf } from "../../../../shared/template/types.ts";
import type { Actor } from "../../../cloud/actor.ts";
import type { Cloud } from "../../../cloud/cloud.ts";
import type { Router } from "../../../cloud/model.ts";
import type { Effect } from "../../lifecycle/effects.ts";
import type { FlowEvent } from "../../lifecycle/events.ts";
import type { Role } from "../../model.ts";
import type { OneFlowSettings } from "../../settings.ts";
import { attempt } from "../attempt.ts";
import { nameFrom } from "../names.ts";
import { belongingOf, isDone } from "../sight.ts";
import { contentsOf, vmText } from "../vm-text.ts";
import { parentValues } from "./make-vm.ts";
import { unlessMissing } from "./networks.ts";
import { calling, followOwner, refuseForeign, roleOf, type Scene, type Tools } from "./scene.ts";

type MakeRouter = Extract<Effect, { kind: "make_router" }>;
type FillRouter = Extract<Effect, { kind: "fill_router" }>;
type RemoveRouter = Extract<Effect, { kind: "remove_router" }>;

/** What of a role's contents is the router's own, and not its VMs'. */
const OF_THE_ROUTER = ["NAME", "NIC", "NIC_ALIAS"];

export async function makeRouter(effect: MakeRouter, scene: Scene, tools: Tools): Promise<FlowEvent> {
  const { cloud, patience } = tools;
  const { owner } = scene;
  const role = roleOf(scene, effect.role);
  const router = await calling("one.vrouter.allocate", async () => {
    const look = await parentValues(scene, role, tools);
    const contents = templateFromJson(contentsOf({ body: scene.body, role, look }));
    const NAME = routerName(scene, role, tools);
    const routerId = await attempt(
      {
        call: () => cloud.routers.allocate(owner, { ...contents, NAME }),
        find: async () => (await ownedRouter(cloud, owner, NAME))?.id,
        late: (surplus) => void cloud.routers.delete(owner, surplus).catch(() => undefined),
      },
      patience,
    );
    const made = await cloud.routers.get(owner, routerId);
    await followOwner(cloud.routers, routerId, scene, tools);
    return made;
  });
  return {
    kind: "router_made",
    role: effect.role,
    routerId: router.id,
    name: router.name,
    ips: floatingIps(router),
  };
}

/** By vr_name_template, unless the role's contents have a NAME of their own. */
export function routerName(
  { serviceId, document }: Pick<Scene, "serviceId" | "document">,
  role: Role,
  { settings }: { readonly settings: Pick<OneFlowSettings, "vrNameTemplate"> },
): string {
  const given = role.template_contents?.NAME;
  if (typeof given === "string" && given !== "") return given;
  return nameFrom(settings.vrNameTemplate, { serviceId, serviceName: document.name, role: role.name });
}

/** The router that was made for a service by this name. */
export async function ownedRouter(
  cloud: Pick<Cloud, "routers">,
  owner: Actor,
  name: string,
): Promise<Router | undefined> {
  const all = await cloud.routers.list(owner, { kind: "mine" });
  return all.find((router) => router.name === name);
}

export async function fillRouter(effect: FillRouter, scene: Scene, tools: Tools): Promise<FlowEvent> {
  const { patience } = tools;
  const role = roleOf(scene, effect.role);
  const vmIds = await calling("one.vrouter.instantiate", async () => {
    await refuseForeign(tools.cloud.routers, scene, effect.routerId);
    const find = () => strangersIn(effect, scene, tools);
    const left = await find();
    const missing = effect.count - left.length;
    if (missing <= 0) return left;
    const call = () => instantiate(effect, missing, role, scene, tools);
    const more = async () => {
      const found = (await find()).filter((id) => !left.includes(id));
      return found.length > 0 ? found : undefined;
    };
    return [...left, ...(await attempt({ call, find: more }, patience))];
  });
  const vms = await Promise.all(vmIds.map((vmId) => tools.adopt(scene.serviceId, vmId)));
  for (const vmId of vmIds) await followOwner(tools.cloud.vms, vmId, scene, tools);
  return { kind: "router_filled", role: effect.role, vms };
}

async function instantiate(
  { routerId, hold }: FillRouter,
  count: number,
  role: Role,
  scene: Scene,
  { cloud, settings }: Tools,
): Promise<readonly number[]> {
  const { serviceId, owner, document, body } = scene;
  const source = await cloud.templates.get(owner, role.template_id);
  const look = await parentValues(scene, role, { cloud });
  const text = vmText({ serviceId, body, role, look }, owner, source.template);
  const extra: Template = Object.fromEntries(
    Object.entries(text).filter(([name]) => !OF_THE_ROUTER.includes(name)),
  );
  // %i is the VM's number in the router.
  const parts = { serviceId, serviceName: document.name, role: role.name, number: "%i" };
  const name = nameFrom(settings.vmNameTemplate, parts);
  return await cloud.routers.instantiate(owner, routerId, {
    count,
    templateId: role.template_id,
    name,
    hold,
    extra,
  });
}

/** VMs of the router, made for the role, that are no nodes yet: an earlier call made them, and nobody wrote them down. */
async function strangersIn(effect: FillRouter, scene: Scene, { cloud }: Tools): Promise<readonly number[]> {
  const { owner, serviceId, body } = scene;
  const known = new Set(body.roles.flatMap(({ nodes }) => (nodes ?? []).map((node) => node.deploy_id)));
  const { vmIds } = await cloud.routers.get(owner, effect.routerId);
  const found: number[] = [];
  for (const vmId of vmIds.filter((id) => !known.has(id))) {
    const vm = await cloud.vms.get(owner, vmId);
    const belongs = belongingOf(vm);
    if (!isDone(vm) && belongs?.serviceId === serviceId && belongs.role === effect.role) found.push(vmId);
  }
  return found;
}

export async function removeRouter(effect: RemoveRouter, scene: Scene, tools: Tools): Promise<FlowEvent> {
  const { cloud, patience } = tools;
  const call = async () => {
    await refuseForeign(cloud.routers, scene, effect.routerId)
      .then(() => cloud.routers.delete(scene.owner, effect.routerId))
      .catch(unlessMissing);
    return true;
  };
  await calling("one.vrouter.delete", () => attempt({ call, find: async () => undefined }, patience));
  return { kind: "router_removed", role: effect.role };
}

/** Of the router's interfaces that have one. */
export function floatingIps({
  template,
}: Router): readonly { readonly NETWORK_ID: number; readonly VROUTER_IP: string }[] {
  return vectorsOf(template, "NIC").flatMap(({ NETWORK_ID, VROUTER_IP }) => {
    return VROUTER_IP === undefined ? [] : [{ NETWORK_ID: Number(NETWORK_ID), VROUTER_IP }];
  });
}
