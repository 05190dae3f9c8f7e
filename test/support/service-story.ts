/** A simulated service told as a story: what happens, and how the service then stands. */

import type { ServiceCommand, VmCondition } from "../../gateway/oneflow/lifecycle/events.ts";
import { step } from "../../gateway/oneflow/lifecycle/step.ts";
import type { ServiceBody, ServiceTemplateBody } from "../../gateway/oneflow/model.ts";
import { roleStateName } from "../../shared/states/role.ts";
import { serviceStateName } from "../../shared/states/service.ts";
import { checkTurn, fairTurn } from "./service-laws.ts";
import { type Action, act, contextAt, newWorld, type World } from "./simulated-service.ts";

export interface Story {
  readonly world: World;
  readonly body: ServiceBody;
  /** `removed` once the document is gone. */
  readonly state: string;
  /** Names of role states by role. */
  readonly roles: { readonly [name: string]: string };
  readonly messages: readonly string[];
  /** What is asked for now, as `kind subject`. */
  readonly asked: readonly string[];
  /** Ids of VMs that are not done. */
  readonly alive: readonly number[];
  /** One action of the cloud or of people. */
  happens(action: Action): Story;
  /** A refused command leaves all as it is. */
  commands(command: ServiceCommand): Story;
  /** The same, but a refusal is thrown. */
  obeys(command: ServiceCommand): Story;
  /** The VM changes, and the service is told. */
  vm(vmId: number, to: VmCondition | "ready"): Story;
  /** Everything asked is done (or refused, where `refuses` says so) and told; no VM moves by itself. */
  answered(refuses?: RegExp): Story;
  /** All goes well until nothing more happens. */
  settled(): Story;
  crashes(): Story;
  /** Time goes on to the next moment that the service waits for. */
  waits(): Story;
}

export function storyOf(template: ServiceTemplateBody): Story {
  return tell(newWorld(template).world);
}

function tell(world: World): Story {
  const { body } = world.flow;
  return {
    world,
    body,
    state: world.exists ? serviceStateName(body.state) : "removed",
    roles: Object.fromEntries(body.roles.map(({ name, state }) => [name, roleStateName(state)])),
    messages: (body.log ?? []).map(({ message }) => message),
    asked: world.effects.map((effect) => nameOf(effect)),
    alive: [...world.vms].flatMap(([vmId, { condition }]) => (condition === "done" ? [] : [vmId])),
    happens: (action) => tell(turn(world, action)),
    commands: (command) => tell(turn(world, { kind: "command", command })),
    obeys: (command) => {
      step(world.flow, { kind: "command", command }, contextAt(world.now));
      return tell(turn(world, { kind: "command", command }));
    },
    vm: (vmId, to) => tell(turn(turn(world, { kind: "vm", vmId, to }), { kind: "see", vmId })),
    answered: (refuses) => tell(answerAll(world, refuses)),
    settled: () => tell(settle(world)),
    crashes: () => tell(turn(world, { kind: "crash" })),
    waits: () => tell(turn(world, { kind: "time" })),
  };
}

function turn(world: World, action: Action): World {
  const next = act(world, action);
  checkTurn(world, next);
  return next.world;
}

function nameOf(effect: object): string {
  return Object.values(effect).map(String).join(" ");
}

function answerAll(start: World, refuses?: RegExp): World {
  let world = start;
  while (world.effects.length > 0 || world.answers.length > 0 || world.unseen.size > 0) {
    const [unseen] = world.unseen;
    const [effect] = world.effects;
    if (world.answers.length > 0) world = turn(world, { kind: "tell", index: 0 });
    else if (unseen !== undefined) world = turn(world, { kind: "see", vmId: unseen });
    else if (effect !== undefined)
      world = turn(world, { kind: "do", index: 0, refuse: refuses?.test(nameOf(effect)) === true });
  }
  return world;
}

function settle(start: World): World {
  let world = start;
  for (let next = fairTurn(world); next !== undefined; next = fairTurn(world)) {
    checkTurn(world, next);
    world = next.world;
  }
  return world;
}
