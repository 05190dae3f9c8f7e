/** A database that cannot be used, told once when it begins and once when it is over. */

import { errorText } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";

export class Outage {
  readonly #log: Pick<Logger, "warn" | "info">;
  readonly #database: string;
  #lasts = false;

  constructor(database: string, log: Pick<Logger, "warn" | "info">) {
    this.#database = database;
    this.#log = log;
  }

  failed(error: unknown): void {
    if (!this.#lasts)
      this.#log.warn(
        { database: this.#database, reason: errorText(error) },
        "OpenNebula's database cannot be used: readings wait for it, and monitoring goes on",
      );
    this.#lasts = true;
  }

  /** @param lost readings that did not wait any more. */
  worked(lost = 0): void {
    if (this.#lasts)
      this.#log.info({ database: this.#database, lost }, "OpenNebula's database can be used again");
    this.#lasts = false;
  }

  /** It works, but not as fast as readings come. */
  lost(count: number): void {
    this.#log.warn(
      { database: this.#database, lost: count },
      "OpenNebula's database is too slow for the readings that come: some are lost",
    );
  }

  get lasts(): boolean {
    return this.#lasts;
  }
}
