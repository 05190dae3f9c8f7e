/** `NETWORK_ID = "$Name"` in the interfaces of a role: the service's network of that name (spec oneflow-lifecycle.md 3). */

import { GatehouseError } from "../../../shared/errors.ts";
import { nearest } from "../../../shared/nearest.ts";
import type { JsonObject } from "../../cloud/model.ts";
import { attribute, isArray, isObject } from "./json.ts";

export interface NetworkReference {
  readonly network: string;
  /** `template_contents.NIC[0].NETWORK_ID` */
  readonly path: string;
}

interface RoleContents {
  readonly template_contents?: JsonObject;
}

/** Those of one role, in order. `${ROLE.path}` is a reference to a parent, not to a network. */
export function networkReferences({
  template_contents: contents = {},
}: RoleContents): readonly NetworkReference[] {
  return ["NIC", "NIC_ALIAS"].flatMap((kind) => {
    const given = attribute(contents, kind);
    const interfaces = isArray(given) ? given : [given];
    return interfaces.flatMap((nic, index) => {
      const target = isObject(nic) ? attribute(nic, "NETWORK_ID") : undefined;
      if (typeof target !== "string" || !/^\$[^{]/.test(target)) return [];
      const place = isArray(given) ? `${kind}[${index}]` : kind;
      return [{ network: target.slice(1), path: `template_contents.${place}.NETWORK_ID` }];
    });
  });
}

/**
 * @param path of the role, ending with a dot; empty for a role alone
 * @throws GatehouseError `bad_request` with the place of the first network that the service does not declare
 */
export function checkNetworkReferences(
  role: RoleContents,
  networks: JsonObject | undefined,
  path: string,
): void {
  const declared = new Set(Object.keys(networks ?? {}));
  for (const reference of networkReferences(role)) {
    if (declared.has(reference.network)) continue;
    const near = nearest(reference.network.slice(0, 128), [...declared]);
    const hint = near === undefined ? "" : `; did you mean "$${near}"?`;
    throw new GatehouseError(
      "bad_request",
      `${path}${reference.path}: "$${reference.network.slice(0, 128)}" names a network that the service does not declare in "networks"${hint}`,
    );
  }
}
