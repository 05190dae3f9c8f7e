/**
 * What a QEMU tells of its guest by itself, over a socket of its own: QMP's events. The guest has some of them in its hand, so
 * they are bounded: whoever says too much is heard again a second later, and what it said meanwhile is lost.
 */

import { connect } from "node:net";
import { z } from "zod";
import type { Clock } from "../../../../shared/clock.ts";
import { LineReader } from "../../../../shared/guests/qmp-lines.ts";

export type News =
  /** Its kernel panicked, and it stands still. */
  | { readonly kind: "panicked" }
  /** It began anew, of its own accord. */
  | { readonly kind: "reset" }
  /** It waits, since a disk could not be read or written. */
  | { readonly kind: "disk-error"; readonly reason: string };

export interface Newsroom {
  readonly path: string;
  readonly clock: Clock;
  readonly hear: (news: News) => void;
}

/** QEMU is still starting, has gone, or says too much. */
const RECONNECT_MS = 1_000;
const MAX_REASON_CHARACTERS = 100;
/** Heard of a QEMU before it waits its second: each costs the house some ten µs, and there are many guests. */
const MAX_LINES = 100;
const NO_SPACE = "there is no space left on this machine";

/** Names as in QEMU's QAPI: run-state.json and block-core.json. */
const message = z.union([
  z.object({ QMP: z.object({}) }).transform(() => "greeting" as const),
  z.object({ event: z.literal("GUEST_PANICKED") }).transform((): News => ({ kind: "panicked" })),
  z
    .object({ event: z.literal("RESET"), data: z.object({ guest: z.literal(true) }) })
    .transform((): News => ({ kind: "reset" })),
  z
    .object({
      event: z.literal("BLOCK_IO_ERROR"),
      data: z.object({ action: z.literal("stop"), nospace: z.boolean().optional(), reason: z.string() }),
    })
    .transform(({ data }): News => {
      const reason = data.nospace === true ? NO_SPACE : data.reason;
      return { kind: "disk-error", reason: reason.slice(0, MAX_REASON_CHARACTERS) };
    }),
  // How it fares is asked once: what happened while no house listened is told by that alone.
  z
    .object({ return: z.object({ status: z.literal("guest-panicked") }) })
    .transform((): News => ({ kind: "panicked" })),
  // Of all that can be wrong with a disk, only that has a guest wait (QEMU's werror=enospc).
  z
    .object({ return: z.object({ status: z.literal("io-error") }) })
    .transform((): News => ({ kind: "disk-error", reason: NO_SPACE })),
]);

const FIRST_WORDS = `{"execute":"qmp_capabilities"}\n{"execute":"query-status"}\n`;

/** Listens, and again whenever QEMU hung up, until it is closed. */
export function listenToQemu(room: Newsroom): { close(): void } {
  let isClosed = false;
  let stop: () => void = () => {};
  const begin = (): void => {
    stop = join(room, () => {
      if (!isClosed) stop = room.clock.after(RECONNECT_MS, begin);
    });
  };
  begin();
  return {
    close() {
      isClosed = true;
      stop();
    },
  };
}

function join({ path, hear }: Newsroom, onEnd: () => void): () => void {
  const socket = connect(path);
  const reader = new LineReader();
  let linesLeft = MAX_LINES;
  socket.on("data", (bytes) => {
    try {
      for (const line of reader.push(bytes).slice(0, linesLeft)) {
        linesLeft -= 1;
        const heard = message.safeParse(JSON.parse(line));
        if (!heard.success) continue;
        if (heard.data === "greeting") socket.write(FIRST_WORDS);
        else hear(heard.data);
      }
      if (linesLeft === 0) socket.destroy();
    } catch {
      socket.destroy();
    }
  });
  socket.on("error", () => {});
  socket.once("close", onEnd);
  return () => socket.destroy();
}
