/** Makes a network of its text, or of a part of another. */

import { NETWORK_STATE } from "../../../shared/states/network.ts";
import { stringOf, type Template, vectorsOf } from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Actor } from "../actor.ts";
import type { AddressRange, Network } from "../model.ts";
import { DEFAULT_MODE } from "../permissions.ts";
import { NETWORKS } from "./kinds.ts";
import { checkName } from "./names.ts";
import { ownedBy } from "./pool.ts";
import { parseRange } from "./ranges.ts";

/** A network as asked for; everything else is the house's to fill. */
export interface NewNetwork {
  readonly name: string;
  readonly template: Template;
  readonly ranges: readonly AddressRange[];
  /** The network it is reserved from, whose wire it is on. */
  readonly parent?: Network;
  /** The network template it comes from. */
  readonly sourceId?: number;
}

/** The name and ranges that a text declares. @throws GatehouseError `bad_request` naming the attribute. */
export function readNetwork(text: Template): NewNetwork {
  const { NAME: _name, AR: _ranges, ...template } = text;
  return {
    name: checkName(stringOf(text, "NAME") ?? ""),
    template,
    ranges: vectorsOf(text, "AR").map((vector, id) => parseRange(vector, id)),
  };
}

/** Inserts it as the actor's; returns its id. */
export function makeNetwork(tx: Transaction, actor: Actor, asked: NewNetwork): number {
  const { parent, sourceId, template } = asked;
  return tx.insert(NETWORKS, (id) => ({
    id,
    ...ownedBy(tx, actor),
    name: asked.name,
    mode: DEFAULT_MODE,
    state: NETWORK_STATE.READY,
    prevState: NETWORK_STATE.INIT,
    bridge: parent?.bridge ?? stringOf(template, "BRIDGE") ?? `onebr${id}`,
    vnMad: parent?.vnMad ?? stringOf(template, "VN_MAD") ?? "dummy",
    parentId: parent?.id,
    clusterIds: parent?.clusterIds ?? [0],
    template,
    ranges: asked.ranges,
    ...(sourceId !== undefined && { extra: { TEMPLATE_ID: String(sourceId) } }),
  })).id;
}
