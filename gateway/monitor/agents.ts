/**
 * The sealed agents that may speak: whose key, for which host, and what of theirs was seen. What is kept of each is its
 * latest boot and highest delivery.
 *
 * Nothing of a boot is taken before the boot is noted. After a restart every frame of a boot that was noted counts as
 * seen, so nothing that was recorded on the wire before is taken again; the agent is told to take its next boot.
 */

import {
  type Channel,
  daemonChannel,
  type KeyPair,
  keyIdOf,
  parseKey,
  printKey,
} from "../../shared/monitor/keys.ts";
import { ReplayWindow } from "../../shared/monitor/replay-window.ts";
import { Sealer } from "../../shared/monitor/sealed.ts";
import { MAX_FRAME_NUMBER } from "../../shared/monitor/sealed-head.ts";
import { defineKind, type Versioned } from "../store/kind.ts";
import type { Registry } from "../store/registry.ts";
import type { ReadonlyCollection } from "../store/view.ts";
import type { DaemonIdentity } from "./identity.ts";

export interface KeptAgent extends Versioned {
  readonly keyId: string;
  /** As printKey prints it. */
  readonly publicKey: string;
  readonly hostId: number;
  /** The latest boot of which frames were taken; -1 before the first. */
  readonly bootId: number;
  /** Deliveries up to it are applied and durable; 0 before the first. */
  readonly highestDelivery: number;
}

export const AGENTS = defineKind({
  name: "monitor_agent",
  keyOf: (agent: KeptAgent) => agent.keyId,
  indexes: { host: (agent) => agent.hostId },
});

/** An agent in memory. */
export interface Agent {
  readonly keyId: string;
  readonly hostId: number;
  readonly channel: Channel;
  readonly window: ReplayWindow;
  /** Of what goes to it. */
  readonly sealer: Sealer;
  /** Of a boot that was noted before this start, or an earlier one: whether its frames are new cannot be told. */
  isStale(bootId: number): boolean;
  /** What is durable of it; undefined once its key is taken away. */
  kept(): KeptAgent | undefined;
}

export class Agents {
  readonly #vault: Registry;
  readonly #identity: DaemonIdentity;
  readonly #kept: ReadonlyCollection<KeptAgent, string, "host">;
  /** Those that have spoken since the start: a shared key costs 0.5 ms. */
  readonly #awake = new Map<string, Agent>();
  /** Never dropped: a second sealer of the same key and boot would repeat nonces. */
  readonly #sealers = new Map<string, Sealer>();
  readonly #forgotten: ((keyId: string) => void)[] = [];

  constructor(vault: Registry, identity: DaemonIdentity) {
    this.#vault = vault;
    this.#identity = identity;
    this.#kept = vault.collection(AGENTS);
  }

  /** What agents must know of the daemon. */
  get daemonKey(): KeyPair["publicKey"] {
    return this.#identity.keys.publicKey;
  }

  get size(): number {
    return this.#kept.size;
  }

  has(keyId: string): boolean {
    return this.#kept.get(keyId) !== undefined;
  }

  find(keyId: string): Agent | undefined {
    const awake = this.#awake.get(keyId);
    if (awake !== undefined) return awake;
    const kept = this.#kept.get(keyId);
    return kept === undefined ? undefined : this.#wake(kept);
  }

  ofHost(hostId: number): readonly KeptAgent[] {
    return this.#kept.by("host", hostId);
  }

  /**
   * Lets a key speak for a host, in place of those that did; durable when it resolves. A key that does so already stays as it is.
   * @throws GatehouseError `bad_request` for a key that makes no secret, `unavailable` when it cannot be stored.
   */
  async enrol(publicKey: Uint8Array, hostId: number): Promise<Agent> {
    const keyId = keyIdOf(publicKey);
    daemonChannel(this.#identity.keys, publicKey);
    const gone = await this.#vault.transact((tx) => {
      const before = tx.get(AGENTS, keyId);
      const others = tx.by(AGENTS, "host", hostId).filter((other) => other.keyId !== keyId);
      for (const other of others) tx.delete(AGENTS, other.keyId);
      if (before === undefined) {
        const fresh = { bootId: -1, highestDelivery: 0 };
        tx.insertWithId(AGENTS, { keyId, publicKey: printKey(publicKey), hostId, ...fresh });
      } else if (before.hostId !== hostId) tx.put(AGENTS, { ...before, hostId });
      const moved = before !== undefined && before.hostId !== hostId;
      return [...others.map((other) => other.keyId), ...(moved ? [keyId] : [])];
    });
    this.#drop(gone);
    const kept = this.#kept.get(keyId);
    return this.#awake.get(keyId) ?? this.#wake(kept ?? unreachable(keyId));
  }

  /** Takes the keys of hosts away that `isGone` tells of. */
  async forgetHosts(isGone: (hostId: number) => boolean): Promise<void> {
    const keyIds = [...this.#kept.values()].filter(({ hostId }) => isGone(hostId)).map(({ keyId }) => keyId);
    if (keyIds.length === 0) return;
    await this.#vault.transact((tx) => {
      for (const keyId of keyIds) tx.delete(AGENTS, keyId);
    });
    this.#drop(keyIds);
  }

  /** Told of each key that speaks no more. */
  onForgotten(listener: (keyId: string) => void): void {
    this.#forgotten.push(listener);
  }

  /** Durable when it resolves. False when the key is no agent's any more. */
  async noteBoot(keyId: string, bootId: number): Promise<boolean> {
    return await this.#note(keyId, (kept) => (bootId > kept.bootId ? { ...kept, bootId } : kept));
  }

  /** As noteBoot. */
  async noteDelivery(keyId: string, highestDelivery: number): Promise<boolean> {
    return await this.#note(keyId, (kept) =>
      highestDelivery > kept.highestDelivery ? { ...kept, highestDelivery } : kept,
    );
  }

  async #note(keyId: string, change: (kept: KeptAgent) => KeptAgent): Promise<boolean> {
    return await this.#vault.transact((tx) => {
      const kept = tx.get(AGENTS, keyId);
      if (kept === undefined) return false;
      const changed = change(kept);
      if (changed !== kept) tx.put(AGENTS, changed);
      return true;
    });
  }

  #wake({ keyId, publicKey, hostId, bootId }: KeptAgent): Agent {
    const channel = daemonChannel(this.#identity.keys, parseKey(publicKey));
    const agent: Agent = {
      keyId,
      hostId,
      channel,
      window: new ReplayWindow({ bootId, highest: MAX_FRAME_NUMBER }),
      sealer: this.#sealerOf(channel),
      isStale: (other) => other <= bootId || other < (this.#kept.get(keyId)?.bootId ?? -1),
      kept: () => this.#kept.get(keyId),
    };
    this.#awake.set(keyId, agent);
    return agent;
  }

  #sealerOf(channel: Channel): Sealer {
    const known = this.#sealers.get(channel.keyId);
    if (known !== undefined) return known;
    const sealer = new Sealer(channel, this.#identity.bootId);
    this.#sealers.set(channel.keyId, sealer);
    return sealer;
  }

  #drop(keyIds: readonly string[]): void {
    for (const keyId of keyIds) {
      this.#awake.delete(keyId);
      for (const listener of this.#forgotten) listener(keyId);
    }
  }
}

function unreachable(keyId: string): never {
  throw new Error(`agent ${keyId} was taken away while it was made`);
}
