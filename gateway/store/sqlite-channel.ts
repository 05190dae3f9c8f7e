/** The SQLite worker thread; a thread that died answers everything with a failure. */

import type { Answer, Request } from "./sqlite-protocol.ts";
import { WorkerChannel, workerFile } from "./worker-channel.ts";

export class SqliteChannel extends WorkerChannel<Request, Answer> {
  constructor(path: string) {
    super({
      file: workerFile("./sqlite-worker", import.meta.url),
      workerData: path,
      dead: (reason) => {
        const message = `The store's thread has ended (${reason}); nothing can be written before a restart.`;
        return { type: "failed", failure: { code: "unavailable", message } };
      },
    });
  }

  /** Closes the file and waits for the thread's end. */
  async close(): Promise<Answer> {
    const answer = await this.request({ type: "close" });
    await this.ended();
    return answer;
  }
}
