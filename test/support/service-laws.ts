/** What holds of every service at every moment, and what a fair cloud leads it to. */

import type { Effect } from "../../gateway/oneflow/lifecycle/effects.ts";
import type { Flow } from "../../gateway/oneflow/lifecycle/flow.ts";
import type { Role } from "../../gateway/oneflow/model.ts";
import { ROLE_STATE } from "../../shared/states/role.ts";
import { SERVICE_STATE, serviceStateName } from "../../shared/states/service.ts";
import { act, type Turn, type World } from "./simulated-service.ts";

const STABLE: readonly string[] = [
  "RUNNING",
  "WARNING",
  "HOLD",
  "FAILED_DEPLOYING",
  "FAILED_SCALING",
  "FAILED_UNDEPLOYING",
  "FAILED_DEPLOYING_NETS",
  "FAILED_UNDEPLOYING_NETS",
];

export class BrokenLaw extends Error {}

function law(holds: boolean, sentence: string): void {
  if (!holds) throw new BrokenLaw(sentence);
}

/** The laws of a moment, and those of the steps that led there. */
export function checkTurn(before: World, { world, steps }: Turn): void {
  for (const { before: flow, step } of steps) {
    const { effects } = step;
    checkOrder(before, flow, step.flow, effects);
    checkSuccess(flow, step.flow);
    law(step.changed || sameBody(flow, step.flow), "a step that changed something says that it did not");
  }
  checkCardinality(world);
  checkEnd(world);
  if (isQuiet(world)) checkSettled(world);
  const late = world.exists && world.wakeAt !== undefined && world.wakeAt <= world.now && steps.length > 0;
  law(!late, "the next moment lies in the past");
}

function sameBody(one: Flow, other: Flow): boolean {
  return one.body === other.body && one.progress === other.progress;
}

function alive(world: World, role: string): number {
  return [...world.vms.values()].filter((vm) => vm.role === role && vm.condition !== "done").length;
}

function stillToMake(world: World, role: string): number {
  const counts = world.effects.map((effect) => {
    if (effect.kind === "make_vm" && effect.role === role) return 1;
    return effect.kind === "fill_router" && effect.role === role ? effect.count : 0;
  });
  return counts.reduce<number>((sum, count) => sum + count, 0);
}

function checkCardinality(world: World): void {
  for (const [role, most] of world.allowed)
    law(alive(world, role) + stillToMake(world, role) <= most, `role ${role} has more than ${most} VMs`);
}

function checkEnd(world: World): void {
  if (world.exists) return;
  law(
    [...world.vms.values()].every(({ condition }) => condition === "done"),
    "a VM outlives its service",
  );
  law(world.networks.size === 0, "a network outlives its service");
  law(world.routers.size === 0, "a router outlives its service");
}

/** Nothing is under way and nothing untold. */
export function isQuiet(world: World): boolean {
  return world.effects.length === 0 && world.answers.length === 0 && world.unseen.size === 0;
}

function checkSettled(world: World): void {
  if (!world.exists) return;
  law(world.flow.asked.size === 0, "something is asked for that nobody will answer");
  const nodes = new Set(
    world.flow.body.roles.flatMap(({ nodes = [] }) => nodes.map(({ deploy_id }) => deploy_id)),
  );
  for (const [vmId, { condition }] of world.vms)
    law(condition === "done" || nodes.has(vmId), `VM ${vmId} belongs to nobody`);
}

/** Parents run before their children start; children are gone before their parents are told to end. */
function checkOrder(world: World, before: Flow, after: Flow, effects: readonly Effect[]): void {
  if (after.body.deployment !== "straight") return;
  for (const role of after.body.roles) {
    const was = before.body.roles.find(({ name }) => name === role.name)?.state ?? ROLE_STATE.PENDING;
    const begun = was === ROLE_STATE.PENDING && role.state !== ROLE_STATE.PENDING;
    const ends = role.state === ROLE_STATE.UNDEPLOYING || role.state === ROLE_STATE.DONE;
    for (const parent of parentsOf(after, role))
      law(!begun || ends || parent.state === ROLE_STATE.RUNNING, `${role.name} begins before ${parent.name}`);
  }
  const { removing, force } = after.progress;
  if (after.body.state !== SERVICE_STATE.UNDEPLOYING || removing !== undefined || force === true) return;
  for (const effect of effects) {
    const name = effect.kind === "act_on_vm" ? world.vms.get(effect.vmId)?.role : undefined;
    if (name === undefined) continue;
    for (const child of after.body.roles.filter(({ parents = [] }) => parents.includes(name)))
      law(alive(world, child.name) === 0, `${name} is told to end before ${child.name} is gone`);
  }
}

function parentsOf(flow: Flow, role: Role): readonly Role[] {
  return flow.body.roles.filter(({ name }) => (role.parents ?? []).includes(name));
}

/** A role that was being made is RUNNING only with all its VMs, each of them up. */
function checkSuccess(before: Flow, after: Flow): void {
  for (const role of after.body.roles) {
    const was = before.body.roles.find(({ name }) => name === role.name)?.state;
    if (was !== ROLE_STATE.DEPLOYING || role.state !== ROLE_STATE.RUNNING) continue;
    const nodes = role.nodes ?? [];
    law(nodes.length >= role.cardinality, `role ${role.name} runs without all its VMs`);
    const gate = after.body.ready_status_gate === true;
    for (const { deploy_id } of nodes) {
      const sight = after.sights.get(deploy_id);
      const up = sight?.condition === "running" && (!gate || sight.ready);
      law(up, `role ${role.name} runs, but VM ${deploy_id} is not up`);
    }
  }
}

/** What a cloud does that works, and forgets nothing: the next turn, or undefined when nothing is left to do. */
export function fairTurn(world: World): Turn | undefined {
  if (!world.exists) return undefined;
  if (world.answers.length > 0) return act(world, { kind: "tell", index: 0 });
  const [unseen] = world.unseen;
  if (unseen !== undefined) return act(world, { kind: "see", vmId: unseen });
  if (world.effects.length > 0) return act(world, { kind: "do", index: 0, refuse: false });
  for (const [vmId, { condition, ready }] of world.vms) {
    if (condition === "starting") return act(world, { kind: "vm", vmId, to: "running" });
    if (condition === "ending") return act(world, { kind: "vm", vmId, to: "done" });
    if (condition === "running" && !ready) return act(world, { kind: "vm", vmId, to: "ready" });
  }
  return world.wakeAt === undefined ? undefined : act(world, { kind: "time" });
}

const MAX_FAIR_TURNS = 5_000;

/** Runs on with a fair cloud until nothing is left to do: that must be a stable state which owes nothing. */
export function checkLeadsToRest(start: World, knownGood: Set<string>): World {
  const passed: string[] = [];
  let world = start;
  for (let turns = 0; turns < MAX_FAIR_TURNS; turns += 1) {
    const key = keyOf(world);
    if (knownGood.has(key)) break;
    passed.push(key);
    const turn = fairTurn(world);
    if (turn === undefined) {
      checkRest(world);
      checkWayOut(world);
      break;
    }
    checkTurn(world, turn);
    world = turn.world;
    law(turns < MAX_FAIR_TURNS - 1, "the service never comes to rest");
  }
  for (const key of passed) knownGood.add(key);
  return world;
}

/** Runs on with a fair cloud, and gives the world at rest. */
function atRest(start: World): World {
  let world = start;
  for (let turn = fairTurn(world); turn !== undefined; turn = fairTurn(world)) {
    checkTurn(world, turn);
    world = turn.world;
  }
  checkRest(world);
  return world;
}

/** Each recover mends one step of the service; what its other roles came to meanwhile takes another. */
const MAX_RECOVERS = 3;

/** With a cloud that works, recover and release mend what went wrong, and recover --delete ends all. */
function checkWayOut(world: World): void {
  if (!world.exists) return;
  const ended = atRest(act(world, { kind: "command", command: { kind: "recover_delete" } }).world);
  law(!ended.exists, "recover --delete does not end the service");
  let mended = world;
  for (let times = 0; times < MAX_RECOVERS && !isWell(mended); times += 1) {
    const kind = mended.flow.body.state === SERVICE_STATE.HOLD ? "release" : "recover";
    mended = atRest(act(mended, { kind: "command", command: { kind } }).world);
  }
  law(isWell(mended), `recover leaves the service in ${serviceStateName(mended.flow.body.state)}`);
}

function isWell(world: World): boolean {
  return !world.exists || world.flow.body.state === SERVICE_STATE.RUNNING;
}

function checkRest(world: World): void {
  checkEnd(world);
  if (!world.exists) return;
  const state = serviceStateName(world.flow.body.state);
  law(STABLE.includes(state), `the service stays in ${state}`);
  checkSettled(world);
  if (state !== "RUNNING" && state !== "WARNING") return;
  for (const role of world.flow.body.roles)
    if (state === "RUNNING" && role.state === ROLE_STATE.RUNNING)
      law((role.nodes ?? []).length === role.cardinality, `role ${role.name} rests without all its VMs`);
}

/** Worlds of one key have the same future: logs and times do not matter, ids only by their order. */
export function keyOf(world: World): string {
  const { body, progress, asked, sights } = world.flow;
  const roles = body.roles.map(
    ({ name, state, cardinality, nodes = [], on_hold, last_vmname, scale_way }) => {
      return [
        name,
        state,
        cardinality,
        nodes.map(({ deploy_id }) => deploy_id),
        on_hold,
        last_vmname,
        scale_way,
      ];
    },
  );
  const { deadlines = [], cooldown, networksDeadline, ...rest } = progress;
  const waits = [
    deadlines.map(({ role }) => role),
    cooldown?.until !== undefined,
    networksDeadline !== undefined,
  ];
  const seen = [...sights].map(([vmId, { condition, ready }]) => `${vmId}${condition}${ready}`);
  const vms = [...world.vms].map(
    ([vmId, { role, condition, ready }]) => `${vmId}${role}${condition}${ready}`,
  );
  const text = JSON.stringify([
    world.exists,
    body.state,
    roles,
    rest,
    waits,
    [...asked].sort(),
    seen.sort(),
    vms,
    [...world.networks],
    [...world.routers],
    world.effects.map((effect) => JSON.stringify(effect)).sort(),
    world.answers.map((answer) => JSON.stringify(answer)).sort(),
    [...world.unseen].sort(),
  ]);
  return text;
}
