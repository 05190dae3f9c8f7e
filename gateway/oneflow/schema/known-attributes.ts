/** Which attributes are known where, and warnings about the others: they are kept, but nobody reads them. */

import { nearest } from "../../../shared/nearest.ts";
import type { JsonObject, JsonValue } from "../../cloud/model.ts";
import { attribute, isArray, isObject } from "./json.ts";
import { LEGACY_ROLE_ATTRIBUTES, LEGACY_SERVICE_ATTRIBUTES } from "./legacy.ts";
import {
  elasticityPolicySchema,
  scheduledPolicySchema,
  serviceTemplateSchema,
  vmRoleSchema,
  vrRoleSchema,
} from "./service-schema.ts";

export interface UnknownAttribute {
  /** `roles[0].cardinalty` */
  readonly path: string;
  /** The known name that may have been meant. */
  readonly nearest: string | undefined;
}

const MAX_TOLD = 100;

export const SERVICE_ATTRIBUTES = Object.keys(serviceTemplateSchema.shape);
export const ROLE_ATTRIBUTES = Object.keys(vmRoleSchema.shape);
export const POLICY_ATTRIBUTES = Object.keys({
  ...elasticityPolicySchema.shape,
  ...scheduledPolicySchema.shape,
});

/** What OneFlow writes into the document of a service, and what the web interface keeps for itself. */
const SERVICE_BESIDE = [
  ...LEGACY_SERVICE_ATTRIBUTES,
  ...["state", "start_time", "log", "logo", "user_inputs_metadata", "user_inputs_order"],
];
const ROLE_BESIDE = [
  ...LEGACY_ROLE_ATTRIBUTES,
  ...["state", "nodes", "last_vmname", "scale_way", "disposed_nodes", "vrouter_id", "vrouter_ips"],
];

/** Attributes that nobody reads, of a service template or a service as it came; no more than MAX_TOLD. */
export function unknownAttributes(template: JsonValue): readonly UnknownAttribute[] {
  if (!isObject(template)) return [];
  const roles = attribute(template, "roles");
  const found = [
    ...unknownIn(template, "", [...SERVICE_ATTRIBUTES, ...SERVICE_BESIDE]),
    ...(isArray(roles) ? roles.flatMap((role, index) => unknownInRole(role, `roles[${index}].`)) : []),
  ];
  return found.slice(0, MAX_TOLD).map(({ path, name, known }) => ({ path, nearest: nearest(name, known) }));
}

/** A sentence for a log or for the one who wrote the template. */
export function warningOf({ path, nearest: near }: UnknownAttribute): string {
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  return `${path} is not an attribute that OneFlow knows, and is kept as it is${hint}`;
}

interface Found {
  readonly path: string;
  readonly name: string;
  readonly known: readonly string[];
}

function unknownInRole(role: JsonValue, path: string): readonly Found[] {
  if (!isObject(role)) return [];
  const known = attribute(role, "type") === "vr" ? Object.keys(vrRoleSchema.shape) : ROLE_ATTRIBUTES;
  const kinds = [
    ["elasticity_policies", Object.keys(elasticityPolicySchema.shape)],
    ["scheduled_policies", Object.keys(scheduledPolicySchema.shape)],
  ] as const;
  const inPolicies = kinds.flatMap(([kind, names]) => {
    const policies = attribute(role, kind);
    if (!isArray(policies) || !known.includes(kind)) return [];
    return policies.flatMap((policy, index) =>
      isObject(policy) ? unknownIn(policy, `${path}${kind}[${index}].`, names) : [],
    );
  });
  return [...unknownIn(role, path, [...known, ...ROLE_BESIDE]), ...inPolicies];
}

function unknownIn(object: JsonObject, path: string, known: readonly string[]): readonly Found[] {
  return Object.keys(object)
    .filter((name) => !known.includes(name))
    .slice(0, MAX_TOLD)
    .map((given) => {
      const name = given.slice(0, 128);
      return { path: `${path}${name}`, name, known };
    });
}
