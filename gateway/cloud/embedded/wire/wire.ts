/**
 * The wire of a guest's interface: a socket of its QEMU, and the gate at its end. QEMU keeps listening when the house is gone, so a
 * wire is taken up again by the next one; connections of the guest's do not survive that, the guest does.
 */

import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import type { Clock } from "../../../../shared/clock.ts";
import { FrameReader, printFrame } from "./frame-reader.ts";
import { Gate } from "./gate.ts";

export interface WireOptions {
  /** QEMU's socket. */
  readonly path: string;
  readonly clock: Clock;
  readonly guestMac: Buffer;
  readonly guestIp: number | undefined;
  readonly addresses: ReadonlySet<number>;
  readonly port: number;
  /** Begins a connection to OneGate; undefined while there is none. */
  readonly connect: () => Socket | undefined;
}

export interface Wire {
  close(): void;
}

const RECONNECT_MS = 200;
/** What QEMU has not taken yet; more is lost, as on any wire. */
const MAX_WAITING_BYTES = 512 * 1024;
/** What a guest may say; more has to wait. OneGate takes far less of it. */
const MAX_FRAMES_A_SECOND = 4_000;

/** Connects, and connects again whenever QEMU hung up or is not there yet, until it is closed. */
export function openWire(options: WireOptions): Wire {
  let isClosed = false;
  let cut: () => void = () => {};
  const lay = (): void => {
    cut = joinQemu(options, () => {
      if (!isClosed) cut = options.clock.after(RECONNECT_MS, lay);
    });
  };
  lay();
  return {
    close() {
      isClosed = true;
      cut();
    },
  };
}

/** The returned function hangs up. */
function joinQemu(options: WireOptions, onEnd: () => void): () => void {
  const socket = connect(options.path);
  const reader = new FrameReader();
  const gate = new Gate({
    ...options,
    randomSequence: () => randomBytes(4).readUInt32BE(),
    send: (frame) => {
      if (socket.writableLength < MAX_WAITING_BYTES) socket.write(printFrame(frame));
    },
  });
  const pace = pacer(options.clock, socket);
  socket.on("data", (bytes) => {
    try {
      const frames = reader.push(bytes);
      for (const frame of frames) gate.hear(frame);
      pace.count(frames.length);
    } catch {
      // QEMU does not speak so; what has taken its place may begin anew.
      socket.destroy();
    }
  });
  socket.on("error", () => {});
  socket.once("close", () => {
    gate.close();
    pace.stop();
    onEnd();
  });
  return () => socket.destroy();
}

/** Lets the socket wait for the rest of a second in which it has said too much. */
function pacer(clock: Clock, socket: Socket): { count(frames: number): void; stop(): void } {
  let said = 0;
  let cancel: (() => void) | undefined;
  const begin = (): void => {
    said = 0;
    cancel = undefined;
    socket.resume();
  };
  return {
    count(frames) {
      said += frames;
      cancel ??= clock.after(1_000, begin);
      if (said > MAX_FRAMES_A_SECOND) socket.pause();
    },
    stop: () => cancel?.(),
  };
}
