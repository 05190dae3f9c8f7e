/** oned's hook manager as a script: a ZeroMQ publisher that says what a test tells it to. */

import { type AddressInfo, createServer, type Socket } from "node:net";
import { greeting, message, readyCommand, ZmtpReader } from "../../gateway/cloud/opennebula/hooks/zmtp.ts";

export interface HookPublisher {
  readonly endpoint: string;
  /** Topics that were asked for, of every connection so far. */
  readonly topics: readonly string[];
  /** That were made so far. */
  readonly connections: number;
  /** Once so many connections have asked for everything. */
  subscribed(connections: number): Promise<void>;
  /** To whoever listens; a publisher keeps nothing for those who come later. */
  publish(topic: string, xml: string): void;
  /** Bytes as they are. */
  raw(bytes: Uint8Array): void;
  /** Cuts every connection. */
  cut(): void;
  close(): Promise<void>;
}

const TOPIC_COUNT = 7;

export async function startHookPublisher(): Promise<HookPublisher> {
  const topics: string[] = [];
  const sockets = new Set<Socket>();
  let waiting: (() => void)[] = [];
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.write(greeting());
    const reader = new ZmtpReader();
    socket.on("data", (bytes) => {
      for (const received of reader.feed(bytes)) {
        if (received.kind === "command") socket.write(readyCommand("PUB"));
        else topics.push(Buffer.concat(received.frames).subarray(1).toString("utf8"));
      }
      for (const look of waiting) look();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const send = (bytes: Uint8Array) => {
    for (const socket of sockets) socket.write(bytes);
  };
  return {
    endpoint: `tcp://127.0.0.1:${port}`,
    topics,
    get connections() {
      return connections;
    },
    async subscribed(connections) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = () => (topics.length >= connections * TOPIC_COUNT ? resolve() : undefined);
      waiting.push(look);
      look();
      await promise;
      waiting = waiting.filter((other) => other !== look);
    },
    publish: (topic, xml) =>
      send(message(Buffer.from(topic), Buffer.from(Buffer.from(xml).toString("base64")))),
    raw: send,
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
