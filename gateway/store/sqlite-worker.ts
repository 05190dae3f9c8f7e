/** The thread that owns the database file: it takes requests in order, so no flush ever stops the event loop of the house. */

import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { systemClock } from "../../shared/clock.ts";
import { OUTDATED } from "./commit-queue.ts";
import { failureOf, SqliteDatabase } from "./sqlite-database.ts";
import type { Answer, Request, WriteRequest } from "./sqlite-protocol.ts";

/** A transaction takes no more requests once it has so many rows: it bounds how long the first one waits. */
const MAX_JOINED_ROWS = 1_000;

const DONE: Answer = { type: "done" };

function serve(path: string, port: MessagePort): void {
  const opened = attempt(() => {
    const database = new SqliteDatabase(path);
    const writer = new Writer(database);
    port.on("message", (request: Request) => {
      for (let next: Request | undefined = request; next !== undefined; ) {
        const { answers, overtaken } = answerTo(database, writer, port, next);
        for (const answer of answers) port.postMessage(answer);
        if (next.type === "close") port.close();
        next = overtaken;
      }
    });
    return DONE;
  });
  port.postMessage(opened);
}

interface Answered {
  readonly answers: readonly Answer[];
  /** A request of another kind, met while writes were gathered; it is next. */
  readonly overtaken?: Request | undefined;
}

function answerTo(database: SqliteDatabase, writer: Writer, port: MessagePort, request: Request): Answered {
  if (request.type !== "write") return { answers: [attempt(() => handle(database, request))] };
  const { writes, overtaken } = gather(port, request);
  return { answers: writer.write(writes), overtaken };
}

/** The write, and those that came in behind it while the disk was busy. */
function gather(port: MessagePort, first: WriteRequest): { writes: WriteRequest[]; overtaken?: Request } {
  const writes = [first];
  let rows = first.rows.length;
  while (rows < MAX_JOINED_ROWS) {
    const received: { message: Request } | undefined = receiveMessageOnPort(port);
    if (received === undefined) break;
    const { message } = received;
    if (message.type !== "write" || message.generation !== first.generation)
      return { writes, overtaken: message };
    writes.push(message);
    rows += message.rows.length;
  }
  return { writes };
}

class Writer {
  readonly #database: SqliteDatabase;
  /** Writes of this generation and of older ones build on what was undone. */
  #failedGeneration = -1;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  /** Writes of one generation as one transaction; an answer each. */
  write(writes: readonly WriteRequest[]): readonly Answer[] {
    const generation = writes[0]?.generation ?? 0;
    if (generation <= this.#failedGeneration)
      return writes.map(() => ({ type: "failed", failure: OUTDATED }));
    const began = systemClock.elapsed();
    const answer = attempt(() => {
      this.#database.write(writes.flatMap(({ rows }) => rows));
      return DONE;
    });
    if (answer.type === "done") {
      const first: Answer = { type: "done", flushMs: systemClock.elapsed() - began };
      return writes.map((_, index) => (index === 0 ? first : DONE));
    }
    this.#failedGeneration = generation;
    // The first answer to a failure is the one that counts, and its row is counted from the first write on.
    return writes.map(() => answer);
  }
}

function handle(database: SqliteDatabase, request: Exclude<Request, WriteRequest>): Answer {
  switch (request.type) {
    case "page":
      return { type: "page", rows: database.page(request.after) };
    case "limit":
      database.limitPages(request.pages);
      return DONE;
    case "close":
      database.close();
      return DONE;
  }
}

function attempt(work: () => Answer): Answer {
  try {
    return work();
  } catch (error) {
    return { type: "failed", failure: failureOf(error) };
  }
}

if (parentPort !== null) serve(String(workerData), parentPort);
