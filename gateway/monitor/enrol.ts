/**
 * Enrolment at the daemon: one-time codes that let a standing agent make its key known (shared/monitor/enrolment.ts).
 * A code is kept hashed, lives for minutes, counts once, and is void after a few wrong tries; each of these is durable
 * before anybody is answered.
 */

import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../shared/clock.ts";
import { errorText, GatehouseError, isGatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import {
  type EnrolmentAnswer,
  type EnrolmentPeriods,
  type EnrolmentRequest,
  enrolmentKind,
  openEnrolmentRequest,
  printDaemonKey,
  sealEnrolmentAnswer,
} from "../../shared/monitor/enrolment.ts";
import {
  ENROLMENT_TRIES,
  hashEnrolmentSecret,
  makeEnrolmentCode,
  printEnrolmentCode,
} from "../../shared/monitor/enrolment-code.ts";
import type { KeyPair } from "../../shared/monitor/keys.ts";
import { SYSTEM } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { Host } from "../cloud/model.ts";
import { defineKind, type Versioned } from "../store/kind.ts";
import type { Registry } from "../store/registry.ts";
import type { Agents } from "./agents.ts";

/** A code that waits for its agent; a host has one at most. */
interface KeptCode extends Versioned {
  readonly hostId: number;
  readonly secretHash: string;
  /** ms since the epoch. */
  readonly until: number;
  readonly triesLeft: number;
}

/** A host whose agent stands by itself. */
export interface StandingAgent extends Versioned {
  readonly hostId: number;
  readonly keyId: string;
  /** ms since the epoch. */
  readonly enrolledAt: number;
}

export const CODES = defineKind({ name: "monitor_code", keyOf: (code: KeptCode) => String(code.hostId) });
export const STANDING = defineKind({
  name: "monitor_standing",
  keyOf: (agent: StandingAgent) => String(agent.hostId),
});

/** One sentence for every code that is not taken: which codes there are is nobody's business. */
const NOT_TAKEN = "The code is wrong, was used, or has ended.";

export interface EnrolmentOptions {
  readonly vault: Registry;
  readonly agents: Pick<Agents, "enrol" | "forgetHosts">;
  /** The daemon's. */
  readonly keys: KeyPair;
  readonly hosts: Pick<Cloud["hosts"], "peek">;
  readonly periods: EnrolmentPeriods;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Enrolment {
  readonly #options: EnrolmentOptions;
  readonly #listeners: ((host: Host) => void)[] = [];

  constructor(options: EnrolmentOptions) {
    this.#options = options;
  }

  /** A code for a host, in place of one that waits; it is shown to nobody again. `until` in ms since the epoch. */
  async makeCode(
    hostId: number,
    lifetimeMs: number,
  ): Promise<{ readonly code: string; readonly until: number }> {
    const { vault, keys, clock } = this.#options;
    const code = makeEnrolmentCode(hostId, keys.publicKey, randomBytes);
    const secretHash = hashEnrolmentSecret(code.secret);
    const until = clock.now() + lifetimeMs;
    await vault.transact((tx) => {
      tx.delete(CODES, String(hostId));
      tx.insertWithId(CODES, { hostId, secretHash, until, triesLeft: ENROLMENT_TRIES });
    });
    return { code: printEnrolmentCode(code), until };
  }

  /** Undefined for a host whose agent did not enrol. */
  standingOf(hostId: number): StandingAgent | undefined {
    return this.#options.vault.collection(STANDING).get(String(hostId));
  }

  /** Takes a host's keys and codes away. False when it had none. */
  async forget(host: Host): Promise<boolean> {
    const { vault, agents } = this.#options;
    const had = await vault.transact((tx) => {
      const code = tx.delete(CODES, String(host.id));
      return tx.delete(STANDING, String(host.id)) || code;
    });
    await agents.forgetHosts((hostId) => hostId === host.id);
    this.#tell(host);
    return had;
  }

  /** Told of each host whose agent enrolled or was forgotten. */
  onChange(listener: (host: Host) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * The answer to a frame of enrolment; undefined for one that agents do not send.
   * @throws MonitorRefusal `malformed` or `forged`, GatehouseError `unavailable` when it cannot be stored.
   */
  async answer(frame: Buffer): Promise<Buffer | undefined> {
    const { keys } = this.#options;
    const kind = enrolmentKind(frame);
    if (kind === "hello") return printDaemonKey(keys.publicKey);
    if (kind !== "request") return undefined;
    const request = openEnrolmentRequest(keys, frame);
    const answer = await this.#enrol(request, request.agentPublicKey);
    return sealEnrolmentAnswer(keys, request.agentPublicKey, answer, randomBytes);
  }

  async #enrol(request: EnrolmentRequest, agentPublicKey: Uint8Array): Promise<EnrolmentAnswer> {
    const { vault, agents, hosts, periods, clock, log } = this.#options;
    const { hostId } = request;
    const taken = await this.#takeCode(request);
    const host = hosts.peek(SYSTEM, hostId);
    if (!taken || host === undefined) {
      log.warn({ host: hostId }, "An agent was not enrolled: its code is not taken");
      return { enrolled: false, reason: NOT_TAKEN };
    }
    const keyId = await this.#letSpeak(agents, agentPublicKey, hostId);
    if (keyId === undefined) return { enrolled: false, reason: "The agent's key cannot be used." };
    await vault.transact((tx) => {
      tx.delete(STANDING, String(hostId));
      tx.insertWithId(STANDING, { hostId, keyId, enrolledAt: clock.now() });
    });
    log.info({ host: hostId, name: host.name, keyId }, "The agent of a host was enrolled");
    this.#tell(host);
    return { enrolled: true, hostId, hostName: host.name, hypervisor: host.imMad, periods };
  }

  async #letSpeak(
    agents: EnrolmentOptions["agents"],
    publicKey: Uint8Array,
    hostId: number,
  ): Promise<string | undefined> {
    try {
      return (await agents.enrol(publicKey, hostId)).keyId;
    } catch (error) {
      if (!isGatehouseError(error) || error.code !== "bad_request") throw error;
      this.#options.log.warn({ host: hostId, reason: errorText(error) }, "An agent's key is none");
      return undefined;
    }
  }

  /** Whether the code is right; it is used up by that, and a wrong one costs a try. Durable when it resolves. */
  async #takeCode({ hostId, secret }: EnrolmentRequest): Promise<boolean> {
    const { vault, clock } = this.#options;
    const hash = Buffer.from(hashEnrolmentSecret(secret), "hex");
    return await vault.transact((tx) => {
      const kept = tx.get(CODES, String(hostId));
      if (kept === undefined) return false;
      const right = timingSafeEqual(hash, Buffer.from(kept.secretHash, "hex"));
      const ended = clock.now() >= kept.until;
      if (right || ended || kept.triesLeft <= 1) tx.delete(CODES, String(hostId));
      else tx.put(CODES, { ...kept, triesLeft: kept.triesLeft - 1 });
      return right && !ended;
    });
  }

  #tell(host: Host): void {
    for (const listener of this.#listeners) listener(host);
  }
}

/** The host of an id or a name. @throws GatehouseError `not_found` */
export function hostNamed(hosts: readonly Host[], text: string): Host {
  const found = hosts.find(({ id, name }) => name === text || String(id) === text);
  if (found !== undefined) return found;
  throw new GatehouseError(
    "not_found",
    `There is no host ${JSON.stringify(text.slice(0, 128))}: its id or name is expected.`,
  );
}
