/** The settings as a flat list of dotted paths, read off the schema, for everything that goes by name. */

import { z } from "zod";
import { configSchema } from "./schema.ts";

/** How a value given as text is to be read. */
export type LeafKind = "text" | "number" | "boolean" | "list";

export interface Leaf {
  /** `onegate.permissions.vm.show` */
  readonly path: string;
  readonly kind: LeafKind;
  /** What is allowed, to follow "it must be". */
  readonly allowed: string;
}

/** Every setting there is, in the schema's order. */
export const LEAVES: readonly Leaf[] = leavesOf(configSchema, "", undefined);

const BY_PATH: ReadonlyMap<string, Leaf> = new Map(LEAVES.map((leaf) => [leaf.path, leaf]));

export function leafAt(path: string): Leaf | undefined {
  return BY_PATH.get(path);
}

/** True for `onegate`, `onegate.permissions`: names that hold settings but are none. */
export function isSection(path: string): boolean {
  return LEAVES.some((leaf) => leaf.path.startsWith(`${path}.`));
}

/** The names directly below a section ("" is the top). */
export function namesIn(section: string): readonly string[] {
  const prefix = section === "" ? "" : `${section}.`;
  const below = LEAVES.filter((leaf) => leaf.path.startsWith(prefix));
  return [...new Set(below.map((leaf) => leaf.path.slice(prefix.length).split(".", 1)[0] ?? ""))];
}

/** `GATEHOUSE_ONEGATE_PORT` for `onegate.port`. */
export function environmentName(path: string): string {
  return `GATEHOUSE_${path.toUpperCase().replaceAll(".", "_")}`;
}

function leavesOf(schema: z.core.$ZodType, path: string, description: string | undefined): readonly Leaf[] {
  const allowed = description ?? z.globalRegistry.get(schema)?.description;
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return leavesOf(schema.unwrap(), path, allowed);
  }
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape).flatMap(([name, part]: [string, z.core.$ZodType]) =>
      leavesOf(part, path === "" ? name : `${path}.${name}`, undefined),
    );
  }
  return [{ path, kind: kindOf(schema), allowed: allowed ?? "of the right type" }];
}

function kindOf(schema: z.core.$ZodType): LeafKind {
  if (schema instanceof z.ZodNumber) return "number";
  if (schema instanceof z.ZodBoolean) return "boolean";
  return schema instanceof z.ZodArray ? "list" : "text";
}
