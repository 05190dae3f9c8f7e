/** The VM_GROUP document; its ROLES are kept as they came. */

import { z } from "zod";
import type { JsonObject, VmGroup } from "../model.ts";
import { json, readDocument, requiredText, type Unversioned } from "./fields.ts";
import { EMPTY } from "./json-form.ts";
import { OWNED_ORDER, ownedFrom, ownedShape, printOwned } from "./owned.ts";
import { extraOf, layOut } from "./sections.ts";
import { template } from "./template-part.ts";

const shape = { ...ownedShape, NAME: requiredText, TEMPLATE: template };

const schema = z.object(shape).catchall(json);

const ORDER = [...OWNED_ORDER, "PERMISSIONS", "LOCK", "ROLES", "TEMPLATE"];

const DEFAULTS = { ROLES: EMPTY };

/** `{"VM_GROUP": {...}}` */
export function vmGroupToDocument(group: Unversioned<VmGroup>): JsonObject {
  const fields = { ...printOwned(group), TEMPLATE: group.template };
  return { VM_GROUP: layOut(ORDER, fields, group.extra, DEFAULTS) };
}

/** @throws GatehouseError `bad_request` with the path of the bad field. */
export function vmGroupFromDocument(value: unknown, path = ""): Unversioned<VmGroup> {
  const read = readDocument("VM_GROUP", schema, value, path);
  return { ...ownedFrom(read), template: read.TEMPLATE, ...extraOf(read, shape, DEFAULTS) };
}
