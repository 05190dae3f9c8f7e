/** A cloud's networks, their templates, and the routers between them. */

import type { Template, Vector } from "../../../shared/template/types.ts";
import type { Actor } from "../actor.ts";
import type { Network, NetworkDetail, NetworkTemplate, Router } from "../model.ts";
import type { OwnedPool, TextTemplatePool, UpdateMode } from "./pool.ts";

export interface NetworkPool extends OwnedPool<Network> {
  detail(actor: Actor, id: number): Promise<NetworkDetail>;
  /** Template with AR vectors, as `onevnet create` takes it. */
  allocate(actor: Actor, template: Template): Promise<number>;
  update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void>;
  /** Refused while it has leases. */
  delete(actor: Actor, id: number): Promise<void>;
  /** Lends a run of free addresses to a network of the actor's own; returns that network's id. */
  reserve(actor: Actor, id: number, options: Reservation): Promise<number>;
  /** Keeps an address from being given to anybody. */
  hold(actor: Actor, id: number, address: LeaseAddress): Promise<void>;
  /** Ends a hold. */
  release(actor: Actor, id: number, address: LeaseAddress): Promise<void>;
  /** An AR vector, as in a network's template; returns the range's id. */
  addRange(actor: Actor, id: number, range: Vector): Promise<number>;
  /** Refused while it has leases. */
  removeRange(actor: Actor, id: number, rangeId: number): Promise<void>;
}

/** One address of a network, by either of its names. */
export type LeaseAddress = { readonly ip: string } | { readonly mac: string };

/** What one.vn.reserve takes: NAME, SIZE, AR_ID, IP or MAC, NETWORK_ID. */
export interface Reservation {
  /** Of the new network; needed unless there is one already (`networkId`). */
  readonly name?: string;
  /** How many addresses, in a row. */
  readonly size: number;
  /** The only range to take them from. */
  readonly rangeId?: number;
  /** The first of them. */
  readonly first?: LeaseAddress;
  /** A reservation of the same network, to which they are added. It takes MANAGE on that. */
  readonly networkId?: number;
}

/** Templates of networks. Only administrators make them. */
export interface NetworkTemplatePool extends TextTemplatePool<NetworkTemplate> {
  /**
   * USE on the template is enough to have a network of one's own. Every name in `extra` replaces all values of that
   * name; restricted ones (BRIDGE, VN_MAD, VLAN_ID, ...) are refused to all but administrators. Without `name`, the NAME
   * in `extra`, else the template's name. Returns the network's id.
   */
  instantiate(
    actor: Actor,
    id: number,
    options: { readonly name?: string; readonly extra?: Template },
  ): Promise<number>;
}

export interface RouterPool extends OwnedPool<Router> {
  /** A NIC with FLOATING_IP="YES" takes an address for the router itself, which its NIC then shows as VROUTER_IP. */
  allocate(actor: Actor, template: Template): Promise<number>;
  update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void>;
  /** Gives the router, and each of its VMs, one more NIC, to all or to none; returns its id. They must run, or be powered off. */
  attachNic(actor: Actor, id: number, template: Template): Promise<number>;
  detachNic(actor: Actor, id: number, nicId: number): Promise<void>;
  /** Ends its VMs, whatever they do, and gives its floating addresses back. */
  delete(actor: Actor, id: number): Promise<void>;
  /**
   * Makes `count` VMs, all or none, with the router's NICs in the place of the template's: each has addresses of its
   * own, and knows the floating ones as VROUTER_IP. `name` may hold %i for the VM's number in the router, from 0 on;
   * without a name it is `vr-<router>-%i`. `extra` as for VM templates. Returns the VMs' ids.
   */
  instantiate(
    actor: Actor,
    id: number,
    options: { count: number; templateId: number; name?: string; hold?: boolean; extra?: Template },
  ): Promise<readonly number[]>;
}
