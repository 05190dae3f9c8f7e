/** Listens to oned's hook manager over TCP, and connects again for as long as somebody wants to know. */

import { connect, type Socket } from "node:net";
import type { Clock } from "../../../../shared/clock.ts";
import { errorText } from "../../../../shared/errors.ts";
import type { Logger } from "../../../../shared/log.ts";
import { type Hint, hintIn, TOPICS } from "./hint.ts";
import { greeting, type Received, readyCommand, subscription, ZmtpReader } from "./zmtp.ts";

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;
/** A publisher with nothing to say is silent: only TCP tells that it is gone. */
const KEEP_ALIVE_MS = 30_000;

export interface SubscriberOptions {
  /** `tcp://host:port` */
  readonly endpoint: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onHint: (hint: Hint) => void;
  /** Messages come from now on; what came before was missed. */
  readonly onListening: () => void;
}

export class HookSubscriber {
  readonly #options: SubscriberOptions;
  readonly #address: { readonly host: string; readonly port: number };
  #socket: Socket | undefined;
  #cancel: (() => void) | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #isWanted = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    const { hostname, port } = new URL(options.endpoint);
    this.#address = { host: hostname, port: Number(port) };
  }

  start(): void {
    this.#isWanted = true;
    this.#connect();
  }

  stop(): void {
    this.#isWanted = false;
    this.#cancel?.();
    this.#socket?.destroy();
  }

  #connect(): void {
    const { clock, log } = this.#options;
    const reader = new ZmtpReader();
    const socket = connect(this.#address);
    this.#socket = socket;
    socket.setKeepAlive(true, KEEP_ALIVE_MS).unref();
    socket.once("connect", () => socket.write(greeting()));
    // Both sides speak at once: READY may be sent before the other's greeting is whole.
    socket.once("connect", () => socket.write(readyCommand("SUB")));
    socket.on("data", (bytes) => {
      try {
        for (const received of reader.feed(bytes)) this.#take(received, socket);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on("error", (error) =>
      log.debug({ reason: errorText(error) }, "OpenNebula's hook manager is not reached"),
    );
    socket.once("close", () => {
      // Who stopped and began again has another one by now.
      if (!this.#isWanted || this.#socket !== socket) return;
      this.#cancel = clock.after(this.#pauseMs, () => this.#connect());
      this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_PAUSE_MS);
    });
  }

  #take(received: Received, socket: Socket): void {
    const { onHint, onListening, log } = this.#options;
    if (received.kind === "command") {
      if (received.name !== "READY") return;
      for (const topic of TOPICS) socket.write(subscription(topic));
      this.#pauseMs = FIRST_PAUSE_MS;
      log.debug({}, "OpenNebula's hook manager is listened to");
      onListening();
      return;
    }
    const [topic, payload] = received.frames;
    if (topic === undefined) return;
    const hint = hintIn(topic.toString("utf8"), payload?.toString("latin1") ?? "");
    if (hint !== undefined) onHint(hint);
  }
}
