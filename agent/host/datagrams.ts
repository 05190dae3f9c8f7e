/** Datagrams to the daemon: sent and forgotten, since a fresh measurement follows. */

import { isIPv6 } from "node:net";
import { DgramAsPromised } from "dgram-as-promised";

/** Where datagrams go: an address, so that no name is looked up for each. */
export interface Destination {
  readonly address: string;
  readonly port: number;
}

type DatagramSocket = ReturnType<typeof DgramAsPromised.createSocket>;

export class Datagrams {
  readonly #sockets = new Map<"udp4" | "udp6", DatagramSocket>();

  /** Never fails: what is lost on the first step is as what is lost on a later one. */
  send(bytes: Uint8Array, { address, port }: Destination): void {
    const family = isIPv6(address) ? "udp6" : "udp4";
    let socket = this.#sockets.get(family);
    if (socket === undefined) {
      socket = DgramAsPromised.createSocket(family);
      this.#sockets.set(family, socket);
    }
    socket.send(bytes, port, address).catch(() => undefined);
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#sockets.clear();
  }
}
