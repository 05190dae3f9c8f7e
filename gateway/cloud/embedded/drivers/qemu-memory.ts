/**
 * Saves what a guest has in memory, and gives it back: QEMU's migration, over a socket to the house, which keeps the file.
 * So QEMU needs no program and no file that it could not have else, and any version from 2.11 on will do.
 */

import { createReadStream } from "node:fs";
import { chown, type FileHandle, lstat, open, rename, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Clock } from "../../../../shared/clock.ts";
import { delay } from "../../../../shared/delay.ts";
import { errorText, GatehouseError } from "../../../../shared/errors.ts";
import type { QemuGuestPaths } from "../../../../shared/guests/qemu-layout.ts";
import type { Monitored, QemuMonitor } from "./qemu-monitor.ts";

export interface MemoryPlace {
  readonly guest: Monitored;
  readonly paths: QemuGuestPaths;
  readonly monitor: QemuMonitor;
  readonly clock: Clock;
  /** The guest's user; undefined: the house's. */
  readonly uid: number | undefined;
}

/** Devices and page tables beside the memory itself; VGA has memory of its own. */
const BESIDE_MEMORY_BYTES = 256 * 1024 * 1024;
/** Nothing else runs on the guest's disk or the socket meanwhile. */
const BYTES_A_SECOND = 8 * 1024 * 1024 * 1024;
const TIMEOUT_MS = 30 * 60_000;
const POLL_MS = 50;

/** Was something saved that has not been given back? */
export async function hasMemory(paths: QemuGuestPaths): Promise<boolean> {
  return (await lstat(paths.memory).catch(() => undefined))?.isFile() === true;
}

/**
 * Saves the memory of a paused guest, durably; its QEMU computes no more afterwards.
 * @throws GatehouseError `unavailable` when QEMU cannot; it may then go on.
 */
export async function saveMemory(place: MemoryPlace, memoryMiB: number): Promise<void> {
  const { guest, paths, monitor } = place;
  const fresh = `${paths.memory}.new`;
  await rm(fresh, { force: true });
  const file = await open(fresh, "wx", 0o600);
  const server = await listenOn(place);
  try {
    const received = receive(server, file, memoryMiB * 1024 * 1024 * 1.01 + BESIDE_MEMORY_BYTES);
    // It also fails when nothing waits for it any more.
    received.catch(() => {});
    await monitor.tell(
      guest,
      { execute: "migrate-set-parameters", arguments: { "max-bandwidth": BYTES_A_SECOND } },
      { execute: "migrate", arguments: { uri: `unix:${paths.memorySocket}` } },
    );
    await Promise.all([received, untilMigrated(place)]);
    await file.sync();
    await rename(fresh, paths.memory);
  } catch (error) {
    await rm(fresh, { force: true });
    if (error instanceof GatehouseError) throw error;
    const why = `The guest's memory could not be saved: ${errorText(error).replace(/\.$/, "")}.`;
    throw new GatehouseError("unavailable", why, { cause: error });
  } finally {
    server.close();
    await file.close();
    await rm(paths.memorySocket, { force: true });
  }
}

/** Gives a QEMU that waits for it what was saved. @throws GatehouseError `unavailable`. */
export async function restoreMemory(place: MemoryPlace): Promise<void> {
  const socket = connect(place.paths.memorySocket);
  try {
    await pipeline(createReadStream(place.paths.memory), socket);
  } catch (error) {
    // QEMU hangs up once it has what it needs, often before this end is done: then only QEMU knows how it went.
    if (socket.bytesWritten === 0)
      throw new GatehouseError("unavailable", "QEMU did not take back what was saved.", { cause: error });
  } finally {
    socket.destroy();
  }
  await untilMigrated(place);
  await rm(place.paths.memorySocket, { force: true });
}

/** The socket is the guest's user's alone, like the directory it lies in. */
async function listenOn({ paths, uid }: MemoryPlace): Promise<Server> {
  await rm(paths.memorySocket, { force: true });
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(paths.memorySocket, resolve);
  });
  if (uid !== undefined) await chown(paths.memorySocket, uid, uid);
  return server;
}

async function receive(server: Server, file: FileHandle, maxBytes: number): Promise<void> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    server.once("connection", resolve);
    server.once("close", () => reject(new Error("QEMU did not come.")));
  });
  let bytes = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > maxBytes) done(new Error("QEMU sends more than a guest of this size has."));
      else done(null, chunk);
    },
  });
  await pipeline(socket, bounded, async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) await file.writeFile(chunk);
  });
}

async function untilMigrated({ guest, monitor, clock }: MemoryPlace): Promise<void> {
  for (let waitedMs = 0; waitedMs < TIMEOUT_MS; waitedMs += POLL_MS) {
    const { status, "error-desc": reason } = await monitor.migration(guest);
    if (status === "completed") return;
    if (status === "failed" || status === "cancelled")
      throw new GatehouseError(
        "unavailable",
        `QEMU could not hand over the guest's memory: ${reason ?? status}.`,
      );
    await delay(clock, POLL_MS);
  }
  throw new GatehouseError("unavailable", "Handing over the guest's memory took longer than half an hour.");
}
