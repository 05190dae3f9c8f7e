/**
 * Asks a QEMU through a monitor socket of its own: QMP's greeting, capabilities, then one command after another. QEMU is
 * the guest's jail and may have been broken out of, so nothing that it says, or fails to say, does more than fail the asking.
 */

import { createConnection } from "node:net";
import { z } from "zod";
import type { Clock } from "../clock.ts";
import { LineReader } from "./qmp-lines.ts";

/** A command by its name, or with what it is told. */
export type QmpCommand =
  | string
  | { readonly execute: string; readonly arguments: Readonly<Record<string, unknown>> };

export interface QmpOptions {
  readonly clock: Clock;
  /** Ends the asking early, with its reason. */
  readonly signal: AbortSignal;
  /** For all commands together, connecting included. Default QMP_TIMEOUT_MS. */
  readonly timeoutMs?: number;
}

/** QEMU's main loop answers in microseconds, unless it waits for its disks. */
export const QMP_TIMEOUT_MS = 2000;

/** QEMU serves one caller at a time and lets two more wait; the next is refused with EAGAIN, and tries again after this. */
const BUSY_PAUSE_MS = 20;

/** Anything with a name we wait for; what else is in it is read by those who asked. */
const message = z.union([
  z.object({ QMP: z.object({}) }).transform(() => ({ kind: "greeting" as const })),
  z.object({ event: z.string() }).transform(() => ({ kind: "event" as const })),
  z
    .object({ return: z.unknown(), id: z.int() })
    .transform((reply) => ({ kind: "return" as const, id: reply.id, value: reply.return })),
  z
    .object({ error: z.object({ class: z.string(), desc: z.string().optional() }), id: z.int() })
    .transform(({ error, id }) => ({ kind: "error" as const, id, class: error.class, text: error.desc })),
]);

type QmpMessage = z.infer<typeof message>;

/**
 * What the commands return, in their order.
 * @throws Error when it cannot be reached, does not answer in time, or answers anything but what QMP has it answer.
 */
export async function askQmp(
  socketPath: string,
  commands: readonly QmpCommand[],
  { clock, signal, timeoutMs = QMP_TIMEOUT_MS }: QmpOptions,
): Promise<readonly unknown[]> {
  signal.throwIfAborted();
  const over = new AbortController();
  const stopTimer = clock.after(timeoutMs, () =>
    over.abort(new Error(`The QMP socket did not answer within ${timeoutMs} ms.`)),
  );
  const onAbort = (): void =>
    over.abort(new Error("The asking over QMP was ended.", { cause: signal.reason }));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      const replies = await converse(socketPath, commands, over.signal);
      if (replies !== "busy") return replies;
      await pause(clock, over.signal);
    }
  } finally {
    stopTimer();
    signal.removeEventListener("abort", onAbort);
  }
}

/** Calls once. "busy" when too many wait already. @throws what ended it: `over`'s reason, or what went wrong. */
async function converse(
  socketPath: string,
  commands: readonly QmpCommand[],
  over: AbortSignal,
): Promise<readonly unknown[] | "busy"> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly unknown[] | "busy">();
  const socket = createConnection(socketPath);
  const onOver = (): void => reject(over.reason);
  over.addEventListener("abort", onOver, { once: true });
  const reader = new LineReader();
  const conversation = new Conversation(commands, (text) => socket.write(text), resolve);
  socket.on("data", (bytes) => {
    try {
      for (const line of reader.push(bytes)) conversation.hear(line);
    } catch (error) {
      socket.destroy();
      reject(new Error("The QMP socket does not speak QMP.", { cause: error }));
    }
  });
  // Also after the end, when a late reset would otherwise be nobody's.
  socket.on("error", (error) => {
    if ("code" in error && error.code === "EAGAIN") resolve("busy");
    else reject(new Error("The QMP socket cannot be reached.", { cause: error }));
  });
  socket.on("close", () => reject(new Error("The QMP socket was closed before it answered.")));
  try {
    return await promise;
  } finally {
    over.removeEventListener("abort", onOver);
    socket.destroy();
  }
}

/** @throws `over`'s reason when that comes first. */
async function pause(clock: Clock, over: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onOver = (): void => reject(over.reason);
  over.addEventListener("abort", onOver, { once: true });
  const stop = clock.after(BUSY_PAUSE_MS, resolve);
  try {
    // It may have ended between two calls.
    over.throwIfAborted();
    await promise;
  } finally {
    stop();
    over.removeEventListener("abort", onOver);
  }
}

/** Who says what when: the greeting begins, and each reply asks the next question. */
class Conversation {
  readonly #commands: readonly QmpCommand[];
  readonly #send: (text: string) => void;
  readonly #done: (replies: readonly unknown[]) => void;
  readonly #replies: unknown[] = [];
  #asked = 0;

  constructor(
    commands: readonly QmpCommand[],
    send: (text: string) => void,
    done: (replies: readonly unknown[]) => void,
  ) {
    this.#commands = ["qmp_capabilities", ...commands];
    this.#send = send;
    this.#done = done;
  }

  /** @throws Error for what does not belong there. */
  hear(line: string): void {
    if (line.trim() === "") return;
    const heard: QmpMessage = message.parse(JSON.parse(line));
    switch (heard.kind) {
      case "event":
        return;
      case "greeting":
        if (this.#asked > 0) throw new Error("A second greeting.");
        this.#askNext();
        return;
      case "error":
        throw new Error(
          `QEMU refused ${nameOf(this.#commands[heard.id])}: ${(heard.text ?? heard.class).slice(0, 300)}`,
        );
      case "return":
        if (heard.id !== this.#asked - 1) throw new Error("A reply to nothing that was asked.");
        this.#replies.push(heard.value);
        this.#askNext();
        return;
    }
  }

  #askNext(): void {
    const command = this.#commands[this.#asked];
    if (command === undefined) {
      this.#done(this.#replies.slice(1));
      return;
    }
    const asked = typeof command === "string" ? { execute: command } : command;
    this.#send(`${JSON.stringify({ ...asked, id: this.#asked })}\n`);
    this.#asked += 1;
  }
}

function nameOf(command: QmpCommand | undefined): string {
  return typeof command === "object" ? command.execute : (command ?? "a command");
}
