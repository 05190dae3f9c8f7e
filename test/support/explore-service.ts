/** Every way a small service can go, breadth first, up to a depth; worlds of the same future are walked once. */

import type { ServiceCommand, VmCondition } from "../../gateway/oneflow/lifecycle/events.ts";
import type { ServiceTemplateBody } from "../../gateway/oneflow/model.ts";
import { checkLeadsToRest, checkTurn, keyOf } from "./service-laws.ts";
import { type Action, act, newWorld, type World } from "./simulated-service.ts";

export interface Exploration {
  readonly template: ServiceTemplateBody;
  readonly commands: readonly ServiceCommand[];
  /** Actions from the start, or from where the service first rests. */
  readonly depth: number;
  readonly from: "start" | "rest";
  /** No more worlds than this are walked. */
  readonly worlds?: number;
}

export interface Explored {
  readonly worlds: number;
  readonly depth: number;
}

/** @throws Error that names the actions which led to a broken law. */
export function explore({ template, commands, depth, from, worlds = Infinity }: Exploration): Explored {
  const good = new Set<string>();
  const start = newWorld(template);
  const first = from === "start" ? start.world : checkLeadsToRest(start.world, good);
  const seen = new Set([keyOf(first)]);
  let edge: { world: World; path: readonly Action[] }[] = [{ world: first, path: [] }];
  let reached = 0;
  while (reached < depth && edge.length > 0 && seen.size < worlds) {
    const next: typeof edge = [];
    for (const { world, path } of edge) {
      for (const action of actionsOf(world, commands)) {
        const way = [...path, action];
        const after = check(world, action, way, good);
        const key = keyOf(after);
        if (seen.has(key)) continue;
        seen.add(key);
        next.push({ world: after, path: way });
      }
      if (seen.size >= worlds) break;
    }
    edge = next;
    reached += 1;
  }
  return { worlds: seen.size, depth: reached };
}

function check(world: World, action: Action, way: readonly Action[], good: Set<string>): World {
  try {
    const turn = act(world, action);
    checkTurn(world, turn);
    checkLeadsToRest(turn.world, good);
    return turn.world;
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${text}, after ${JSON.stringify(way)}`, { cause });
  }
}

/** What may happen next, by the cloud, by people, by the process's end. */
export function actionsOf(world: World, commands: readonly ServiceCommand[]): readonly Action[] {
  if (!world.exists) return [];
  return [
    ...world.effects.flatMap((_, index): Action[] => [
      { kind: "do", index, refuse: false },
      { kind: "do", index, refuse: true },
    ]),
    ...world.answers.flatMap((_, index): Action[] => [
      { kind: "tell", index },
      { kind: "tell", index, twice: true },
    ]),
    ...[...world.unseen].map((vmId): Action => ({ kind: "see", vmId })),
    ...[...world.vms].flatMap(([vmId, { condition, ready }]) =>
      WAYS[condition]
        .filter((to) => to !== "ready" || !ready)
        .map((to): Action => ({ kind: "vm", vmId, to })),
    ),
    ...commands.map((command): Action => ({ kind: "command", command })),
    { kind: "crash" },
    ...(world.wakeAt === undefined ? [] : [{ kind: "time" } satisfies Action]),
  ];
}

/** What becomes of a VM by itself, or by hand. */
const WAYS: { readonly [condition in VmCondition]: readonly (VmCondition | "ready")[] } = {
  starting: ["running", "failed", "done"],
  held: ["starting", "done"],
  running: ["ready", "done", "powered_off", "unknown", "failed"],
  failed: ["running", "ending"],
  unknown: ["running"],
  powered_off: ["starting"],
  resting: ["starting"],
  ending: ["done", "running"],
  done: [],
};
