/** Does what the life cycle wants done, and tells how it ended. */

import type { Effect } from "../../lifecycle/effects.ts";
import type { FlowEvent } from "../../lifecycle/events.ts";
import { Abandoned } from "../attempt.ts";
import { actOnVm } from "./act-on-vm.ts";
import { makeVm } from "./make-vm.ts";
import { makeNetwork, removeNetwork } from "./networks.ts";
import { fillRouter, makeRouter, removeRouter } from "./routers.ts";
import { reasonOf, type Scene, type Tools } from "./scene.ts";

/** What is done on the cloud; a note is a line of a file, and the document is the engine's own. */
export type CloudEffect = Exclude<Effect, { kind: "note" | "remove_document" }>;

/** Never rejects; undefined: the house closes, and the next start sees to it. */
export async function perform(
  effect: CloudEffect,
  scene: () => Promise<Scene>,
  tools: Tools,
  serviceId: number,
): Promise<FlowEvent | undefined> {
  let body: Scene["body"] | undefined;
  try {
    const present = await scene();
    body = present.body;
    return await run(effect, present, tools);
  } catch (error) {
    if (error instanceof Abandoned) return undefined;
    return failureOf(effect, reasonOf(error, tools, serviceId), body);
  }
}

async function run(effect: CloudEffect, scene: Scene, tools: Tools): Promise<FlowEvent> {
  switch (effect.kind) {
    case "make_vm":
      return await makeVm(effect, scene, tools);
    case "act_on_vm":
      return await actOnVm(effect, scene, tools);
    case "make_network":
      return await makeNetwork(effect, scene, tools);
    case "remove_network":
      return await removeNetwork(effect, scene, tools);
    case "make_router":
      return await makeRouter(effect, scene, tools);
    case "fill_router":
      return await fillRouter(effect, scene, tools);
    case "remove_router":
      return await removeRouter(effect, scene, tools);
  }
}

function failureOf(effect: CloudEffect, message: string, body: Scene["body"] | undefined): FlowEvent {
  switch (effect.kind) {
    case "make_vm": {
      const { role, number } = effect;
      const templateId = body?.roles.find(({ name }) => name === role)?.template_id ?? -1;
      return { kind: "vm_not_made", role, number, templateId, message };
    }
    case "act_on_vm":
      return { kind: "vm_not_acted", vmId: effect.vmId, act: effect.act, message };
    case "make_network":
      return { kind: "network_not_made", name: effect.name, message };
    case "remove_network":
      return { kind: "network_not_removed", name: effect.name, message };
    case "make_router":
    case "fill_router":
      return { kind: "router_not_made", role: effect.role, message };
    case "remove_router":
      return { kind: "router_not_removed", role: effect.role, message };
  }
}
