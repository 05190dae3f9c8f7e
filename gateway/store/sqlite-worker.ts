/** The thread that owns the database file: it takes requests in order, so no flush ever stops the event loop of the house. */

import { parentPort, workerData } from "node:worker_threads";
import { failureOf, SqliteDatabase } from "./sqlite-database.ts";
import type { Answer, Request } from "./sqlite-protocol.ts";

function serve(path: string, port: NonNullable<typeof parentPort>): void {
  const attempt = (work: () => Answer) => {
    let answer: Answer;
    try {
      answer = work();
    } catch (error) {
      answer = { type: "failed", failure: failureOf(error) };
    }
    port.postMessage(answer);
  };

  attempt(() => {
    const database = new SqliteDatabase(path);
    port.on("message", (request: Request) => {
      attempt(() => handle(database, request));
      if (request.type === "close") port.close();
    });
    return { type: "done" };
  });
}

function handle(database: SqliteDatabase, request: Request): Answer {
  switch (request.type) {
    case "write":
      database.write(request.rows);
      return { type: "done" };
    case "page":
      return { type: "page", rows: database.page(request.after) };
    case "limit":
      database.limitPages(request.pages);
      return { type: "done" };
    case "close":
      database.close();
      return { type: "done" };
  }
}

if (parentPort !== null) serve(String(workerData), parentPort);
