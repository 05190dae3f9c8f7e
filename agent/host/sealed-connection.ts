/** One TCP connection of the agent to the daemon: sealed frames both ways. */

import { connect, type Socket } from "node:net";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { frameForStream, splitFrames } from "../../shared/monitor/splitter.ts";
import type { Destination } from "./datagrams.ts";

const CONNECT_TIMEOUT_MS = 10_000;

/** After so long without a word TCP asks whether the other side is there (Node asks ten times, one second apart). */
const KEEP_ALIVE_MS = 15_000;

/** Written and not yet taken by the network; more is not written before it drains. */
const MAX_BACKLOG_BYTES = 2 * 1024 * 1024;

/** The daemon's answers are lists of numbers. */
const MAX_ANSWER_BYTES = 16 * 1024;

export interface ConnectionOptions {
  /** A name or an address. */
  readonly address: string;
  readonly port: number;
  readonly clock: Clock;
  /** It stands; datagrams can go to the same place. */
  readonly onOpen: (peer: Destination) => void;
  /** A frame, not yet known to be authentic. */
  readonly onFrame: (frame: Buffer) => void;
  /** Once, after which nothing more is called; also when it never stood. */
  readonly onClose: (reason: string) => void;
}

export class SealedConnection {
  readonly #socket: Socket;
  readonly #close: (reason: string) => void;

  constructor({ address, port, clock, onOpen, onFrame, onClose }: ConnectionOptions) {
    const socket = connect({ host: address, port });
    this.#socket = socket;
    const cancel = clock.after(CONNECT_TIMEOUT_MS, () => this.close("it did not answer"));
    let closed = false;
    this.#close = (reason) => {
      cancel();
      socket.destroy();
      if (closed) return;
      closed = true;
      onClose(reason);
    };
    const splitter = splitFrames(MAX_ANSWER_BYTES);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.once("connect", () => {
      cancel();
      onOpen({ address: socket.remoteAddress ?? address, port });
    });
    socket.on("data", (piece: Buffer) => {
      try {
        for (const frame of splitter.push(piece)) if (!closed) onFrame(frame);
      } catch (error) {
        this.#close(errorText(error));
      }
    });
    socket.on("error", (error) => this.#close(errorText(error)));
    socket.on("end", () => this.#close("the daemon closed the connection"));
    socket.on("close", () => this.#close("the connection was closed"));
  }

  /** Whether there was room for it. */
  write(frame: Uint8Array): boolean {
    if (this.#socket.destroyed || this.#socket.writableLength > MAX_BACKLOG_BYTES) return false;
    this.#socket.write(frameForStream(frame));
    return true;
  }

  close(reason: string): void {
    this.#close(reason);
  }
}
