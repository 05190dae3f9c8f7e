/** The pipe to oned: its lines one after another, each done before the next is read, and ours in a queue of bounded size. */

import type { Readable, Writable } from "node:stream";
import { errorText, GatehouseError } from "../../../shared/errors.ts";
import { BoundedLines, TOO_LONG } from "./bounded-lines.ts";
import { type CoreLine, readCoreLine } from "./core-line.ts";
import { LineQueue, type Topic } from "./line-queue.ts";

/** One line of oned: a pool of 10,000 hosts takes some 6 MB. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

export interface CorePipeOptions {
  readonly input: Readable;
  readonly output: Writable;
  /** Told of each line; the next one waits for it. */
  readonly onLine: (line: CoreLine) => void | Promise<void>;
  /** Told of a line that cannot be read, and goes on. */
  readonly onBroken: (reason: string) => void;
}

export class CorePipe {
  readonly #options: CorePipeOptions;
  readonly #queue = new LineQueue();
  /** oned takes lines: it has read the answer to INIT. */
  #listens = false;
  #writes = false;
  #closed = false;

  constructor(options: CorePipeOptions) {
    this.#options = options;
    // oned has gone: its end of our input tells so, too.
    options.output.on("error", () => {
      this.#closed = true;
    });
  }

  /** Resolves when oned has closed the pipe, or has said FINALIZE. Never rejects. */
  async read(): Promise<void> {
    const lines = new BoundedLines(MAX_LINE_BYTES);
    try {
      for await (const piece of this.#options.input) {
        for (const line of lines.push(piece)) if (await this.#take(line)) return;
      }
    } catch (error) {
      if (!isOurEnd(error)) this.#options.onBroken(`the pipe failed: ${errorText(error)}`);
    } finally {
      this.#closed = true;
    }
  }

  /**
   * Takes a line for oned, which reads it in its own time. What is sent before oned listens waits.
   * @throws GatehouseError `unavailable` when oned has gone, or too much waits.
   */
  send(line: string, topic?: Topic): void {
    if (this.#closed) throw new GatehouseError("unavailable", "oned has closed its pipe.");
    this.#queue.add(line, topic);
    this.#write();
  }

  /** What waits of hosts, and oned did not read yet, is not told it any more. */
  dropReports(): void {
    this.#queue.dropTopics();
  }

  /** One piece at a time: what waits behind it may still be replaced by what is newer. */
  #write(): void {
    if (this.#writes || !this.#listens || this.#closed || this.#queue.isEmpty) return;
    this.#writes = true;
    this.#options.output.write(this.#queue.take(), (error) => {
      this.#writes = false;
      if (error) this.#closed = true;
      this.#write();
    });
  }

  /** True at the end. */
  async #take(line: Buffer | typeof TOO_LONG): Promise<boolean> {
    const { onLine, onBroken, output } = this.#options;
    try {
      const read = line === TOO_LONG ? undefined : readCoreLine(line);
      if (read === undefined) onBroken(`a line has more than the ${MAX_LINE_BYTES} bytes allowed`);
      // oned reads 31 bytes to see this answer, and takes nothing more from what comes with it.
      else if (read.type === "INIT") output.write("INIT SUCCESS\n");
      else if (read.type === "FINALIZE") {
        output.write("FINALIZE SUCCESS\n");
        return true;
      } else {
        this.#listen();
        await onLine(read);
      }
    } catch (error) {
      onBroken(errorText(error));
    }
    return false;
  }

  /** oned speaks on, so it has read the answer to INIT, and listens. */
  #listen(): void {
    this.#listens = true;
    this.#write();
  }
}

/** The input was closed on this side, by a signal. */
function isOurEnd(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE";
}
