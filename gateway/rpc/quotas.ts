/** In pools, quotas stand beside the users and groups that they belong to. */

import { QUOTA_ORDER } from "../cloud/document/quotas.ts";
import type { JsonObject, JsonValue } from "../cloud/model.ts";
import { documentXml } from "./document-xml.ts";

/** `<USER>...</USER><QUOTAS><ID>...</QUOTAS>`; `defaults` is the section that the pool has once, at its end. */
export function withoutQuotas(root: string, id: number, document: JsonObject, defaults: string): string {
  const whole = Object.entries((document[root] ?? {}) as JsonObject);
  const isQuota = ([name]: readonly [string, JsonValue]) => QUOTA_ORDER.some((quota) => quota === name);
  const own = whole.filter((entry) => !isQuota(entry) && entry[0] !== defaults);
  return documentXml({
    [root]: Object.fromEntries(own),
    QUOTAS: { ID: String(id), ...Object.fromEntries(whole.filter(isQuota)) },
  });
}
