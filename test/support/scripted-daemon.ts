/** A monitoring daemon for tests of the agent: takes sealed frames and text on one port, and answers as it is told. */

import { randomBytes } from "node:crypto";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { type Channel, daemonChannel, generateKeyPair, type KeyPair } from "../../shared/monitor/keys.ts";
import type { Message } from "../../shared/monitor/message.ts";
import { readMessage } from "../../shared/monitor/read.ts";
import { receiveMessages } from "../../shared/monitor/receive.ts";
import { ReplayWindow } from "../../shared/monitor/replay-window.ts";
import { Sealer } from "../../shared/monitor/sealed.ts";
import { parseFrameHead } from "../../shared/monitor/sealed-head.ts";
import { codecOf, frameForStream, splitFrames } from "../../shared/monitor/splitter.ts";
import { decodeTextMessage } from "../../shared/monitor/text.ts";

export interface Heard {
  readonly message: Message;
  readonly over: "udp" | "tcp";
  readonly codec: "sealed" | "text";
  /** Of the sealed frame; 0 for text. */
  readonly bootId: number;
}

export interface ScriptedDaemon {
  readonly port: number;
  /** The agent's and the daemon's, made for the test. */
  readonly agent: KeyPair;
  readonly daemon: KeyPair;
  /** All that came, in order, repeated frames of deliveries included. */
  readonly heard: readonly Heard[];
  /** Deliveries in the order in which they were taken, each once, as a daemon applies them. */
  readonly applied: readonly Message[];
  /** Frames that were refused, by their reason. */
  readonly refused: readonly string[];
  readonly connections: number;
  /** What to answer to deliveries: acknowledge (the default), nothing, or the demand for a new boot. */
  answer: "acknowledge" | "nothing" | "renew";
  /** The first message that `matches`, heard by now or later. */
  next(matches: (heard: Heard) => boolean): Promise<Heard>;
  /** Resolves once it holds, looked at now and after each message. */
  until(holds: () => boolean): Promise<void>;
  /** Listens no more, and closes what stands; `up` listens on the same port again. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** Cuts the connections that stand. */
  cut(): void;
  close(): Promise<void>;
}

/** Listens on a free port of the loopback. */
export async function scriptedDaemon(clock: Clock = systemClock): Promise<ScriptedDaemon> {
  const script = new Script(clock);
  await script.up();
  return script;
}

class Script implements ScriptedDaemon {
  readonly agent = generateKeyPair(randomBytes);
  readonly daemon = generateKeyPair(randomBytes);
  readonly heard: Heard[] = [];
  readonly applied: Message[] = [];
  readonly refused: string[] = [];
  port = 0;
  connections = 0;
  readonly #clock: Clock;
  answer: ScriptedDaemon["answer"] = "acknowledge";
  readonly #channel: Channel = daemonChannel(this.daemon, this.agent.publicKey);
  readonly #window = new ReplayWindow();
  readonly #sealer = new Sealer(this.#channel, 1);
  readonly #sockets = new Set<Socket>();
  #waiting: { readonly matches: (heard: Heard) => boolean; readonly found: (heard: Heard) => void }[] = [];
  #looking: { readonly holds: () => boolean; readonly found: () => void }[] = [];
  #highest = 0;
  #tcp: Server | undefined;
  #udp: UdpSocket | undefined;

  next(matches: (heard: Heard) => boolean): Promise<Heard> {
    const there = this.heard.find(matches);
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((found) => this.#waiting.push({ matches, found }));
  }

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async until(holds: () => boolean): Promise<void> {
    if (holds()) return;
    // After the message was applied and answered, too.
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#looking.push({ holds, found: resolve });
    await promise;
  }

  async up(): Promise<void> {
    const tcp = createServer((socket) => this.#serve(socket));
    tcp.listen(this.port, "127.0.0.1");
    await once(tcp, "listening");
    const address = tcp.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    this.port = address.port;
    const udp = createSocket("udp4");
    udp.on("message", (bytes) => this.#datagram(bytes));
    udp.bind(this.port, "127.0.0.1");
    await once(udp, "listening");
    [this.#tcp, this.#udp] = [tcp, udp];
  }

  async down(): Promise<void> {
    const [tcp, udp] = [this.#tcp, this.#udp];
    [this.#tcp, this.#udp] = [undefined, undefined];
    udp?.close();
    if (tcp === undefined) return;
    const closed = once(tcp, "close");
    tcp.close();
    this.cut();
    await closed;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): Promise<void> {
    return this.down();
  }

  #serve(socket: Socket): void {
    this.connections += 1;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
    const frames = splitFrames();
    const text: Buffer[] = [];
    let codec: "sealed" | "text" | undefined;
    socket.on("data", (piece: Buffer) => {
      codec ??= codecOf(piece[0] ?? 0);
      if (codec === "text") text.push(piece);
      else for (const frame of frames.push(piece)) this.#frame(frame, socket);
    });
    socket.on("end", () => {
      if (codec === "text") this.#text(Buffer.concat(text), "tcp");
      socket.end();
    });
  }

  #datagram(bytes: Buffer): void {
    if (codecOf(bytes[0] ?? 0) === "text") this.#text(bytes, "udp");
    else this.#frame(bytes, undefined);
  }

  #text(bytes: Buffer, over: "udp" | "tcp"): void {
    this.#hear({ message: readMessage(decodeTextMessage(bytes).message), over, codec: "text", bootId: 0 });
    this.#look();
  }

  #frame(frame: Buffer, socket: Socket | undefined): void {
    const peer = { channel: this.#channel, window: this.#window };
    try {
      const { messages } = receiveMessages(peer, frame, { nowMs: this.#clock.now(), maxSkewMs: 1e9 });
      const { bootId } = parseFrameHead(frame);
      const over = socket === undefined ? "udp" : "tcp";
      for (const message of messages) this.#hear({ message, over, codec: "sealed", bootId });
      if (socket !== undefined) this.#reply(messages, socket);
      this.#look();
    } catch (error) {
      this.refused.push(error instanceof Error && "reason" in error ? String(error.reason) : String(error));
    }
  }

  #reply(messages: readonly Message[], socket: Socket): void {
    const deliveries = messages.flatMap(({ delivery }) => delivery ?? []);
    if (this.answer === "nothing" || deliveries.length === 0) return;
    const renew = this.answer === "renew";
    if (!renew) this.#apply(messages);
    if (renew) this.answer = "acknowledge";
    const contents = { sentMs: Math.floor(this.#clock.now()), deliveries: renew ? [] : deliveries, renew };
    socket.write(frameForStream(this.#sealer.acknowledgement(contents)));
  }

  #apply(messages: readonly Message[]): void {
    for (const message of messages) {
      const { delivery = 0 } = message;
      if (delivery <= this.#highest) continue;
      this.#highest = delivery;
      this.applied.push(message);
    }
  }

  #look(): void {
    const found = this.#looking.filter(({ holds }) => holds());
    this.#looking = this.#looking.filter((one) => !found.includes(one));
    for (const one of found) one.found();
  }

  #hear(heard: Heard): void {
    this.heard.push(heard);
    const found = this.#waiting.filter(({ matches }) => matches(heard));
    this.#waiting = this.#waiting.filter((one) => !found.includes(one));
    for (const one of found) one.found(heard);
  }
}
