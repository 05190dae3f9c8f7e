/** The documents that are a template with an owner and a time: VMTEMPLATE, and VNTEMPLATE in network-template.ts. */

import { z } from "zod";
import type { JsonObject, VmTemplate } from "../model.ts";
import { integer, json, readDocument, type Unversioned } from "./fields.ts";
import { OWNED_ORDER, ownedFrom, ownedShape, printOwned } from "./owned.ts";
import { extraOf, layOut } from "./sections.ts";
import { template } from "./template-part.ts";

const shape = {
  ...ownedShape,
  REGTIME: integer.default(0),
  TEMPLATE: template,
};

const schema = z.object(shape).catchall(json);

const ORDER = [...OWNED_ORDER, "LOCK", "PERMISSIONS", "REGTIME", "TEMPLATE"];

/** `{"VMTEMPLATE": {...}}` */
export function templateToDocument(template: Unversioned<VmTemplate>): JsonObject {
  return printRegistered("VMTEMPLATE", template);
}

/** @throws GatehouseError `bad_request` with the path of the bad field. */
export function templateFromDocument(value: unknown, path = ""): Unversioned<VmTemplate> {
  return readRegistered("VMTEMPLATE", value, path);
}

export function printRegistered(root: string, template: Unversioned<VmTemplate>): JsonObject {
  const fields = {
    ...printOwned(template),
    REGTIME: String(template.registrationTime),
    TEMPLATE: template.template,
  };
  return { [root]: layOut(ORDER, fields, template.extra) };
}

export function readRegistered(root: string, value: unknown, path: string): Unversioned<VmTemplate> {
  const read = readDocument(root, schema, value, path);
  return {
    ...ownedFrom(read, `template-${read.ID}`),
    registrationTime: read.REGTIME,
    template: read.TEMPLATE,
    ...extraOf(read, shape),
  };
}
