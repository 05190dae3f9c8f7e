/** Why services could not scale by themselves, each reason told once until it is another. */

import { errorText, isGatehouseError } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";

export class Failures {
  readonly #log: Pick<Logger, "warn" | "debug">;
  readonly #last = new Map<number, string>();

  constructor(log: Pick<Logger, "warn" | "debug">) {
    this.#log = log;
  }

  /** @param error undefined: all went well. */
  tell(serviceId: number, error: unknown): void {
    if (error === undefined) {
      this.#last.delete(serviceId);
      return;
    }
    const reason = errorText(error);
    if (this.#last.get(serviceId) === reason) return;
    this.#last.set(serviceId, reason);
    const isKnown = isGatehouseError(error) && error.code !== "internal";
    const details = { serviceId, reason, err: isKnown ? undefined : error };
    // Somebody else was faster: it scales already, or it is gone.
    if (isKnown && (error.code === "wrong_state" || error.code === "not_found"))
      this.#log.debug(details, "A service could not scale by itself now");
    else this.#log.warn(details, "A service could not scale by itself; it is tried again");
  }

  forget(serviceId: number): void {
    this.#last.delete(serviceId);
  }
}
