/** How the series' file does, told in the log once when it changes, not with every batch. */

import type { Logger } from "../../../shared/log.ts";
import type { Answer } from "./protocol.ts";

export class SeriesHealth {
  readonly #path: string;
  readonly #log: Pick<Logger, "warn" | "info">;
  #failing = false;

  constructor(path: string, log: Pick<Logger, "warn" | "info">) {
    this.#path = path;
    this.#log = log;
  }

  heard(answer: Answer): void {
    const file = this.#path;
    const { renamed } = answer;
    if (renamed !== undefined) {
      const reason = answer.type === "failed" ? answer.reason : "";
      this.#log.warn({ file, renamed, reason }, "The file of the history was damaged; a new one is begun");
      this.#failing = false;
    } else if (answer.type === "failed" && !this.#failing) {
      this.#failing = true;
      this.#log.warn({ file, reason: answer.reason }, "History cannot be stored, and is lost meanwhile");
    } else if (answer.type === "appended" && this.#failing) {
      this.#failing = false;
      this.#log.info({ file }, "History is stored again");
    }
  }
}
