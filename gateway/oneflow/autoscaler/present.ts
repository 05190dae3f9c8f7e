/** A service's document as people are shown it: with the counters that are in memory alone. */

import type { Document, JsonObject, JsonValue } from "../../cloud/model.ts";
import { attribute, isArray, isObject } from "../schema/json.ts";
import { readServiceBody } from "../schema/read.ts";
import type { WatchedService } from "./watched-service.ts";

/** The same document where there is nothing more to show. */
export function presentDocument(document: Document, service: WatchedService): Document {
  const { body } = document;
  const roles = body && attribute(body, "roles");
  if (body === undefined || !isArray(roles)) return document;
  const read = readServiceBody(body, document.id);
  const shown = roles.map((role, index) => presentRole(role, read.roles[index], service));
  if (shown.every((role, index) => role === roles[index])) return document;
  return { ...document, body: { ...body, roles: shown } };
}

function presentRole(
  json: JsonValue,
  role: ReturnType<typeof readServiceBody>["roles"][number] | undefined,
  service: WatchedService,
): JsonValue {
  const watched = role && service.role(role.name);
  if (!isObject(json) || role?.type !== "vm" || watched === undefined) return json;
  const lists: { readonly [name: string]: JsonValue } = watched.notedOver(role);
  const shown: JsonObject = { ...json, ...lists };
  return shown;
}
