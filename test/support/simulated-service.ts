/** A service over a cloud that exists only as a value: each thing that may happen next is an action, and gives the next world. */

import { type Effect, effectKey } from "../../gateway/oneflow/lifecycle/effects.ts";
import type {
  FlowEvent,
  ServiceCommand,
  VmCondition,
  VmSight,
} from "../../gateway/oneflow/lifecycle/events.ts";
import { type Flow, type FlowContext, newFlow, type Step } from "../../gateway/oneflow/lifecycle/flow.ts";
import { readProgress } from "../../gateway/oneflow/lifecycle/progress.ts";
import { step } from "../../gateway/oneflow/lifecycle/step.ts";
import { takeNew } from "../../gateway/oneflow/lifecycle/take-new.ts";
import type { ServiceNode, ServiceTemplateBody } from "../../gateway/oneflow/model.ts";
import { isGatehouseError } from "../../shared/errors.ts";

export interface SimulatedVm {
  readonly role: string;
  readonly condition: VmCondition;
  readonly ready: boolean;
}

export interface World {
  readonly flow: Flow;
  /** False once the document is removed. */
  readonly exists: boolean;
  readonly now: number;
  readonly wakeAt: number | undefined;
  readonly vms: ReadonlyMap<number, SimulatedVm>;
  /** What was made for the service besides VMs: network name, or role of a router, to its id. */
  readonly networks: ReadonlyMap<string, number>;
  readonly routers: ReadonlyMap<string, number>;
  readonly nextId: number;
  /** Asked for, not carried out. */
  readonly effects: readonly Effect[];
  /** Carried out, not told: the answer is made when it is told, so its sights are of that moment. */
  readonly answers: readonly Answer[];
  /** VMs that changed since they were last told of. */
  readonly unseen: ReadonlySet<number>;
  /** The most VMs that a role may have. */
  readonly allowed: ReadonlyMap<string, number>;
  /** The highest number of a VM of each role that was asked for. */
  readonly numbers: ReadonlyMap<string, number>;
}

type Answer =
  | { readonly kind: "event"; readonly event: FlowEvent }
  | { readonly kind: "made"; readonly role: string; readonly number: number; readonly vmId: number }
  | { readonly kind: "filled"; readonly role: string; readonly vmIds: readonly number[] };

export type Action =
  | { readonly kind: "do"; readonly index: number; readonly refuse: boolean }
  | { readonly kind: "tell"; readonly index: number; readonly twice?: boolean }
  | { readonly kind: "see"; readonly vmId: number }
  /** A sight of some time ago comes late; the VM is seen again afterwards. */
  | {
      readonly kind: "see late";
      readonly vmId: number;
      readonly condition: VmCondition;
      readonly ready: boolean;
    }
  | { readonly kind: "vm"; readonly vmId: number; readonly to: VmCondition | "ready" }
  | { readonly kind: "command"; readonly command: ServiceCommand }
  | { readonly kind: "crash" }
  | { readonly kind: "time" };

/** A world after an action, and the step that led there, if one was taken. */
export interface Turn {
  readonly world: World;
  readonly steps: readonly { readonly before: Flow; readonly step: Step }[];
}

export const STEP_TIMEOUT = 100_000;
const COOLDOWN_S = 10;

export function contextAt(now: number): FlowContext {
  return { now, defaultCooldown: COOLDOWN_S, shutdownAction: "terminate", stepTimeout: STEP_TIMEOUT };
}

export function nodeFor(vmId: number): ServiceNode {
  const VM = { ID: String(vmId), UID: "0", GID: "0", UNAME: "u", GNAME: "g", NAME: `vm-${vmId}` };
  return { deploy_id: vmId, vm_info: { VM } };
}

export function sightFor(vmId: number, condition: VmCondition, ready = false): VmSight {
  return { vmId, condition, ready, stateName: condition.toUpperCase() };
}

/** A new service that the house has just taken up. */
export function newWorld(template: ServiceTemplateBody): Turn {
  const now = 1_000_000;
  const body = takeNew(template, now);
  const world: World = {
    flow: newFlow(7, body, {}),
    exists: true,
    now,
    wakeAt: undefined,
    vms: new Map(),
    networks: new Map(),
    routers: new Map(),
    nextId: 0,
    effects: [],
    answers: [],
    unseen: new Set(),
    allowed: new Map(template.roles.map(({ name, cardinality }) => [name, cardinality])),
    numbers: new Map(),
  };
  return take(world, { kind: "taken_up", vms: [], networks: new Map(), routers: new Map() });
}

/** @throws Error when the life cycle takes a command that changes nothing legal; refusals leave the world as it is. */
export function act(world: World, action: Action): Turn {
  switch (action.kind) {
    case "do":
      return carryOut(world, action.index, action.refuse);
    case "tell":
      return tell(world, action.index, action.twice === true);
    case "see":
      return take(
        { ...world, unseen: without(world.unseen, action.vmId) },
        { kind: "vms_seen", sights: [sightOf(world, action.vmId)] },
      );
    case "see late": {
      const { vmId, condition, ready } = action;
      const unseen = new Set([...world.unseen, vmId]);
      return take({ ...world, unseen }, { kind: "vms_seen", sights: [sightFor(vmId, condition, ready)] });
    }
    case "vm":
      return { world: changeVm(world, action.vmId, action.to), steps: [] };
    case "command":
      return command(world, action.command);
    case "crash":
      return crash(world);
    case "time":
      return take({ ...world, now: world.wakeAt ?? world.now }, { kind: "time" });
  }
}

function take(world: World, event: FlowEvent): Turn {
  if (!world.exists) return { world, steps: [] };
  const taken = step(world.flow, event, contextAt(world.now));
  const wanted = taken.effects.filter((effect) => effectKey(effect) !== undefined);
  const numbers = new Map(world.numbers);
  for (const effect of wanted) {
    if (effect.kind !== "make_vm") continue;
    if (effect.number <= (numbers.get(effect.role) ?? -1))
      throw new Error(`the number ${effect.number} of ${effect.role} is given twice`);
    numbers.set(effect.role, effect.number);
  }
  const next: World = {
    ...world,
    flow: taken.flow,
    wakeAt: taken.wakeAt,
    numbers,
    exists: event.kind !== "document_removed",
    effects: [...world.effects, ...wanted],
  };
  return { world: next, steps: [{ before: world.flow, step: taken }] };
}

function command(world: World, wanted: ServiceCommand): Turn {
  let turn: Turn;
  try {
    turn = take(world, { kind: "command", command: wanted });
  } catch (error) {
    if (isGatehouseError(error)) return { world, steps: [] };
    throw error;
  }
  const allowed = new Map(turn.world.allowed);
  for (const role of turn.world.flow.body.roles) {
    const before = world.flow.body.roles.find(({ name }) => name === role.name)?.cardinality ?? 0;
    if (wanted.kind === "scale" && wanted.role === role.name)
      allowed.set(role.name, Math.max(before, role.cardinality));
    else if (!allowed.has(role.name)) allowed.set(role.name, role.cardinality);
  }
  return { ...turn, world: { ...turn.world, allowed } };
}

/** The process ends between any two moments, and another takes the service up as it was written down. */
function crash(world: World): Turn {
  const { body, progress } = world.flow;
  const kept = readProgress(JSON.parse(JSON.stringify(progress)));
  const flow = newFlow(world.flow.id, JSON.parse(JSON.stringify(body)), kept);
  const asleep = { ...world, flow, effects: [], answers: [], unseen: new Set<number>() };
  const vms = [...world.vms].map(([vmId, { role }]) => {
    return { role, node: nodeFor(vmId), sight: sightOf(world, vmId) };
  });
  const written = (name: string) =>
    (body.networks_values ?? []).some((entry) => entry[name]?.id !== undefined);
  const networks = new Map([...world.networks].filter(([name]) => !written(name)));
  return take(asleep, { kind: "taken_up", vms, networks, routers: world.routers });
}

function carryOut(world: World, index: number, refuse: boolean): Turn {
  const effect = world.effects[index];
  if (effect === undefined) return { world, steps: [] };
  const rest = { ...world, effects: world.effects.toSpliced(index, 1) };
  const changed = refuse ? { world: rest, answer: refusalOf(effect) } : done(rest, effect);
  return { world: { ...changed.world, answers: [...changed.world.answers, changed.answer] }, steps: [] };
}

function refusalOf(effect: Effect): Answer {
  const message = "refused";
  switch (effect.kind) {
    case "make_network":
      return told({ kind: "network_not_made", name: effect.name, message });
    case "remove_network":
      return told({ kind: "network_not_removed", name: effect.name, message });
    case "make_vm":
      return told({ kind: "vm_not_made", role: effect.role, number: effect.number, templateId: 1, message });
    case "act_on_vm":
      return told({ kind: "vm_not_acted", vmId: effect.vmId, act: effect.act, message });
    case "make_router":
    case "fill_router":
      return told({ kind: "router_not_made", role: effect.role, message });
    case "remove_router":
      return told({ kind: "router_not_removed", role: effect.role, message });
    case "remove_document":
      return told({ kind: "document_not_removed", message });
    case "note":
      throw new Error("a note has no end");
  }
}

function told(event: FlowEvent): Answer {
  return { kind: "event", event };
}

type Done = { readonly world: World; readonly answer: Answer };

function done(world: World, effect: Effect): Done {
  const id = world.nextId;
  const later = { ...world, nextId: id + 1 };
  switch (effect.kind) {
    case "make_network": {
      const networks = new Map(world.networks).set(effect.name, id);
      return { world: { ...later, networks }, answer: told({ kind: "network_made", name: effect.name, id }) };
    }
    case "remove_network": {
      const networks = new Map([...world.networks].filter(([name]) => name !== effect.name));
      return { world: { ...world, networks }, answer: told({ kind: "network_removed", name: effect.name }) };
    }
    case "make_vm":
      return {
        world: withVm(later, id, effect.role, effect.hold),
        answer: { kind: "made", role: effect.role, number: effect.number, vmId: id },
      };
    case "act_on_vm":
      return actOnVm(world, effect);
    case "make_router": {
      const routers = new Map(world.routers).set(effect.role, id);
      const event: FlowEvent = { kind: "router_made", role: effect.role, routerId: id, ips: [] };
      return { world: { ...later, routers }, answer: told(event) };
    }
    case "fill_router": {
      const vmIds = Array.from({ length: effect.count }, (_, index) => id + index);
      const filled = vmIds.reduce((next, vmId) => withVm(next, vmId, effect.role, effect.hold), world);
      return {
        world: { ...filled, nextId: id + effect.count },
        answer: { kind: "filled", role: effect.role, vmIds },
      };
    }
    case "remove_router": {
      const routers = new Map([...world.routers].filter(([role]) => role !== effect.role));
      const ending = [...world.vms].filter(([, vm]) => vm.role === effect.role && vm.condition !== "done");
      const without = ending.reduce<World>((next, [vmId]) => changeVm(next, vmId, "ending"), {
        ...world,
        routers,
      });
      return { world: without, answer: told({ kind: "router_removed", role: effect.role }) };
    }
    case "remove_document":
      return { world, answer: told({ kind: "document_removed" }) };
    case "note":
      throw new Error("a note has no end");
  }
}

/** What the cloud would refuse it refuses here too. */
function actOnVm(world: World, effect: Extract<Effect, { kind: "act_on_vm" }>): Done {
  const { vmId, act: wanted } = effect;
  const condition = world.vms.get(vmId)?.condition;
  const allowed: { readonly [act: string]: readonly (VmCondition | undefined)[] } = {
    terminate: ["starting", "held", "running", "failed", "unknown", "powered_off", "resting"],
    "terminate-hard": ["starting", "held", "running", "failed", "unknown", "powered_off", "resting"],
    delete: ["starting", "held", "running", "failed", "unknown", "powered_off", "resting", "ending"],
    resume: ["powered_off", "resting"],
    boot: ["unknown"],
    release: ["held"],
  };
  if (allowed[wanted]?.includes(condition) !== true) return { world, answer: refusalOf(effect) };
  const to: VmCondition = wanted === "delete" ? "done" : "starting";
  const next = wanted.startsWith("terminate") ? "ending" : to;
  return { world: changeVm(world, vmId, next), answer: told({ kind: "vm_acted", vmId, act: wanted }) };
}

function withVm(world: World, vmId: number, role: string, hold: boolean): World {
  const condition = hold ? "held" : "starting";
  return { ...world, vms: new Map(world.vms).set(vmId, { role, condition, ready: false }) };
}

export function changeVm(world: World, vmId: number, to: VmCondition | "ready"): World {
  const vm = world.vms.get(vmId);
  if (vm === undefined || vm.condition === "done") return world;
  const changed = to === "ready" ? { ...vm, ready: true } : { ...vm, condition: to };
  return {
    ...world,
    vms: new Map(world.vms).set(vmId, changed),
    unseen: new Set([...world.unseen, vmId]),
  };
}

function tell(world: World, index: number, twice: boolean): Turn {
  const answer = world.answers[index];
  if (answer === undefined) return { world, steps: [] };
  const event = eventOf(world, answer);
  const first = take({ ...world, answers: world.answers.toSpliced(index, 1) }, event);
  if (!twice) return first;
  const second = take(first.world, event);
  return { world: second.world, steps: [...first.steps, ...second.steps] };
}

function eventOf(world: World, answer: Answer): FlowEvent {
  switch (answer.kind) {
    case "event":
      return answer.event;
    case "made":
      return {
        kind: "vm_made",
        role: answer.role,
        number: answer.number,
        node: nodeFor(answer.vmId),
        sight: sightOf(world, answer.vmId),
      };
    case "filled": {
      const vms = answer.vmIds.map((vmId) => ({ node: nodeFor(vmId), sight: sightOf(world, vmId) }));
      return { kind: "router_filled", role: answer.role, vms };
    }
  }
}

function sightOf(world: World, vmId: number): VmSight {
  const vm = world.vms.get(vmId);
  return sightFor(vmId, vm?.condition ?? "done", vm?.ready ?? false);
}

function without(set: ReadonlySet<number>, item: number): ReadonlySet<number> {
  return new Set([...set].filter((other) => other !== item));
}
