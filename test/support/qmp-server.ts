/** A QEMU's monitor socket that says what the test has it say. */

import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}}, "capabilities": []}}\r\n';

/** How many QEMU lets wait, beside the one that Linux adds. */
const QEMU_BACKLOG = 1;

export interface QmpServer {
  readonly path: string;
  /** Commands heard, by name. */
  readonly heard: readonly string[];
  /** Resolves when the first client has come. */
  readonly met: Promise<void>;
  /** Resolves when the client of this moment, or the next one, has left. */
  readonly left: Promise<void>;
  close(): Promise<void>;
}

export interface QmpScript {
  /** What a client is told first; default GREETING. */
  readonly greeting?: string | Buffer;
  /** What a command is answered with, as text on the wire; undefined says nothing. */
  readonly reply?: (command: string, id: number, socket: Socket) => string | Buffer | undefined;
}

/** Replies as QEMU does, from values by command. */
export function answers(values: Readonly<Record<string, unknown>>): QmpScript {
  return {
    reply: (command, id) =>
      command === "qmp_capabilities" || command in values
        ? `${JSON.stringify({ return: values[command] ?? {}, id })}\r\n`
        : `${JSON.stringify({ error: { class: "CommandNotFound", desc: "No such command" }, id })}\r\n`,
  };
}

/** Listens on `path`, or on a socket in a folder of its own. */
export async function qmpServer(script: QmpScript, path?: string): Promise<QmpServer> {
  const folder = path === undefined ? await mkdtemp(join(tmpdir(), "qmp-")) : undefined;
  const socketPath = path ?? join(folder ?? "", "qmp-probe.sock");
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const met = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    sockets.add(socket);
    met.resolve();
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      left.resolve();
    });
    socket.write(script.greeting ?? GREETING);
    socket.on("data", (bytes) => {
      for (const line of bytes.toString().split("\n").filter(Boolean)) {
        const { execute, id } = JSON.parse(line);
        heard.push(execute);
        const answer = script.reply?.(execute, id, socket);
        if (answer !== undefined) socket.write(answer);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen({ path: socketPath, backlog: QEMU_BACKLOG }, resolve));
  return {
    path: socketPath,
    heard,
    met: met.promise,
    left: left.promise,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}
