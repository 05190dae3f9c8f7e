/**
 * The form of a request that has proved nobody yet: its `id` is a deprecated way to say which VM asks. Strangers send
 * forms, too, so little of one is taken, and of few at a time: each holds memory and a connection until it is there.
 */

import { GatehouseError, isGatehouseError } from "../../shared/errors.ts";
import { NO_PARAMETERS, type Parameters } from "../http/parameters.ts";
import { isFormLabelled } from "./body.ts";
import type { GateRequest } from "./request.ts";

/** Longer than what any known client puts beside its id. */
export const MAX_EARLY_FORM_BYTES = 16 * 1_024;

/** Clients that send no VMID header are hard to find; each request of theirs takes milliseconds. */
const MAX_AT_ONCE = 256;

export class EarlyForms {
  #reading = 0;

  /**
   * The form's parameters, if the body is labelled as one.
   * @throws GatehouseError `too_large`, `unavailable`, and as `parseParameters`
   */
  async read(request: GateRequest): Promise<Parameters> {
    if (!isFormLabelled(request)) return NO_PARAMETERS;
    if (this.#reading >= MAX_AT_ONCE) {
      throw new GatehouseError(
        "unavailable",
        "Too many requests name their VM in a form just now; name it in the header X-ONEGATE-VMID.",
      );
    }
    this.#reading += 1;
    try {
      return await request.form(MAX_EARLY_FORM_BYTES);
    } catch (error) {
      throw isGatehouseError(error) && error.code === "too_large" ? tooLarge() : error;
    } finally {
      this.#reading -= 1;
    }
  }
}

function tooLarge(): GatehouseError {
  return new GatehouseError(
    "too_large",
    `A form that names its VM has at most ${MAX_EARLY_FORM_BYTES} bytes; name it in the header X-ONEGATE-VMID.`,
  );
}
