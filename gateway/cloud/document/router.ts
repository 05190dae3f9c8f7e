/** The VROUTER document. */

import { z } from "zod";
import type { JsonObject, Router } from "../model.ts";
import { ids, json, readDocument, requiredText, type Unversioned } from "./fields.ts";
import { printIds } from "./json-form.ts";
import { OWNED_ORDER, ownedFrom, ownedShape, printOwned } from "./owned.ts";
import { extraOf, layOut } from "./sections.ts";
import { template } from "./template-part.ts";

const shape = {
  ...ownedShape,
  NAME: requiredText,
  VMS: ids,
  TEMPLATE: template,
};

const schema = z.object(shape).catchall(json);

const ORDER = [...OWNED_ORDER, "PERMISSIONS", "LOCK", "VMS", "TEMPLATE"];

/** `{"VROUTER": {...}}` */
export function routerToDocument(router: Unversioned<Router>): JsonObject {
  const fields = { ...printOwned(router), VMS: printIds(router.vmIds), TEMPLATE: router.template };
  return { VROUTER: layOut(ORDER, fields, router.extra) };
}

/** @throws GatehouseError `bad_request` with the path of the bad field. */
export function routerFromDocument(value: unknown, path = ""): Unversioned<Router> {
  const read = readDocument("VROUTER", schema, value, path);
  return { ...ownedFrom(read), vmIds: read.VMS, template: read.TEMPLATE, ...extraOf(read, shape) };
}
