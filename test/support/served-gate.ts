/** OneGate over a fake cloud, served on a free port of this process, and talk with it through bare sockets. */

import { connect, type Socket } from "node:net";
import type { ConnectionBounds } from "../../gateway/main/connections.ts";
import { listen } from "../../gateway/main/listen.ts";
import { createServiceDirectory } from "../../gateway/oneflow/directory.ts";
import { createOneGate } from "../../gateway/onegate/app.ts";
import { oneGateSettingsSchema } from "../../gateway/onegate/settings.ts";
import type { RequestSeen } from "../../gateway/onegate/sight/observer.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import type { FakeCloud } from "./fake-cloud.ts";

export interface ServedGate {
  readonly port: number;
  readonly url: string;
  /** What its observer was told, in order. */
  readonly seen: readonly RequestSeen[];
  close(): Promise<void>;
}

export interface ServedOptions {
  /** As in a configuration. */
  readonly settings?: object;
  /** OneGate's; the server's own is the system's unless it is given, too. */
  readonly clock?: Clock;
  readonly serverClock?: Clock;
  readonly connections?: ConnectionBounds;
  /** Other than 127.0.0.1. */
  readonly host?: string;
}

export async function serveGate(fake: FakeCloud, options: ServedOptions = {}): Promise<ServedGate> {
  const { settings = {}, clock = systemClock, connections, host = "127.0.0.1" } = options;
  const serverClock = options.serverClock ?? systemClock;
  const cloud = fake.cloud();
  const seen: RequestSeen[] = [];
  const app = createOneGate({
    cloud,
    services: createServiceDirectory(cloud),
    settings: oneGateSettingsSchema.parse(settings),
    clock,
    log: silentLogger,
    observer: { seen: (request) => seen.push(request), waiting: () => undefined },
  });
  const endpoint = { host, port: 0 };
  const name = "onegate";
  const listening = await listen({ name, app, endpoint, connections, clock: serverClock, log: silentLogger });
  const { port } = listening;
  return { port, url: `http://127.0.0.1:${port}`, seen, close: () => listening.close() };
}

/** A connection from this machine's loopback address of choice; errors end it, like a close. */
export async function openSocket(port: number, localAddress = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
  return socket;
}

/** Sends these bytes, and gives all that comes back until the server closes, or `answers` answers are there. */
export async function sendRaw(
  port: number,
  bytes: string,
  answers = Number.POSITIVE_INFINITY,
): Promise<string> {
  const socket = await openSocket(port);
  let received = "";
  await new Promise<void>((resolve) => {
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      if (statusesOf(received).length >= answers) resolve();
    });
    socket.once("close", () => resolve());
    socket.write(bytes, "latin1");
  });
  socket.destroy();
  return received;
}

/** The status of each answer in what a server sent. */
export function statusesOf(received: string): readonly number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}
