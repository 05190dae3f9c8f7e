/** Hosts of the embedded cloud: where VMs go, and which driver runs them there. */

import { GatehouseError } from "../../../shared/errors.ts";
import { HOST_STATE } from "../../../shared/states/host.ts";
import { appendTemplate } from "../../../shared/template/edit.ts";
import type { Template } from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Actor } from "../actor.ts";
import type { Host } from "../model.ts";
import { authorizeAdmin, isAdmin } from "../permissions.ts";
import type { HostPool } from "../pools/host-pool.ts";
import type { UpdateMode } from "../pools/pool.ts";
import type { Announce } from "./events.ts";
import { HOSTS, vmsOnHost } from "./kinds.ts";
import { checkName } from "./names.ts";
import { missing, type PoolContext } from "./pool.ts";

const WORDS = { noun: "host", label: "HOST" };

const ASKED_STATE = {
  enabled: HOST_STATE.MONITORED,
  disabled: HOST_STATE.DISABLED,
  offline: HOST_STATE.OFFLINE,
} as const;

/** Hosts are for administrators; only reading their pool tells an ordinary user nothing. */
export class Hosts implements HostPool {
  readonly #context: PoolContext;
  readonly #announce: Announce;

  constructor(context: PoolContext, announce: Announce) {
    this.#context = context;
    this.#announce = announce;
  }

  async get(actor: Actor, id: number): Promise<Host> {
    const host = this.#context.registry.collection(HOSTS).get(id);
    if (host === undefined) throw missing(WORDS, id);
    authorizeAdmin(actor, "USE", WORDS.label, id);
    return host;
  }

  peek(actor: Actor, id: number): Host | undefined {
    return isAdmin(actor) ? this.#context.registry.collection(HOSTS).get(id) : undefined;
  }

  async list(actor: Actor): Promise<readonly Host[]> {
    authorizeAdmin(actor, "USE", WORDS.label);
    return [...this.#context.registry.collection(HOSTS).values()].sort((a, b) => a.id - b.id);
  }

  async allocate(actor: Actor, host: { name: string; imMad: string; vmMad: string }): Promise<number> {
    authorizeAdmin(actor, "CREATE", WORDS.label);
    return await this.#context.registry.transact((tx) => {
      const made = makeHost(tx, host);
      this.#announce(tx, { kind: "host_state", host: made });
      return made.id;
    });
  }

  async update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void> {
    await this.#edit(actor, id, (host) => ({
      ...host,
      template: mode === "append" ? appendTemplate(host.template, template) : template,
    }));
  }

  async rename(actor: Actor, id: number, name: string): Promise<void> {
    await this.#edit(actor, id, (host, tx) => {
      requireFreeName(tx, name, id);
      return { ...host, name };
    });
  }

  async setState(actor: Actor, id: number, state: "enabled" | "disabled" | "offline"): Promise<void> {
    await this.#edit(actor, id, (host) => ({ ...host, prevState: host.state, state: ASKED_STATE[state] }));
  }

  async delete(actor: Actor, id: number): Promise<void> {
    authorizeAdmin(actor, "ADMIN", WORDS.label, id);
    await this.#context.registry.transact((tx) => {
      if (tx.get(HOSTS, id) === undefined) throw missing(WORDS, id);
      const [vm] = vmsOnHost(tx, id);
      if (vm !== undefined)
        throw new GatehouseError("conflict", `Can not remove a host with running VMs (VM ${vm.id}).`);
      tx.delete(HOSTS, id);
    });
  }

  async #edit(actor: Actor, id: number, change: (host: Host, tx: Transaction) => Host): Promise<void> {
    authorizeAdmin(actor, "MANAGE", WORDS.label, id);
    await this.#context.registry.transact((tx) => {
      const host = tx.get(HOSTS, id);
      if (host === undefined) throw missing(WORDS, id);
      const changed = tx.put(HOSTS, change(host, tx));
      if (changed.state !== host.state) this.#announce(tx, { kind: "host_state", host: changed });
    });
  }
}

/** A host that takes VMs at once. */
export function makeHost(tx: Transaction, host: { name: string; imMad: string; vmMad: string }): Host {
  requireFreeName(tx, host.name);
  return tx.insert(HOSTS, (id) => ({
    id,
    name: host.name,
    state: HOST_STATE.MONITORED,
    prevState: HOST_STATE.INIT,
    imMad: host.imMad,
    vmMad: host.vmMad,
    clusterId: 0,
    cluster: "default",
    template: {},
  }));
}

function requireFreeName(tx: Transaction, name: string, ownId?: number): void {
  checkName(name);
  for (const other of tx.values(HOSTS)) {
    if (other.name === name && other.id !== ownId)
      throw new GatehouseError("conflict", `NAME is already taken by HOST ${other.id}.`);
  }
}
