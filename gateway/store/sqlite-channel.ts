/** Requests to the SQLite worker thread and its answers; a thread that died answers everything with a failure. */

import { Worker } from "node:worker_threads";
import { errorText } from "../../shared/errors.ts";
import type { Answer, Request } from "./sqlite-protocol.ts";

/** Sources run as .ts, published packages as .js. */
const WORKER_FILE = import.meta.url.endsWith(".ts") ? "./sqlite-worker.ts" : "./sqlite-worker.js";

export class SqliteChannel {
  readonly #worker: Worker;
  readonly #waiting: ((answer: Answer) => void)[] = [];
  readonly #ended: Promise<void>;
  #crash: Error | undefined;
  #dead: Answer | undefined;

  /** How opening the file went. */
  readonly opened: Promise<Answer>;

  constructor(path: string) {
    this.#worker = new Worker(new URL(WORKER_FILE, import.meta.url), { workerData: path });
    this.opened = new Promise((resolve) => this.#waiting.push(resolve));
    this.#worker.on("message", (answer: Answer) => this.#waiting.shift()?.(answer));
    this.#worker.on("error", (error) => {
      this.#crash = error;
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.once("exit", (code) => {
        this.#end(code);
        resolve();
      });
    });
  }

  /** Never rejects: what went wrong is an answer of type `failed`. */
  request(request: Request): Promise<Answer> {
    if (this.#dead !== undefined) return Promise.resolve(this.#dead);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#worker.postMessage(request);
    });
  }

  /** Closes the file and waits for the thread's end. */
  async close(): Promise<Answer> {
    const answer = await this.request({ type: "close" });
    await this.#ended;
    return answer;
  }

  /** Ends the thread where it stands, as a crash would: the next start finds what was durable. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #end(code: number): void {
    const reason = this.#crash === undefined ? `exit code ${code}` : errorText(this.#crash);
    const message = `The store's thread has ended (${reason}); nothing can be written before a restart.`;
    this.#dead = { type: "failed", failure: { code: "unavailable", message } };
    for (const resolve of this.#waiting.splice(0)) resolve(this.#dead);
  }
}
