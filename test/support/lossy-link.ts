/**
 * A bad network between an agent and a daemon: datagrams are dropped, doubled and overtaken, connections cut. What
 * happens is drawn from a seed.
 */

import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { freePort } from "./free-port.ts";
import { type Random, seededRandom } from "./random.ts";

export interface LossyLinkOptions {
  /** The daemon's, on the loopback, UDP and TCP. */
  readonly port: number;
  readonly seed: number;
  /** In percent of datagrams. Defaults: 30, 10, 20. */
  readonly dropPercent?: number;
  readonly doublePercent?: number;
  /** Held back until the next one has passed. */
  readonly reorderPercent?: number;
  /** Percent of pieces of a TCP stream after which the connection is cut. Default: 5. */
  readonly cutPercent?: number;
}

export interface LossyLink {
  /** Where the agent goes: UDP and TCP. */
  readonly port: number;
  readonly counts: Readonly<Record<"passed" | "dropped" | "doubled" | "reordered" | "cut", number>>;
  /** Passes everything on from now, as a network that has recovered. */
  heal(): void;
  close(): Promise<void>;
}

export async function lossyLink(options: LossyLinkOptions): Promise<LossyLink> {
  const { port, seed } = options;
  const random = seededRandom(seed);
  const counts = { passed: 0, dropped: 0, doubled: 0, reordered: 0, cut: 0 };
  const sockets = new Set<Socket>();
  let isBad = true;
  const chance = (percent: number): boolean => isBad && random.integer(100) < percent;

  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const cut = (): void => {
      near.destroy();
      far.destroy();
    };
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("close", () => sockets.delete(from));
      from.on("error", cut);
      from.on("end", () => to.end());
      from.on("close", () => to.destroy());
      from.on("data", (piece: Buffer) => {
        if (!chance(options.cutPercent ?? 5)) return void to.write(piece);
        counts.cut += 1;
        // Half of it may arrive: a cut is seldom between two messages.
        to.write(piece.subarray(0, random.integer(piece.length)), cut);
      });
    }
  });
  // Its datagrams go to the same number.
  server.listen(await freePort(), "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const udp = await datagramProxy(address.port, port, { options, counts, chance, random });
  return {
    port: address.port,
    counts,
    heal() {
      isBad = false;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      udp.close();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

interface Weather {
  readonly options: LossyLinkOptions;
  readonly counts: { passed: number; dropped: number; doubled: number; reordered: number };
  readonly chance: (percent: number) => boolean;
  readonly random: Random;
}

/** One way only: the daemon answers no datagram. */
async function datagramProxy(
  nearPort: number,
  farPort: number,
  { options, counts, chance }: Weather,
): Promise<UdpSocket> {
  const udp = createSocket("udp4");
  let held: Buffer | undefined;
  const pass = (bytes: Buffer): void => {
    counts.passed += 1;
    udp.send(bytes, farPort, "127.0.0.1", () => undefined);
  };
  udp.on("message", (bytes) => {
    if (chance(options.dropPercent ?? 30)) {
      counts.dropped += 1;
      return;
    }
    if (held === undefined && chance(options.reorderPercent ?? 20)) {
      counts.reordered += 1;
      held = bytes;
      return;
    }
    pass(bytes);
    if (chance(options.doublePercent ?? 10)) {
      counts.doubled += 1;
      pass(bytes);
    }
    if (held !== undefined) pass(held);
    held = undefined;
  });
  udp.bind(nearPort, "127.0.0.1");
  await once(udp, "listening");
  return udp;
}
