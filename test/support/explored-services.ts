/** The small services that are explored, each in every state of its life, and what is asked of them. */

import type { ServiceCommand } from "../../gateway/oneflow/lifecycle/events.ts";
import type { RoleTemplate, ServiceTemplateBody } from "../../gateway/oneflow/model.ts";
import type { Exploration } from "./explore-service.ts";

export function vmRole(
  name: string,
  cardinality: number,
  more: Partial<Extract<RoleTemplate, { type: "vm" }>> = {},
): RoleTemplate {
  return { name, cardinality, template_id: 1, ...more, type: "vm" };
}

const FRONT_AND_WORKER = [vmRole("front", 1), vmRole("worker", 1, { parents: ["front"] })];

export const SMALL_SERVICES: ReadonlyMap<string, ServiceTemplateBody> = new Map<string, ServiceTemplateBody>([
  ["one VM", { name: "s", deployment: "none", roles: [vmRole("worker", 1)] }],
  ["two VMs", { name: "s", deployment: "none", roles: [vmRole("worker", 2)] }],
  [
    "two roles side by side",
    { name: "s", deployment: "none", roles: [vmRole("front", 1), vmRole("worker", 1)] },
  ],
  ["parent and child", { name: "s", deployment: "straight", roles: FRONT_AND_WORKER }],
  [
    "parent and child, READY awaited",
    { name: "s", deployment: "straight", ready_status_gate: true, roles: FRONT_AND_WORKER },
  ],
  ["on hold", { name: "s", deployment: "straight", on_hold: true, roles: FRONT_AND_WORKER }],
  [
    "a held role beside a free one",
    { name: "s", deployment: "none", roles: [vmRole("front", 1, { on_hold: true }), vmRole("worker", 1)] },
  ],
  [
    "ended with its VMs",
    { name: "s", deployment: "none", automatic_deletion: true, roles: [vmRole("worker", 1)] },
  ],
  [
    "a network of its own",
    {
      name: "s",
      deployment: "none",
      networks: { Private: "M|network|||" },
      networks_values: [{ Private: { template_id: 1 } }],
      roles: [vmRole("worker", 1)],
    },
  ],
  [
    "a virtual router",
    {
      name: "s",
      deployment: "straight",
      roles: [
        { name: "router", type: "vr", cardinality: 1, template_id: 1 },
        vmRole("worker", 1, { parents: ["router"] }),
      ],
    },
  ],
]);

const COMMANDS: readonly ServiceCommand[] = [
  ...[0, 1, 2].map(
    (cardinality): ServiceCommand => ({ kind: "scale", role: "worker", cardinality, force: true }),
  ),
  { kind: "undeploy" },
  { kind: "recover" },
  { kind: "recover_delete" },
  { kind: "release" },
  { kind: "remove_role", role: "worker" },
];

/** Every service from its start and from its first rest. */
export function explorations(depth: number, worlds: number): ReadonlyMap<string, Exploration> {
  const froms = ["start", "rest"] as const;
  return new Map(
    froms.flatMap((from) =>
      [...SMALL_SERVICES].map(([name, template]): [string, Exploration] => [
        `${name}, from its ${from}`,
        { template, commands: COMMANDS, depth, from, worlds },
      ]),
    ),
  );
}
