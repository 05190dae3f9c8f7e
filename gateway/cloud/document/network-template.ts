/** The VNTEMPLATE document: a VMTEMPLATE in all but its root. */

import type { JsonObject, NetworkTemplate } from "../model.ts";
import type { Unversioned } from "./fields.ts";
import { printRegistered, readRegistered } from "./template.ts";

/** `{"VNTEMPLATE": {...}}` */
export function networkTemplateToDocument(template: Unversioned<NetworkTemplate>): JsonObject {
  return printRegistered("VNTEMPLATE", template);
}

/** @throws GatehouseError `bad_request` with the path of the bad field. */
export function networkTemplateFromDocument(value: unknown, path = ""): Unversioned<NetworkTemplate> {
  return readRegistered("VNTEMPLATE", value, path);
}
