/**
 * The sealed link: one TCP connection that stays, for what must arrive and what fits no datagram; datagrams for the
 * rest. Each connection has a boot id of its own, and begins with a hello, so that the daemon can ask for the next.
 */

import type { Clock } from "../../shared/clock.ts";
import { epochSeconds } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { Channel } from "../../shared/monitor/keys.ts";
import { type Message, mustArrive } from "../../shared/monitor/message.ts";
import { DEFAULT_MAX_SKEW_MS, receiveAcknowledgement } from "../../shared/monitor/receive.ts";
import { ReplayWindow } from "../../shared/monitor/replay-window.ts";
import { fitsDatagram, Sealer } from "../../shared/monitor/sealed.ts";
import { BackOff } from "./back-off.ts";
import type { BootIds } from "./boot-ids.ts";
import { Datagrams, type Destination } from "./datagrams.ts";
import { DRAIN_EVERY_MS, DRAIN_MESSAGES, isWorthKeeping, type Link } from "./link.ts";
import type { Outbox } from "./outbox.ts";
import { SealedConnection } from "./sealed-connection.ts";

/** Messages on their way at most; the daemon answers each frame once it is durable there. */
const MAX_UNDER_WAY = 64;
const MESSAGES_A_FRAME = 16;

/** Without an acknowledgement for so long all is sent again; twice in a row, and the connection is given up. */
const ACKNOWLEDGED_WITHIN_MS = 10_000;

/** New boot ids that one connection may ask for; each costs a flush of the disk. */
const MAX_RENEWALS = 5;

export interface SealedLinkOptions {
  readonly channel: Channel;
  readonly address: string;
  readonly port: number;
  readonly hostId: number;
  readonly outbox: Outbox;
  readonly bootIds: BootIds;
  /** Of this start, already kept; for the first connection. */
  readonly bootId: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** A connection that stands. */
interface Open {
  readonly connection: SealedConnection;
  readonly peer: Destination;
  sealer: Sealer;
  renewals: number;
  /** Times in a row that an acknowledgement did not come in time. */
  silent: number;
}

export class SealedLink implements Link {
  readonly #options: SealedLinkOptions;
  readonly #datagrams = new Datagrams();
  readonly #backOff: BackOff;
  /** Of the daemon's frames. */
  readonly #window = new ReplayWindow();
  #firstBootId: number | undefined;
  #connection: SealedConnection | undefined;
  #open: Open | undefined;
  /** The last connection stood, and nobody answered on it. */
  #isSuspect = false;
  #isLossSaid = false;
  #closed = false;
  #cancelRetry: () => void = () => undefined;
  #cancelPatience: (() => void) | undefined;
  #cancelDrain: (() => void) | undefined;

  constructor(options: SealedLinkOptions) {
    this.#options = options;
    this.#backOff = new BackOff(options.random);
    this.#firstBootId = options.bootId;
  }

  get isReachable(): boolean {
    return this.#open !== undefined && !this.#isSuspect;
  }

  start(): void {
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry();
    this.#connection?.close("the agent ends");
    this.#datagrams.close();
  }

  send(messages: readonly Message[]): void {
    const { outbox } = this.#options;
    for (const message of messages) if (mustArrive(message.type)) outbox.keepMust(message);
    const others = messages.filter(({ type }) => !mustArrive(type));
    if (others.length > 0 && !this.#sendNow(others))
      for (const message of others.filter(isWorthKeeping)) outbox.keepMetric(message);
    this.#pump();
  }

  #sendNow(messages: readonly Message[]): boolean {
    const open = this.#open;
    if (open === undefined || this.#isSuspect) return false;
    const frame = this.#seal(open, messages);
    // What cannot be sealed now cannot be later.
    if (frame === undefined) return true;
    if (!fitsDatagram(frame)) return open.connection.write(frame);
    this.#datagrams.send(frame, open.peer);
    return true;
  }

  #connect(): void {
    const { address, port, clock } = this.#options;
    const connection: SealedConnection = new SealedConnection({
      address,
      port,
      clock,
      onOpen: (peer) => this.#opened(connection, peer),
      onFrame: (frame) => this.#received(frame),
      onClose: (reason) => this.#lost(reason),
    });
    this.#connection = connection;
  }

  #opened(connection: SealedConnection, peer: Destination): void {
    const sealer = this.#newSealer(connection);
    if (sealer === undefined) return;
    this.#open = { connection, peer, sealer, renewals: 0, silent: 0 };
    this.#isLossSaid = false;
    this.#options.outbox.forgetSent();
    this.#hello(this.#open);
    this.#pump();
  }

  #hello(open: Open): void {
    const { hostId, clock } = this.#options;
    const reading = { kind: "beacon" } as const;
    const head = {
      type: "BEACON_HOST",
      status: "SUCCESS",
      oid: hostId,
      timestamp: epochSeconds(clock),
    } as const;
    const frame = this.#seal(open, [{ ...head, reading }]);
    if (frame !== undefined) open.connection.write(frame);
  }

  /** Without a boot id that is kept nothing may be sealed: the connection is given up. */
  #newSealer(connection: SealedConnection): Sealer | undefined {
    try {
      const bootId = this.#firstBootId ?? this.#options.bootIds.take();
      this.#firstBootId = undefined;
      return new Sealer(this.#options.channel, bootId);
    } catch (error) {
      connection.close(`no boot id can be kept: ${errorText(error)}`);
      return undefined;
    }
  }

  #lost(reason: string): void {
    const { log, clock } = this.#options;
    this.#connection = undefined;
    this.#open = undefined;
    this.#cancelPatience?.();
    this.#cancelPatience = undefined;
    this.#cancelDrain?.();
    this.#cancelDrain = undefined;
    this.#options.outbox.forgetSent();
    if (this.#closed) return;
    const waitMs = this.#backOff.next();
    log[this.#isLossSaid ? "debug" : "warn"](
      { reason, waitMs: Math.round(waitMs) },
      "The daemon cannot be reached.",
    );
    this.#isLossSaid = true;
    this.#cancelRetry = clock.after(waitMs, () => this.#connect());
  }

  #received(frame: Buffer): void {
    const open = this.#open;
    if (open === undefined) return;
    const { channel, clock, outbox } = this.#options;
    const rules = { nowMs: clock.now(), maxSkewMs: DEFAULT_MAX_SKEW_MS };
    // A refusal goes to the connection, which closes: nothing else may speak on it.
    const { deliveries, renew } = receiveAcknowledgement({ channel, window: this.#window }, frame, rules);
    this.#isSuspect = false;
    this.#backOff.reset();
    if (outbox.acknowledge(new Set(deliveries))) {
      open.silent = 0;
      this.#cancelPatience?.();
      this.#cancelPatience = undefined;
    }
    if (renew) this.#renew(open);
    this.#pump();
  }

  #renew(open: Open): void {
    open.renewals += 1;
    if (open.renewals > MAX_RENEWALS) {
      open.connection.close("the daemon takes none of our boots");
      return;
    }
    const sealer = this.#newSealer(open.connection);
    if (sealer === undefined) return;
    open.sealer = sealer;
    this.#options.outbox.forgetSent();
    this.#hello(open);
  }

  /** Sends what must arrive and is not on its way; when all has arrived, measurements from the spool. */
  #pump(): void {
    const open = this.#open;
    if (open === undefined) return;
    const { outbox } = this.#options;
    while (outbox.underWay < MAX_UNDER_WAY) {
      const messages = outbox.takeUnsent(Math.min(MESSAGES_A_FRAME, MAX_UNDER_WAY - outbox.underWay));
      if (messages.length === 0) break;
      const frame = this.#seal(open, messages);
      if (frame === undefined || !open.connection.write(frame)) break;
    }
    if (outbox.underWay > 0) this.#cancelPatience ??= this.#patience(open);
    else if (outbox.hasMetrics && outbox.isDelivered) this.#cancelDrain ??= this.#drainSoon(open);
  }

  #patience(open: Open): () => void {
    return this.#options.clock.after(ACKNOWLEDGED_WITHIN_MS, () => {
      this.#cancelPatience = undefined;
      open.silent += 1;
      if (open.silent > 1) {
        this.#isSuspect = true;
        return open.connection.close("it acknowledges nothing");
      }
      this.#options.outbox.forgetSent();
      this.#pump();
    });
  }

  #drainSoon(open: Open): () => void {
    const { clock, random, outbox } = this.#options;
    return clock.after(DRAIN_EVERY_MS * (0.5 + random()), () => {
      this.#cancelDrain = undefined;
      const { messages, records } = outbox.metrics(DRAIN_MESSAGES);
      const frame = this.#seal(open, messages);
      if (frame === undefined || open.connection.write(frame)) outbox.metricsSent(records);
      this.#pump();
    });
  }

  /** Undefined for what is too large for a frame, which is said and given up. */
  #seal(open: Open, messages: readonly Message[]): Buffer | undefined {
    try {
      return open.sealer.messages({ sentMs: Math.floor(this.#options.clock.now()), messages });
    } catch (error) {
      this.#options.log.error({ error: errorText(error) }, "Messages cannot be sealed.");
      return undefined;
    }
  }
}
