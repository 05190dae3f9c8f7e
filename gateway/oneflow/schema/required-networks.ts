/** The networks that a service declares, each with the value that says how it is come by. */

import { GatehouseError } from "../../../shared/errors.ts";
import type { JsonValue } from "../../cloud/model.ts";
import type { NetworkValue, ServiceTemplateBody } from "../model.ts";
import { networkReferences } from "./network-references.ts";

type NamedValue = { readonly [name: string]: NetworkValue };

/**
 * `networks_values` with defaults (`M|network|Description||id:0`) where no value is given; an optional network that no
 * interface names may go without. Undefined when the template speaks of no networks.
 * @throws GatehouseError `bad_request` for a network without a value, and for a value of a network not declared
 */
export function requireNetworks(template: ServiceTemplateBody): readonly NamedValue[] | undefined {
  const { networks = {}, networks_values: given } = template;
  const values = new Map((given ?? []).flatMap((entry) => Object.entries(entry)));
  const used = new Set(template.roles.flatMap(networkReferences).map(({ network }) => network));
  for (const [name, declaration] of Object.entries(networks)) {
    const { isMandatory, fallback } = parseDeclaration(declaration);
    if (values.has(name)) continue;
    if (fallback !== undefined) values.set(name, fallback);
    else if (isMandatory || used.has(name)) throw missing(given === undefined && values.size === 0);
  }
  const stranger = [...values.keys()].find((name) => !Object.hasOwn(networks, name));
  if (stranger !== undefined) {
    throw refusal(
      `networks_values has a value for the network "${stranger.slice(0, 128)}", which "networks" does not declare.`,
    );
  }
  if (values.size === 0) return given;
  return [...values].map(([name, value]) => ({ [name]: withPlainExtra(value) }));
}

function missing(isEmpty: boolean): GatehouseError {
  return refusal(
    isEmpty ? "Missing networks_values" : "Every network key must have its value defined at networks_value",
  );
}

interface Declaration {
  readonly isMandatory: boolean;
  readonly fallback: NetworkValue | undefined;
}

function parseDeclaration(declaration: JsonValue): Declaration {
  if (typeof declaration !== "string") throw refusal("Wrong networks format");
  const [necessity = "", kind = "", , , ...rest] = declaration.split("|");
  const fallback = /^\s*(id|template_id|reserve_from)\s*:\s*([0-9]{1,15})\s*$/.exec(rest.join("|"));
  const [, way, id] = fallback ?? [];
  if (!/^\s*[MO]\s*$/i.test(necessity) || kind.trim().toLowerCase() !== "network") {
    throw refusal("Wrong networks format");
  }
  return {
    isMandatory: necessity.trim().toUpperCase() === "M",
    fallback: way === undefined || id === undefined ? undefined : { [way]: id },
  };
}

/** The guide quotes `extra` once more (seed 000): those quotes are no part of it. */
function withPlainExtra(value: NetworkValue): NetworkValue {
  if (value.extra === undefined) return value;
  const plain = value.extra.replaceAll('\\"', '"').trim();
  const [, enclosed] = /^"([^=]+=[\s\S]*)"$/.exec(plain) ?? [];
  return { ...value, extra: enclosed ?? plain };
}

function refusal(sentence: string): GatehouseError {
  return new GatehouseError("bad_request", sentence);
}
