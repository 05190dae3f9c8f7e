/** Larger services on random ways: what the breadth of an exploration cannot reach. */

import fc from "fast-check";
import type { ServiceCommand, VmCondition } from "../../gateway/oneflow/lifecycle/events.ts";
import type { RoleTemplate, ServiceTemplateBody } from "../../gateway/oneflow/model.ts";
import { actionsOf } from "./explore-service.ts";
import { checkLeadsToRest, checkTurn, fairTurn } from "./service-laws.ts";
import { type Action, act, newWorld, type World } from "./simulated-service.ts";

const NAMES = ["a", "b", "c", "d", "e"];

/** Parents are roles of an earlier name, so that there is an order. */
const role = (index: number): fc.Arbitrary<RoleTemplate> =>
  fc
    .record({
      cardinality: fc.nat(6),
      parents: fc.subarray(NAMES.slice(0, index)),
      on_hold: fc.boolean(),
      router: fc.integer({ min: 0, max: 4 }),
    })
    .map(({ cardinality, parents, on_hold, router }) => {
      const parts = { name: NAMES[index] ?? "", cardinality, parents, on_hold, template_id: 1 };
      return router === 0 ? { ...parts, type: "vr" } : { ...parts, type: "vm" };
    });

const service: fc.Arbitrary<ServiceTemplateBody> = fc
  .record({
    deployment: fc.constantFrom("straight" as const, "none" as const),
    ready_status_gate: fc.boolean(),
    automatic_deletion: fc.boolean(),
    on_hold: fc.boolean(),
    network: fc.boolean(),
    roles: fc
      .integer({ min: 1, max: NAMES.length })
      .chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => role(index)))),
  })
  .map(({ network, ...parts }) => {
    const networks_values = [{ Private: { template_id: 1 } }];
    return { name: "s", ...parts, ...(network && { networks_values }) };
  });

/** Most of the time the cloud works; the rest of the time anything goes. */
const choices = fc.array(
  fc.record({ fair: fc.integer({ min: 0, max: 2 }), pick: fc.nat(10_000), other: fc.nat(10_000) }),
  { maxLength: 250 },
);

/** @throws what fast-check throws, with the smallest way to a broken law. */
export function roam(runs: number, seed: number): void {
  fc.assert(
    fc.property(service, choices, (template, ways) => {
      let world = newWorld(template).world;
      for (const { fair, pick, other } of ways) {
        const turn = (fair > 0 ? fairTurn(world) : undefined) ?? act(world, choose(world, pick, other));
        checkTurn(world, turn);
        world = turn.world;
      }
      checkLeadsToRest(world, new Set());
    }),
    { numRuns: runs, seed },
  );
}

function choose(world: World, pick: number, other: number): Action {
  const actions = [...actionsOf(world, commandsFor(world, other)), ...lateSights(world, other)];
  return actions[pick % Math.max(1, actions.length)] ?? { kind: "time" };
}

function commandsFor(world: World, other: number): readonly ServiceCommand[] {
  const name = NAMES[other % NAMES.length] ?? "";
  return [
    { kind: "scale", role: name, cardinality: other % 9, force: other % 2 === 0 },
    { kind: "recover" },
    { kind: "release" },
    { kind: "remove_role", role: name },
    {
      kind: "add_role",
      role: { name: `x${other % 3}`, type: "vm", cardinality: other % 4, template_id: 1, state: 0 },
    },
    // An end ends the way too: it comes seldom.
    ...(other % 10 === 0 ? [{ kind: "undeploy" } as const, { kind: "recover_delete" } as const] : []),
    ...(other % 7 === 0 ? [{ kind: "update", body: world.flow.body } as const] : []),
  ];
}

const EARLIER: readonly VmCondition[] = ["starting", "running", "ending"];

function lateSights(world: World, other: number): readonly Action[] {
  // One on hold has no earlier life.
  const vmIds = [...world.vms].flatMap(([vmId, vm]) => (vm.condition === "held" ? [] : [vmId]));
  const vmId = vmIds[other % Math.max(1, vmIds.length)];
  const condition = EARLIER[other % EARLIER.length] ?? "starting";
  if (!world.exists || vmId === undefined) return [];
  return [{ kind: "see late", vmId, condition, ready: other % 2 === 0 }];
}
