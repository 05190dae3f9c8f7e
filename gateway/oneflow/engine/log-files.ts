/**
 * One log file a service, as OpenNebula keeps them: `Mon Feb 27 06:02:30 2012 [I]: [SER] New state: RUNNING` (spec
 * oneflow-lifecycle.md 12). Lines gather and are appended together; no file stays open, and each is put aside once when
 * it has grown. A disk that is full or slow costs lines, which are counted, and never a step.
 */

import { mkdir, open, rename } from "node:fs/promises";
import path from "node:path";
import type { Clock } from "../../../shared/clock.ts";
import { errorText } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { redactText } from "../../../shared/redact.ts";
import type { LogTopic } from "../lifecycle/effects.ts";

/** A file that would grow beyond is put aside as `<id>.log.1`, over the one before. */
const MAX_FILE_BYTES = 1_024 * 1_024;
/** What waits for the disk; lines beyond are dropped. */
const MAX_QUEUED_BYTES = 16 * 1_024 * 1_024;
const MAX_LINE_LENGTH = 4_096;
const GATHER_MS = 200;
const FILES_AT_A_TIME = 8;
/** Dropped lines are told so often at most. */
const COMPLAINT_MS = 60_000;

export interface LogLine {
  /** ms since the epoch. */
  readonly at: number;
  readonly severity: "I" | "E";
  readonly topic: LogTopic;
  readonly message: string;
}

export interface LogFilesOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly maxFileBytes?: number;
}

export class LogFiles {
  readonly #options: LogFilesOptions;
  #queue = new Map<number, string[]>();
  #queuedBytes = 0;
  #cancelGather: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #dropped = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: LogFilesOptions) {
    this.#options = options;
  }

  add(serviceId: number, line: LogLine): void {
    const text = lineText(line);
    if (this.#queuedBytes + text.length > MAX_QUEUED_BYTES) {
      this.#drop(1, "the disk is too slow");
      return;
    }
    const lines = this.#queue.get(serviceId) ?? [];
    lines.push(text);
    this.#queue.set(serviceId, lines);
    this.#queuedBytes += text.length;
    this.#flushSoon();
  }

  /** Resolves when all that was added before is with the operating system, or dropped; never rejects. */
  async flush(): Promise<void> {
    this.#cancelGather?.();
    this.#cancelGather = undefined;
    while (this.#writing !== undefined) await this.#writing;
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = undefined;
      if (this.#queue.size > 0) this.#flushSoon();
    });
    await this.#writing;
  }

  #flushSoon(): void {
    if (this.#writing !== undefined) return;
    this.#cancelGather ??= this.#options.clock.after(GATHER_MS, () => void this.flush());
  }

  async #writeAll(): Promise<void> {
    const files = [...this.#queue];
    this.#queue = new Map();
    this.#queuedBytes = 0;
    if (files.length === 0) return;
    const next = files.values();
    const writer = async (): Promise<void> => {
      for (const [serviceId, lines] of next) await this.#write(serviceId, lines);
    };
    await mkdir(this.#options.directory, { recursive: true, mode: 0o700 }).catch(() => undefined);
    await Promise.all(Array.from({ length: FILES_AT_A_TIME }, writer));
  }

  async #write(serviceId: number, lines: readonly string[]): Promise<void> {
    const { directory, maxFileBytes = MAX_FILE_BYTES } = this.#options;
    try {
      await append(path.join(directory, `${serviceId}.log`), lines.join(""), maxFileBytes);
    } catch (error) {
      this.#drop(lines.length, errorText(error));
    }
  }

  #drop(lines: number, reason: string): void {
    const { clock, log, directory } = this.#options;
    this.#dropped += lines;
    const now = clock.elapsed();
    if (now - this.#toldAt < COMPLAINT_MS) return;
    this.#toldAt = now;
    log.error({ directory, dropped: this.#dropped, reason }, "Lines of service logs were dropped");
  }
}

async function append(file: string, text: string, maxBytes: number): Promise<void> {
  const handle = await open(file, "a", 0o600);
  try {
    const { size } = await handle.stat();
    if (size === 0 || size + text.length <= maxBytes) return void (await handle.appendFile(text));
  } finally {
    await handle.close();
  }
  await rename(file, `${file}.1`);
  const fresh = await open(file, "a", 0o600);
  try {
    await fresh.appendFile(text);
  } finally {
    await fresh.close();
  }
}

/** One line, whatever the message holds, and without secrets. */
export function lineText({ at, severity, topic, message }: LogLine): string {
  const text = redactText(message)
    .slice(0, MAX_LINE_LENGTH)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
  return `${timeText(at)} [${severity}]: [${topic}] ${text}\n`;
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** As C's ctime has it, in local time. */
function timeText(ms: number): string {
  const at = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  return `${DAYS[at.getDay()]} ${MONTHS[at.getMonth()]} ${two(at.getDate())} ${time} ${at.getFullYear()}`;
}
