/** Requests to a worker thread and its answers, in order; a thread that died answers everything with what the caller says. */

import { type Transferable, Worker } from "node:worker_threads";
import { errorText } from "../../shared/errors.ts";

export interface WorkerChannelOptions<Answer> {
  /** The thread's source. */
  readonly file: URL;
  readonly workerData: unknown;
  /** The answer to all requests once the thread has ended. */
  readonly dead: (reason: string) => Answer;
}

export class WorkerChannel<Request, Answer> {
  readonly #worker: Worker;
  readonly #options: WorkerChannelOptions<Answer>;
  readonly #waiting: ((answer: Answer) => void)[] = [];
  readonly #ended: Promise<string>;
  #crash: Error | undefined;
  #dead: { readonly answer: Answer } | undefined;

  /** What the thread says first: how its start went. */
  readonly opened: Promise<Answer>;

  constructor(options: WorkerChannelOptions<Answer>) {
    this.#options = options;
    this.#worker = new Worker(options.file, { workerData: options.workerData });
    this.opened = new Promise((resolve) => this.#waiting.push(resolve));
    this.#worker.on("message", (answer: Answer) => this.#waiting.shift()?.(answer));
    this.#worker.on("error", (error) => {
      this.#crash = error;
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.once("exit", (code) => {
        resolve(this.#end(code));
      });
    });
  }

  /** The thread has ended, asked to or not. */
  get isDead(): boolean {
    return this.#dead !== undefined;
  }

  /** Never rejects: what went wrong is an answer. */
  request(request: Request, transfer: readonly Transferable[] = []): Promise<Answer> {
    if (this.#dead !== undefined) return Promise.resolve(this.#dead.answer);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#worker.postMessage(request, transfer);
    });
  }

  /** Resolves when the thread has ended, which a request of the caller asks it to, with how it did. */
  ended(): Promise<string> {
    return this.#ended;
  }

  /** Ends the thread where it stands, as a crash would: the next start finds what was durable. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #end(code: number): string {
    const reason = this.#crash === undefined ? `exit code ${code}` : errorText(this.#crash);
    const answer = this.#options.dead(reason);
    this.#dead = { answer };
    for (const resolve of this.#waiting.splice(0)) resolve(answer);
    return reason;
  }
}

/** A thread's source beside the asking module: sources run as .ts, published packages as .js. */
export function workerFile(name: string, beside: string): URL {
  return new URL(`${name}.${beside.endsWith(".ts") ? "ts" : "js"}`, beside);
}
