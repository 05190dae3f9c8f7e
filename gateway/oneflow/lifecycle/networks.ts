/**
 * The networks of a service: those that are made for it before its roles, and removed after them.
 *
 *     PENDING ──▶ DEPLOYING_NETS ──all have an id──▶ DEPLOYING, HOLD
 *                    └──refused, late──▶ FAILED_DEPLOYING_NETS
 *     UNDEPLOYING ──▶ UNDEPLOYING_NETS ──none left──▶ (the document goes)
 *                        └──refused, late──▶ FAILED_UNDEPLOYING_NETS
 *
 * Networks that the user gave by id are neither made nor removed.
 */

import type { JsonObject, JsonValue } from "../../cloud/model.ts";
import type { NetworkValue, ServiceBody } from "../model.ts";
import { areNetworksLate, ensureNetworksDeadline, setNetworksDeadline } from "./deadlines.ts";
import { beginDeploying } from "./deploying.ts";
import { ask, type Draft, remember } from "./draft.ts";
import { enterState, log } from "./log.ts";
import { nodesOf, serviceIs } from "./roles.ts";

export function beginNetworks(draft: Draft): void {
  enterState(draft, "DEPLOYING_NETS");
  setNetworksDeadline(draft);
}

export function advanceDeployingNetworks(draft: Draft): void {
  const missing = networksOf(draft.body).filter(([, { id }]) => id === undefined);
  for (const [name, value] of missing) ask(draft, { kind: "make_network", name, value });
  const [first] = missing;
  if (first !== undefined) {
    ensureNetworksDeadline(draft);
    if (areNetworksLate(draft)) failNetworks(draft, lateNetwork(draft, first[0], "made"));
    return;
  }
  remember(draft, { networksDeadline: undefined });
  draft.body = withNetworksFilled(draft.body);
  beginDeploying(draft);
}

export function failNetworks(draft: Draft, reason: string): void {
  const undeploying = serviceIs(draft, "UNDEPLOYING_NETS");
  log(draft, "SER", "E", reason);
  remember(draft, { networksDeadline: undefined });
  enterState(draft, undeploying ? "FAILED_UNDEPLOYING_NETS" : "FAILED_DEPLOYING_NETS");
}

export function beginNetworksRemoval(draft: Draft): void {
  enterState(draft, "UNDEPLOYING_NETS");
  setNetworksDeadline(draft);
}

export function advanceUndeployingNetworks(draft: Draft): void {
  if (draft.body.roles.some((role) => nodesOf(role).length > 0)) {
    // Written so by somebody else: VMs go before networks.
    remember(draft, { networksDeadline: undefined });
    enterState(draft, "UNDEPLOYING");
    return;
  }
  if (!isOwnNetworkLeft(draft)) {
    remember(draft, { networksDeadline: undefined });
    ask(draft, { kind: "remove_document" });
    return;
  }
  ensureNetworksDeadline(draft);
  const own = draft.progress.ownNetworks ?? [];
  for (const [name, { id }] of networksOf(draft.body))
    if (own.includes(name)) ask(draft, { kind: "remove_network", name, id: Number(id) });
  if (areNetworksLate(draft)) failNetworks(draft, lateNetwork(draft, own[0] ?? "of the service", "removed"));
}

/** Also one that is still being made: it must be known before it can go. */
export function isOwnNetworkLeft(draft: Draft): boolean {
  if ((draft.progress.ownNetworks ?? []).length > 0) return true;
  return networksOf(draft.body).some(([name]) => draft.asked.has(`make_network:${name}`));
}

/** A network that was made for the service has its id; told twice it changes nothing. */
export function networkMade(draft: Draft, name: string, id: number): void {
  if (!networksOf(draft.body).some((network) => network[0] === name && network[1].id === undefined)) return;
  const networks_values = (draft.body.networks_values ?? []).map((entry) =>
    Object.fromEntries(
      Object.entries(entry).map(([key, value]) => [key, key === name ? { ...value, id } : value]),
    ),
  );
  draft.body = { ...draft.body, networks_values };
  remember(draft, { ownNetworks: [...(draft.progress.ownNetworks ?? []), name] });
}

export function networkRemoved(draft: Draft, name: string): void {
  const own = (draft.progress.ownNetworks ?? []).filter((other) => other !== name);
  remember(draft, { ownNetworks: own.length === 0 ? undefined : own });
}

function networksOf(body: ServiceBody): readonly (readonly [string, NetworkValue])[] {
  return (body.networks_values ?? []).flatMap((entry) => Object.entries(entry));
}

function lateNetwork(draft: Draft, name: string, done: string): string {
  return `Network ${name} is not ${done} after ${draft.context.stepTimeout / 1000} s: recover or delete the service.`;
}

/** Each role's NICs with the ids of the networks that they name (`$Private`), as text (spec oneflow-lifecycle.md 3). */
export function withNetworksFilled(body: ServiceBody): ServiceBody {
  const ids = new Map(
    networksOf(body).flatMap(([name, { id }]) => (id === undefined ? [] : [[`$${name}`, String(id)]])),
  );
  if (ids.size === 0) return body;
  const roles = body.roles.map((role) => {
    const contents = role.template_contents;
    return contents === undefined ? role : { ...role, template_contents: filled(contents, ids) };
  });
  return { ...body, roles };
}

function filled(contents: JsonObject, ids: ReadonlyMap<string, string>): JsonObject {
  const nics = Object.entries(contents).map(([name, value]): [string, JsonValue] => {
    if (!/^nic(_alias)?$/i.test(name)) return [name, value];
    return [name, Array.isArray(value) ? value.map((nic) => filledNic(nic, ids)) : filledNic(value, ids)];
  });
  return Object.fromEntries(nics);
}

function filledNic(nic: JsonValue, ids: ReadonlyMap<string, string>): JsonValue {
  if (typeof nic !== "object" || nic === null || Array.isArray(nic)) return nic;
  const attributes = Object.entries(nic).map(([name, value]): [string, JsonValue] => {
    const id = name.toUpperCase() === "NETWORK_ID" && typeof value === "string" ? ids.get(value) : undefined;
    return [name, id ?? value];
  });
  return Object.fromEntries(attributes);
}
