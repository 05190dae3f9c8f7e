import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../gateway/cloud/model.ts";
import type { VmCondition } from "../../gateway/oneflow/lifecycle/events.ts";
import { newFlow } from "../../gateway/oneflow/lifecycle/flow.ts";
import { readProgress } from "../../gateway/oneflow/lifecycle/progress.ts";
import { readServiceBody } from "../../gateway/oneflow/schema/read.ts";
import { serviceStateName } from "../../shared/states/service.ts";
import { type Random, seededRandom } from "../support/random.ts";
import { fairTurn, isQuiet } from "../support/service-laws.ts";
import { template } from "../support/service-templates.ts";
import { act, newWorld, type SimulatedVm, type Turn, type World } from "../support/simulated-service.ts";

const SERVICES = 2_000;
const MAX_TURNS = 500;
const NAMES = ["a", "b", "c"] as const;
const CONDITIONS: readonly VmCondition[] = [
  ...(["starting", "held", "running", "failed", "unknown"] as const),
  ...(["powered_off", "resting", "ending", "done"] as const),
];
const BETWEEN = /^(PENDING|DEPLOYING|UNDEPLOYING|SCALING|COOLDOWN)(_NETS)?$/;

/** A service in any state, with roles in any states, as another house or somebody's hand may have written it. */
function strangeWorld(random: Random): World {
  const vms = new Map<number, SimulatedVm>();
  const names = NAMES.slice(0, 1 + random.integer(NAMES.length));
  // One role at a time scales, whoever wrote it.
  const scaling = random.pick(names);
  const roles = names.map((name, index): JsonObject => {
    const nodes = Array.from({ length: random.integer(4) }, (_, place) => {
      const vmId = index * 10 + place;
      const condition = random.pick(CONDITIONS);
      // Of some there is no VM any more.
      if (random.integer(6) > 0) vms.set(vmId, { role: name, condition, ready: random.integer(2) === 0 });
      return { deploy_id: vmId };
    });
    const state = random.integer(13);
    return {
      name,
      type: random.pick(["vm", "vm", "vr"]),
      template_id: 0,
      cardinality: random.integer(4),
      state: state === 8 && name !== scaling ? 2 : state,
      on_hold: random.integer(4) === 0,
      parents: random.integer(2) === 0 ? [random.pick(names)] : [],
      nodes,
    };
  });
  const more = {
    deployment: random.pick(["none", "straight"]),
    state: random.integer(17),
    ready_status_gate: random.integer(3) === 0,
    automatic_deletion: random.integer(4) === 0,
  };
  const remembered = random.pick([
    {},
    { deadlines: [{ role: "zz", at: 0 }], networksDeadline: 0, ownNetworks: ["strange"] },
    { removing: random.pick(["zz", ...NAMES]), healing: ["zz", "a"], cooldown: { seconds: 1, until: 9 } },
  ]);
  const flow = newFlow(7, readServiceBody(template(roles, more), 7), readProgress(remembered));
  const { world } = newWorld({ name: "s", deployment: "none", roles: [] });
  return act({ ...world, flow, vms, nextId: 100, effects: [], allowed: new Map() }, { kind: "crash" }).world;
}

/** What is asked is done and told, and time goes on; no VM moves by itself. */
function frozenTurn(world: World): Turn | undefined {
  if (world.exists && isQuiet(world))
    return world.wakeAt === undefined ? undefined : act(world, { kind: "time" });
  const [unseen] = world.unseen;
  if (world.answers.length > 0) return act(world, { kind: "tell", index: 0 });
  if (unseen !== undefined) return act(world, { kind: "see", vmId: unseen });
  return world.exists ? act(world, { kind: "do", index: 0, refuse: false }) : undefined;
}

/** The state in which nothing more happens. */
function rest(start: World, turn: typeof frozenTurn): { readonly world: World; readonly state: string } {
  let world = start;
  for (let turns = 0; turns < MAX_TURNS; turns += 1) {
    const next = world.exists ? turn(world) : undefined;
    if (next === undefined)
      return { world, state: world.exists ? serviceStateName(world.flow.body.state) : "removed" };
    world = next.world;
  }
  return { world, state: "no rest" };
}

describe("a service that somebody else wrote, in whatever states", () => {
  const random = seededRandom(6);
  const services = Array.from({ length: SERVICES }, () => strangeWorld(random));

  it("never stays between two states without a deadline, though no VM moves", () => {
    for (const start of services) {
      const { state } = rest(start, frozenTurn);
      expect(state).not.toMatch(BETWEEN);
      expect(state).not.toBe("no rest");
    }
  });

  it("is ended by recover --delete, with every VM that it had or that was made for it", () => {
    for (const start of services) {
      const { world } = act(start, { kind: "command", command: { kind: "recover_delete" } });
      const end = rest(world, fairTurn);
      expect(end.state).toBe("removed");
      const left = [...end.world.vms].filter(([, { condition }]) => condition !== "done");
      expect(left).toEqual([]);
    }
  });

  it("is ended by undeploy, though its parents go in a circle", () => {
    const circle = (state: number) =>
      template(
        [
          { name: "a", type: "vm", template_id: 0, state, parents: ["b"] },
          { name: "b", type: "vm", template_id: 0, state, parents: ["a"] },
        ],
        { deployment: "straight", state: 2 },
      );
    const { world } = newWorld({ name: "s", deployment: "none", roles: [] });
    const flow = newFlow(7, readServiceBody(circle(2), 7), {});
    const start = act({ ...world, flow, effects: [] }, { kind: "crash" }).world;
    const { world: ending } = act(start, { kind: "command", command: { kind: "undeploy" } });
    expect(rest(ending, fairTurn).state).toBe("removed");
  });
});
