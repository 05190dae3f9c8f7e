/** The hosts that oned told of: what the daemon knows of the cloud. */

import { GatehouseError } from "../../../shared/errors.ts";
import { HOST_STATE } from "../../../shared/states/host.ts";
import type { Actor } from "../../cloud/actor.ts";
import type { CloudEvent } from "../../cloud/event.ts";
import type { Host } from "../../cloud/model.ts";

/** Hosts that are kept; OpenNebula's own limit of one zone is 2,500. */
export const MAX_HOSTS = 100_000;

/** Other states stay as they are, whatever is told of the host (spec monitoring.md 6). */
const EXPECTED_FROM: readonly number[] = [HOST_STATE.INIT, HOST_STATE.MONITORED, HOST_STATE.ERROR];

export class KnownHosts {
  readonly #hosts = new Map<number, Host>();
  readonly #listeners = new Set<(event: CloudEvent) => void>();
  #isTold = false;

  /** A list of all hosts has come. */
  get isTold(): boolean {
    return this.#isTold;
  }

  peek(_actor: Actor, id: number): Host | undefined {
    return this.#hosts.get(id);
  }

  async list(): Promise<readonly Host[]> {
    return [...this.#hosts.values()];
  }

  get(id: number): Host | undefined {
    return this.#hosts.get(id);
  }

  /** Of all hosts: one that is not in the list is no more. */
  replace(hosts: readonly Host[]): void {
    const there = new Set(hosts.map(({ id }) => id));
    for (const id of this.#hosts.keys()) if (!there.has(id)) this.#hosts.delete(id);
    for (const host of hosts) this.put(host);
    this.#isTold = true;
  }

  /** @throws GatehouseError `too_large` beyond MAX_HOSTS. */
  put(host: Host): void {
    const before = this.#hosts.get(host.id);
    if (before === undefined && this.#hosts.size >= MAX_HOSTS)
      throw new GatehouseError("too_large", `There are more hosts than the ${MAX_HOSTS} that are watched.`);
    this.#hosts.set(host.id, host);
    if (before?.state === host.state && before.imMad === host.imMad) return;
    for (const listener of this.#listeners) listener({ kind: "host_state", host });
  }

  /** What oned will make of the host by what it was told; its own word comes, and counts. Nobody is told. */
  expectState(id: number, state: number): void {
    const host = this.#hosts.get(id);
    if (host !== undefined && EXPECTED_FROM.includes(host.state)) this.#hosts.set(id, { ...host, state });
  }

  delete(id: number): void {
    this.#hosts.delete(id);
  }

  /** Told of hosts that are new, or whose state or driver is another. */
  subscribe(listener: (event: CloudEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
