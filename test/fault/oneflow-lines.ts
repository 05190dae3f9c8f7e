/** What the house that is killed is told, and what it tells, a line each. */

import { z } from "zod";

export type Order =
  | { readonly kind: "deploy"; readonly cardinality: number }
  | { readonly kind: "scale"; readonly id: number; readonly cardinality: number }
  | { readonly kind: "undeploy"; readonly id: number };

const report = z.object({
  services: z.array(
    z.object({
      id: z.number(),
      roles: z.array(z.object({ name: z.string(), cardinality: z.number(), vmIds: z.array(z.number()) })),
    }),
  ),
  vms: z.array(z.object({ id: z.number(), name: z.string(), serviceId: z.number() })),
});
export const line = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("report"), report }),
  z.object({ kind: z.literal("event") }),
  /** The order is carried out. */
  z.object({ kind: z.literal("rest") }),
  z.object({ kind: z.literal("taken"), id: z.number() }),
]);

export type Report = z.infer<typeof report>;
