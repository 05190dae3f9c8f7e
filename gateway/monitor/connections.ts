/** All TCP peers of the daemon: who may come, who must go, and what they may hold together. */

import type { Server, Socket } from "node:net";
import type { Clock } from "../../shared/clock.ts";
import type { Agent } from "./agents.ts";
import { Connection, type ConnectionEvents, type ConnectionOptions } from "./connection.ts";

/** A peer that has sent nothing that is taken by then is a stranger. */
const PROVE_MS = 10_000;
/** One message may be on its way so long. */
const MESSAGE_MS = 30_000;
/** A full report of states comes every three minutes. */
const IDLE_MS = 900_000;
const SWEEP_MS = 2_000;

/** Unfinished messages of all peers. */
const MAX_HELD_BYTES = 64 * 1_024 * 1_024;

export interface ConnectionsOptions extends ConnectionOptions {
  readonly max: number;
  readonly maxPerAddress: number;
  readonly clock: Clock;
}

export class Connections implements ConnectionEvents {
  readonly #options: ConnectionsOptions;
  readonly #open = new Set<Connection>();
  readonly #ofAddress = new Map<string, number>();
  readonly #ofAgent = new Map<string, Connection>();
  #heldBytes = 0;
  #cancelSweep: () => void;
  #closed = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#cancelSweep = options.clock.after(SWEEP_MS, this.#sweep);
  }

  get open(): number {
    return this.#open.size;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  serve(server: Server): void {
    server.on("connection", (socket) => this.#admit(socket));
  }

  /** Ends the connection of an agent whose key speaks no more. */
  forget(keyId: string): void {
    this.#ofAgent.get(keyId)?.cut("replaced");
  }

  close(): void {
    this.#closed = true;
    this.#cancelSweep();
    for (const { socket } of this.#open) socket.destroy();
  }

  held(connection: Connection, change: number): void {
    this.#heldBytes += change;
    if (change <= 0 || this.#heldBytes <= MAX_HELD_BYTES) return;
    let largest = connection;
    for (const other of this.#open) if (other.held > largest.held) largest = other;
    largest.cut("held_bytes");
  }

  proved(connection: Connection, { keyId }: Agent): void {
    const before = this.#ofAgent.get(keyId);
    this.#ofAgent.set(keyId, connection);
    connection.socket.once("close", () => {
      if (this.#ofAgent.get(keyId) === connection) this.#ofAgent.delete(keyId);
    });
    if (before !== connection) before?.cut("replaced");
  }

  #admit(socket: Socket): void {
    const address = socket.remoteAddress;
    // A peer that resets is no fault of ours; "close" follows.
    socket.on("error", () => undefined);
    if (address === undefined || this.#closed) {
      socket.destroy();
      return;
    }
    this.#options.counts.connections += 1;
    const ofAddress = this.#ofAddress.get(address) ?? 0;
    if (this.#open.size >= this.#options.max || ofAddress >= this.#options.maxPerAddress) {
      this.#options.counts.cut("too_many");
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    const connection = new Connection(socket, address, this.#options, this);
    this.#open.add(connection);
    this.#ofAddress.set(address, ofAddress + 1);
    socket.once("close", () => this.#leave(connection));
  }

  #leave(connection: Connection): void {
    connection.closed();
    this.#open.delete(connection);
    const left = (this.#ofAddress.get(connection.address) ?? 1) - 1;
    if (left === 0) this.#ofAddress.delete(connection.address);
    else this.#ofAddress.set(connection.address, left);
  }

  readonly #sweep = (): void => {
    const now = this.#options.clock.elapsed();
    for (const connection of this.#open) {
      const { isProved, acceptedAt, begunAt, heardAt } = connection;
      if (!isProved && now - acceptedAt >= PROVE_MS) connection.cut("silent");
      else if (begunAt !== undefined && now - begunAt >= MESSAGE_MS) connection.cut("stalled");
      else if (now - heardAt >= IDLE_MS) connection.cut("idle");
    }
    this.#cancelSweep = this.#options.clock.after(SWEEP_MS, this.#sweep);
  };
}
