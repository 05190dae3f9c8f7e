/** A port of loopback for what must be told its own before it starts. */

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

const TRIES = 20;

/** Free for TCP and UDP at this moment; where a program can take any port (0), that is better. */
export async function freePort(): Promise<number> {
  for (let count = 0; count < TRIES; count += 1) {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const isFree = await isFreeForUdp(port);
    server.close();
    await once(server, "close");
    if (isFree) return port;
  }
  throw new Error(`of ${TRIES} ports none is free for both TCP and UDP`);
}

async function isFreeForUdp(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  try {
    socket.bind(port, "127.0.0.1");
    await once(socket, "listening");
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}
