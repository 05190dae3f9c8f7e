/** What a core answers when it refuses a call. */

import { type ErrorCode, GatehouseError } from "../errors.ts";

/** Codes of OpenNebula's core (spec core-xmlrpc.md 1). */
export const CORE_ERROR_CODE: Readonly<Record<number, ErrorCode>> = {
  256: "unauthorized",
  512: "forbidden",
  1024: "not_found",
  2048: "wrong_state",
  4096: "bad_request",
  8192: "internal",
  16384: "bad_request",
  32768: "conflict",
  65536: "unavailable",
};

/** The message is the core's own, word for word: people search for it. */
export class CoreError extends GatehouseError {
  /** As sent: 256 for a failed authentication, ... */
  readonly coreCode: number;

  constructor(message: string, coreCode: number) {
    super(CORE_ERROR_CODE[coreCode] ?? "internal", message);
    this.name = "CoreError";
    this.coreCode = coreCode;
  }
}
