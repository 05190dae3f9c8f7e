/** The thread that owns the file of the series: a damaged file is moved away and begun anew, whatever is asked. */

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { errorText } from "../../../shared/errors.ts";
import { makePrivate } from "../private-file.ts";
import type { Answer, Request, WorkerData } from "./protocol.ts";
import { isDamaged, moveAway, SeriesFile } from "./series-file.ts";

const DONE: Answer = { type: "done" };

function serve(options: WorkerData, port: MessagePort): void {
  const owner = new FileOwner(options);
  port.postMessage(owner.attempt(() => DONE));
  port.on("message", (request: Request) => {
    if (request.type === "close") {
      port.postMessage(owner.close());
      port.close();
    } else port.postMessage(owner.attempt((file) => handle(file, request)));
  });
}

class FileOwner {
  readonly #options: WorkerData;
  #file: SeriesFile | undefined;

  constructor(options: WorkerData) {
    this.#options = options;
  }

  attempt(work: (file: SeriesFile) => Answer): Answer {
    try {
      return work(this.#open());
    } catch (error) {
      return isDamaged(error) ? this.#beginAnew(error) : failed(error);
    }
  }

  close(): Answer {
    try {
      this.#file?.close();
      return DONE;
    } catch (error) {
      return failed(error);
    }
  }

  /** One that could not be opened, for want of space perhaps, is tried again with each request. */
  #open(): SeriesFile {
    const { path } = this.#options;
    if (this.#file !== undefined) return this.#file;
    makePrivate(path);
    this.#file = new SeriesFile(path, this.#options);
    return this.#file;
  }

  #beginAnew(cause: unknown): Answer {
    this.close();
    this.#file = undefined;
    try {
      const renamed = moveAway(this.#options.path);
      this.#open();
      return { ...failed(cause), renamed };
    } catch (error) {
      return failed(error);
    }
  }
}

function handle(file: SeriesFile, request: Exclude<Request, { type: "close" }>): Answer {
  switch (request.type) {
    case "append":
      return { type: "appended", ...file.append(request.batch) };
    case "maintain":
      return { type: "maintained", more: file.maintain(request.now), ...file.state() };
    case "history":
      return request.resolution === "raw"
        ? { type: "raw", points: file.raw(request) }
        : { type: "rollup", points: file.windows(request) };
    case "limit":
      file.limitPages(request.pages);
      return DONE;
  }
}

function failed(error: unknown): Answer {
  return { type: "failed", reason: errorText(error) };
}

if (parentPort !== null) serve(workerData, parentPort);
