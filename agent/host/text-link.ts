/**
 * The link in OpenNebula's text, for its own daemon: datagrams, and for STATE_VM a TCP connection of its own. Nothing is
 * acknowledged, so what arrived is what TCP took; while it takes nothing, all is spooled.
 */

import { connect } from "node:net";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { MAX_UDP_BYTES } from "../../shared/monitor/limits.ts";
import type { Message, MessageType } from "../../shared/monitor/message.ts";
import { printMessage } from "../../shared/monitor/print.ts";
import type { RsaKey } from "../../shared/monitor/rsa.ts";
import { encodeTextMessage } from "../../shared/monitor/text.ts";
import { BackOff } from "./back-off.ts";
import { Datagrams } from "./datagrams.ts";
import { DRAIN_EVERY_MS, DRAIN_MESSAGES, isWorthKeeping, type Link } from "./link.ts";
import type { Outbox } from "./outbox.ts";

/** What upstream's agent sends over TCP (spec monitoring.md 2). */
const OVER_TCP: MessageType = "STATE_VM";

const SEND_TIMEOUT_MS = 10_000;

export interface TextLinkOptions {
  readonly address: string;
  readonly port: number;
  /** PUBKEY; without it payloads go in clear. */
  readonly publicKey: RsaKey | undefined;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

export class TextLink implements Link {
  readonly #options: TextLinkOptions;
  readonly #datagrams = new Datagrams();
  readonly #backOff: BackOff;
  /** Until TCP refuses, the daemon is taken for reachable: datagrams tell nothing. */
  #isReachable = true;
  #isDelivering = false;
  #closed = false;
  #cancelRetry: (() => void) | undefined;
  #cancelDrain: (() => void) | undefined;

  constructor(options: TextLinkOptions) {
    this.#options = options;
    this.#backOff = new BackOff(options.random);
  }

  get isReachable(): boolean {
    return this.#isReachable;
  }

  start(): void {
    this.#pump();
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#cancelDrain?.();
    this.#datagrams.close();
  }

  send(messages: readonly Message[]): void {
    const { outbox } = this.#options;
    for (const message of messages) {
      if (message.type === OVER_TCP) outbox.keepMust(message);
      else if (this.#isReachable) this.#sendNow(message);
      else if (isWorthKeeping(message)) outbox.keepMetric(message);
    }
    this.#pump();
  }

  #encode(message: Message): Buffer {
    return encodeTextMessage(printMessage(message), this.#options.publicKey);
  }

  /** One that fits no datagram goes over TCP, where the daemon takes every type. */
  #sendNow(message: Message): void {
    const { address, port } = this.#options;
    const bytes = this.#encode(message);
    if (bytes.length <= MAX_UDP_BYTES) this.#datagrams.send(bytes, { address, port });
    else this.#sendByTcp(bytes).catch(() => undefined);
  }

  #pump(): void {
    if (this.#closed || this.#isDelivering || this.#cancelRetry !== undefined) return;
    const { outbox } = this.#options;
    outbox.forgetSent();
    const [message] = outbox.takeUnsent(1);
    if (message !== undefined) this.#deliver(message);
    else if (this.#isReachable && outbox.hasMetrics) this.#cancelDrain ??= this.#drainSoon();
  }

  #deliver(message: Message): void {
    const { outbox, clock, log } = this.#options;
    this.#isDelivering = true;
    this.#sendByTcp(this.#encode(message)).then(
      () => {
        this.#isDelivering = false;
        this.#isReachable = true;
        this.#backOff.reset();
        outbox.acknowledge(new Set([message.delivery ?? 0]));
        this.#pump();
      },
      (error: unknown) => {
        this.#isDelivering = false;
        if (this.#closed) return;
        if (this.#isReachable) log.warn({ reason: errorText(error) }, "The daemon cannot be reached.");
        this.#isReachable = false;
        this.#cancelRetry = clock.after(this.#backOff.next(), () => {
          this.#cancelRetry = undefined;
          this.#pump();
        });
      },
    );
  }

  #drainSoon(): () => void {
    const { clock, random, outbox } = this.#options;
    return clock.after(DRAIN_EVERY_MS * (0.5 + random()), () => {
      this.#cancelDrain = undefined;
      if (this.#isReachable) {
        const { messages, records } = outbox.metrics(DRAIN_MESSAGES);
        for (const message of messages) this.#sendNow(message);
        outbox.metricsSent(records);
      }
      this.#pump();
    });
  }

  /** The daemon reads to the end of the connection. */
  #sendByTcp(bytes: Buffer): Promise<void> {
    const { address, port, clock } = this.#options;
    return new Promise((resolve, reject) => {
      const socket = connect({ host: address, port });
      const cancel = clock.after(SEND_TIMEOUT_MS, () => socket.destroy(new Error("it took nothing in time")));
      // The daemon answers nothing; reading is how its end of the connection is seen.
      socket.resume();
      socket.once("error", reject);
      socket.once("close", (hadError) => {
        cancel();
        if (hadError) reject(new Error("the connection was lost"));
        else resolve();
      });
      socket.end(bytes);
    });
  }
}
