/**
 * The client of those who wait, a process of its own: opens a connection for each, asks, makes the change, and tells
 * its parent when the last answer was whole. Answers are read as bytes, so that it costs both servers the same.
 */

import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

type Headers = Readonly<Record<string, string>>;

export interface RoundSpec {
  readonly host: string;
  readonly port: number;
  readonly waiters: number;
  /** Sent in turn. */
  readonly requests: readonly { readonly path: string; readonly headers: Headers }[];
  readonly change: {
    readonly method: string;
    readonly path: string;
    readonly headers: Headers;
    readonly body: string;
  };
}

export interface RoundResult {
  readonly answered: number;
  /** Answered before the change was asked for. */
  readonly early: number;
  readonly notOk: number;
  /** Bytes after the end of a whole answer: a second one. */
  readonly surplusBytes: number;
  /** From the sending of the change. */
  readonly lastMs: number;
}

/** Below a listening socket's backlog. */
const CONNECTING_AT_ONCE = 200;
/** By then a server has read what has been sent; and has sent whatever it would send twice. */
const SETTLE_MS = 1_500;

process.on("message", async (spec: RoundSpec) => {
  process.send?.(await round(spec));
});

class Waiting {
  readonly socket: Socket;
  #head: Buffer = Buffer.alloc(0);
  #left: number | undefined;
  surplusBytes = 0;
  isWhole = false;
  isOk = false;
  readonly #onWhole: () => void;

  constructor(socket: Socket, onWhole: () => void) {
    this.socket = socket;
    this.#onWhole = onWhole;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("error", () => undefined);
  }

  #take(chunk: Buffer): void {
    if (this.#left !== undefined) {
      this.#count(chunk.length);
      return;
    }
    this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.#head.toString("latin1", 0, end);
    this.isOk = head.startsWith("HTTP/1.1 200 ");
    this.#left = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    const rest = this.#head.length - end - 4;
    this.#head = Buffer.alloc(0);
    this.#count(rest);
  }

  #count(bytes: number): void {
    const left = (this.#left ?? 0) - bytes;
    this.#left = Math.max(0, left);
    if (left < 0) this.surplusBytes -= left;
    if (left > 0 || this.isWhole) return;
    this.isWhole = true;
    this.#onWhole();
  }
}

async function round({ host, port, waiters, requests, change }: RoundSpec): Promise<RoundResult> {
  let answered = 0;
  let last = 0;
  const all = Promise.withResolvers<void>();
  const onWhole = (): void => {
    answered += 1;
    last = performance.now();
    if (answered === waiters) all.resolve();
  };
  const waiting: Waiting[] = [];
  while (waiting.length < waiters) {
    const some = Math.min(CONNECTING_AT_ONCE, waiters - waiting.length);
    const sockets = await Promise.all(Array.from({ length: some }, () => connected(host, port)));
    for (const socket of sockets) {
      const one = requests[waiting.length % requests.length];
      const lines = Object.entries(one?.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`GET ${one?.path} HTTP/1.1\r\nHost: ${host}:${port}\r\n${lines.join("")}\r\n`);
      waiting.push(new Waiting(socket, onWhole));
    }
  }
  await pause(SETTLE_MS);
  const early = answered;
  const started = performance.now();
  await Promise.all([ask(host, port, change), Promise.race([all.promise, pause(30_000)])]);
  const lastMs = last - started;
  await pause(SETTLE_MS);
  const surplusBytes = waiting.reduce((sum, one) => sum + one.surplusBytes, 0);
  const notOk = waiting.filter(({ isWhole, isOk }) => isWhole && !isOk).length;
  await Promise.all(waiting.map(({ socket }) => closed(socket)));
  await pause(SETTLE_MS);
  return { answered, early, notOk, surplusBytes, lastMs };
}

function connected(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.once("connect", () => resolve(socket)).once("error", reject);
  });
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("close", () => resolve()).destroy();
  });
}

function ask(
  host: string,
  port: number,
  { method, path, headers, body }: RoundSpec["change"],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, method, path, headers, agent: false }, (response) => {
      response.resume().on("end", () => {
        if (response.statusCode === 204) resolve();
        else reject(new Error(`the change was answered ${response.statusCode}`));
      });
    });
    sent.on("error", reject).end(body);
  });
}
