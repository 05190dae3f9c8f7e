/**
 * The one error of the house: a closed set of codes, one for each decision a caller can make,
 * with one table to HTTP status and one to exit code.
 */

export const ERROR_CODES = [
  "bad_request",
  "unauthorized",
  "forbidden",
  "not_found",
  "wrong_state",
  "conflict",
  "precondition_failed",
  "locked",
  "too_large",
  "rate_limited",
  "internal",
  "unavailable",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Where each code goes on HTTP. A wrong state is 409 (design.md, "Compatibility"). */
export const HTTP_STATUS = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  wrong_state: 409,
  conflict: 409,
  precondition_failed: 412,
  locked: 423,
  too_large: 413,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
} as const satisfies Record<ErrorCode, number>;

/** Exit codes of the commands: 0 success, 1 the house failed, 2 the caller erred. */
export const EXIT_CODE = {
  bad_request: 2,
  unauthorized: 2,
  forbidden: 2,
  not_found: 2,
  wrong_state: 2,
  conflict: 2,
  precondition_failed: 2,
  locked: 2,
  too_large: 2,
  rate_limited: 1,
  internal: 1,
  unavailable: 1,
} as const satisfies Record<ErrorCode, number>;

/**
 * An error whose message may be shown to the one who asked: one sentence that says what is wrong,
 * with which value, and what is allowed. Secrets never go into it.
 */
export class GatehouseError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "GatehouseError";
    this.code = code;
  }
}

/** True for errors whose text was written for the caller; anything else is ours alone to read. */
export function isGatehouseError(error: unknown): error is GatehouseError {
  return error instanceof GatehouseError;
}

/** The text of anything thrown, for logs. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
