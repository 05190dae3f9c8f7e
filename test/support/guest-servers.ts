/** Servers that a guest's command is set before, each closed when its test is over. */

import { createServer, type RequestListener, type Server } from "node:http";
import type { Socket } from "node:net";
import { afterEach } from "vitest";
import { type ChangingGate, changingGate } from "./changing-gate.ts";
import { listening, type ScriptedGate, scriptedGate } from "./scripted-gate.ts";

export interface GuestServers {
  /** What the end of the test closes, the last first. */
  readonly closers: (() => unknown)[];
  changing(document: object, options?: { etags: boolean }): Promise<ChangingGate>;
  scripted(): Promise<ScriptedGate>;
  /** The URL of a server that answers so; one of TLS bears `http:` in it all the same. */
  serve(listener: RequestListener, server?: Server): Promise<string>;
}

/** Registers its own afterEach; `check` runs once all are closed. */
export function useGuestServers(check: () => void = () => {}): GuestServers {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
    check();
  });
  return {
    closers,
    async changing(document, options) {
      const gate = await changingGate(document, options);
      closers.push(gate.close);
      return gate;
    },
    async scripted() {
      const gate = await scriptedGate();
      closers.push(gate.close);
      return gate;
    },
    async serve(listener, server = createServer()) {
      const sockets = new Set<Socket>();
      server.on("request", listener).on("connection", (socket) => sockets.add(socket));
      const { port } = await listening(server);
      closers.push(() => {
        for (const socket of sockets) socket.destroy();
        return new Promise((resolve) => server.close(resolve));
      });
      return `http://127.0.0.1:${port}`;
    },
  };
}

/** A VM's document as OneGate shows it. */
export const shownVm = (attributes: object, name = "seven") => ({
  VM: { ID: "7", NAME: name, USER_TEMPLATE: attributes },
});
