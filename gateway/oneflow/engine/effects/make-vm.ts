/** Makes a VM of a role out of the cloud's VM template, as the service's owner. */

import { vmToDocument } from "../../../cloud/document/vm.ts";
import type { JsonObject, Vm } from "../../../cloud/model.ts";
import type { Effect } from "../../lifecycle/effects.ts";
import type { FlowEvent } from "../../lifecycle/events.ts";
import type { Role } from "../../model.ts";
import { attempt } from "../attempt.ts";
import { nameFrom } from "../names.ts";
import { hasReference, type ParentValue, valueAt } from "../parent-values.ts";
import { belongingOf, isDone } from "../sight.ts";
import { vmText } from "../vm-text.ts";
import { calling, followOwner, roleOf, type Scene, type Tools } from "./scene.ts";

type MakeVm = Extract<Effect, { kind: "make_vm" }>;

export async function makeVm(effect: MakeVm, scene: Scene, tools: Tools): Promise<FlowEvent> {
  const { cloud, patience, settings } = tools;
  const { serviceId, owner, document } = scene;
  const { role: roleName, number, hold } = effect;
  const role = roleOf(scene, roleName);
  const name = nameFrom(settings.vmNameTemplate, {
    serviceId,
    serviceName: document.name,
    role: roleName,
    number: String(number),
  });
  const vmId = await calling("one.template.instantiate", async () => {
    const look = await parentValues(scene, role, tools);
    return await attempt(
      {
        async call() {
          const source = await cloud.templates.get(owner, role.template_id);
          const extra = vmText({ serviceId, body: scene.body, role, look }, owner, source.template);
          return await cloud.templates.instantiate(owner, role.template_id, { name, hold, extra });
        },
        find: async () => (await findVm(scene, roleName, name, tools))?.id,
        late: (surplus) => removeSurplus(surplus, scene, tools),
      },
      patience,
    );
  });
  const { node, sight } = await tools.adopt(serviceId, vmId);
  await followOwner(cloud.vms, vmId, scene, tools);
  return { kind: "vm_made", role: roleName, number, node, sight };
}

/** A VM of this name that was made for the role, and that no node is. */
async function findVm(scene: Scene, role: string, name: string, { cloud }: Tools): Promise<Vm | undefined> {
  const known = new Set(scene.body.roles.flatMap(({ nodes }) => (nodes ?? []).map((node) => node.deploy_id)));
  const all = await cloud.vms.list(scene.owner, { kind: "mine" });
  return all.find((vm) => {
    const belongs = belongingOf(vm);
    return (
      vm.name === name &&
      !isDone(vm) &&
      !known.has(vm.id) &&
      belongs?.serviceId === scene.serviceId &&
      belongs.role === role
    );
  });
}

/** A call that nobody waited for any more made one VM too many. */
function removeSurplus(vmId: number, { owner, serviceId }: Scene, { cloud, log }: Tools): void {
  log.warn({ serviceId, vmId }, "A VM was made later than the cloud had time for, and is ended");
  cloud.vms.act(owner, vmId, "terminate-hard").catch((err: unknown) => {
    log.error({ serviceId, vmId, err }, "A VM that was made once too often could not be ended");
  });
}

/** What the role's contents may read of its parents' VMs; nothing unless they are parents under `straight`. */
export async function parentValues(
  { body, owner }: Scene,
  role: Role,
  { cloud }: Pick<Tools, "cloud">,
): Promise<ParentValue> {
  const parents = new Map<string, readonly JsonObject[]>();
  if (body.deployment === "straight" && hasReference(role.template_contents)) {
    for (const parent of body.roles.filter(({ name }) => role.parents?.includes(name))) {
      const vms = (parent.nodes ?? []).map(({ deploy_id }) => cloud.vms.get(owner, deploy_id));
      const found = (await Promise.allSettled(vms)).filter((result) => result.status === "fulfilled");
      parents.set(
        parent.name,
        found.map(({ value }) => vmToDocument(value)),
      );
    }
  }
  return (parent, path) => {
    for (const vm of parents.get(parent) ?? []) {
      const value = valueAt(vm, path);
      if (value !== undefined) return value;
    }
    return undefined;
  };
}
