/**
 * Who may hold a connection to a server: so many in all, and so many of one address. In a full house the oldest idle
 * connection of the address that has most makes room, so that whoever holds connections for nothing loses them first.
 * Whoever floods one with requests, not waiting for answers, loses all of them.
 */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Server as SecureServer } from "node:https";
import type { Socket } from "node:net";
import type { Clock } from "../../shared/clock.ts";
import { PIPELINING } from "../onegate/fairness/connection-times.ts";
import { canonicalAddress, countedAs } from "../onegate/fairness/networks.ts";

export interface ConnectionBounds {
  readonly max: number;
  /** IPv6 by /64. */
  readonly maxPerAddress: number;
  /** Addresses without a bound of their own: proxies, behind which many stand. */
  readonly isExempt?: (address: string) => boolean;
}

interface Connection {
  readonly socket: Socket;
  /** What it counts as. */
  readonly key: string;
  readonly address: string;
  /** Of the last request on it. */
  response: ServerResponse | undefined;
  /** Requests that came while another was under way, and are not answered yet. */
  unanswered: number;
}

export interface BoundConnections {
  /** Nobody waits for what is asked there: it was cut for its flood, while what had come of it was still read. */
  isCut(socket: Socket): boolean;
}

/**
 * Bounds the server's connections from now on. `onFlood` hears of each address that is shut out for flooding. Unix sockets have no
 * addresses: their servers cannot be bounded so.
 */
export function boundConnections(
  server: Server | SecureServer,
  bounds: ConnectionBounds,
  { clock, onFlood }: { readonly clock: Clock; readonly onFlood: (address: string) => void },
): BoundConnections {
  const table = new ConnectionTable(bounds, clock, onFlood);
  server.on("connection", (socket: Socket) => table.admit(socket));
  // Before the app, which need not answer what is cut.
  server.prependListener("request", (request: IncomingMessage, response: ServerResponse) =>
    table.note(request.socket, response),
  );
  return { isCut: (socket) => socket.destroyed && table.isCut(socket) };
}

class ConnectionTable {
  readonly #bounds: ConnectionBounds;
  readonly #clock: Clock;
  readonly #onFlood: (address: string) => void;
  readonly #cut = new WeakSet<Socket>();
  /** What flooded lately. */
  readonly #shutOut = new Set<string>();
  /** By what the address counts as, then by `endsOf`, in the order in which they came. */
  readonly #held = new Map<string, Map<string, Connection>>();
  /** For each request again: asking a socket for its ends costs a twentieth of a small request. */
  readonly #ofSocket = new WeakMap<Socket, Connection>();
  readonly #sizes = new Sizes();
  #count = 0;

  constructor(bounds: ConnectionBounds, clock: Clock, onFlood: (address: string) => void) {
    this.#bounds = bounds;
    this.#clock = clock;
    this.#onFlood = onFlood;
  }

  isCut(socket: Socket): boolean {
    return this.#cut.has(socket);
  }

  admit(socket: Socket): void {
    const { remoteAddress } = socket;
    const ends = endsOf(socket);
    // It was reset before anybody looked.
    if (remoteAddress === undefined || ends === undefined) {
      socket.destroy();
      return;
    }
    const address = canonicalAddress(remoteAddress) ?? remoteAddress;
    const key = countedAs(address);
    const held = this.#held.get(key)?.size ?? 0;
    const tooMany = held >= this.#bounds.maxPerAddress && this.#bounds.isExempt?.(address) !== true;
    const isFull = this.#count >= this.#bounds.max;
    if (this.#shutOut.has(key) || tooMany || (isFull && !this.#makeRoom())) {
      socket.destroy();
      return;
    }
    this.#enter({ socket, key, address, response: undefined, unanswered: 0 }, ends);
    socket.once("close", () => this.#leave(key, ends, socket));
  }

  note(socket: Socket, response: ServerResponse): void {
    let connection = this.#ofSocket.get(socket);
    if (connection === undefined) {
      connection = this.#find(socket);
      if (connection === undefined) return;
      this.#ofSocket.set(socket, connection);
    }
    const { response: last } = connection;
    connection.response = response;
    if (last === undefined || last.writableFinished) return;
    connection.unanswered += 1;
    if (connection.unanswered > PIPELINING.maxUnanswered) this.#cutFlood(connection, socket);
    else response.once("close", () => this.#answered(connection));
  }

  #answered(connection: Connection): void {
    connection.unanswered -= 1;
  }

  /** Behind a proxy many stand, so it loses the one connection. */
  #cutFlood(connection: Connection, socket: Socket): void {
    this.#cut.add(socket);
    if (connection.socket.destroyed) return;
    connection.socket.destroy();
    const { key, address } = connection;
    if (this.#bounds.isExempt?.(address) === true) return;
    this.#shutOut.add(key);
    this.#clock.after(PIPELINING.refusedMs, () => this.#shutOut.delete(key));
    for (const other of [...(this.#held.get(key)?.values() ?? [])]) other.socket.destroy();
    this.#onFlood(address);
  }

  /** `socket` may be the encrypted one above that which was admitted: its ends are the same. */
  #find(socket: Socket): Connection | undefined {
    const { remoteAddress } = socket;
    const ends = endsOf(socket);
    if (remoteAddress === undefined || ends === undefined) return undefined;
    // What IPv4 peers are called needs no look at its form.
    const key = remoteAddress.includes(":")
      ? countedAs(canonicalAddress(remoteAddress) ?? remoteAddress)
      : remoteAddress;
    return this.#held.get(key)?.get(ends);
  }

  #enter(connection: Connection, ends: string): void {
    const { key, socket } = connection;
    const own = this.#held.get(key) ?? new Map<string, Connection>();
    const before = own.size;
    this.#held.set(key, own.set(ends, connection));
    this.#ofSocket.set(socket, connection);
    this.#sizes.move(key, before, own.size);
    this.#count += own.size - before;
  }

  #leave(key: string, ends: string, socket: Socket): void {
    const own = this.#held.get(key);
    if (own?.get(ends)?.socket !== socket) return;
    own.delete(ends);
    if (own.size === 0) this.#held.delete(key);
    this.#sizes.move(key, own.size + 1, own.size);
    this.#count -= 1;
  }

  #makeRoom(): boolean {
    const key = this.#sizes.largest();
    for (const [ends, connection] of this.#held.get(key ?? "") ?? []) {
      if (key === undefined || !isIdle(connection)) continue;
      this.#leave(key, ends, connection.socket);
      connection.socket.destroy();
      return true;
    }
    return false;
  }
}

/**
 * What is one connection's alone. A port is not: a machine with a /64 may open one from the same port of each of its
 * addresses, and towards each of ours.
 */
function endsOf({ remoteAddress, remotePort, localAddress }: Socket): string | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

/** Which addresses have how many, so that who has most is known at once, also under a flood. */
class Sizes {
  readonly #bySize = new Map<number, Set<string>>();
  #most = 0;

  /** From one size to one beside it, or the same. */
  move(key: string, from: number, to: number): void {
    if (from === to) return;
    const left = this.#bySize.get(from);
    left?.delete(key);
    if (left?.size === 0) this.#bySize.delete(from);
    if (to > 0) {
      const joined = this.#bySize.get(to) ?? new Set();
      this.#bySize.set(to, joined.add(key));
    }
    if (to > this.#most || !this.#bySize.has(this.#most)) this.#most = to;
  }

  largest(): string | undefined {
    const [first] = this.#bySize.get(this.#most) ?? [];
    return first;
  }
}

/** Nothing was asked on it yet, or all that was asked is answered. */
function isIdle({ response }: Connection): boolean {
  return response === undefined || response.writableFinished || response.destroyed;
}
