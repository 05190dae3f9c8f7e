/** What the core refuses, as errors of the house: its own words, without the name of the call before them. */

import { type ErrorCode, GatehouseError, isGatehouseError } from "../../../shared/errors.ts";
import { CORE_ERROR_CODE } from "../../../shared/xmlrpc/core-error.ts";

/**
 * The core has one code for much of what the house tells apart, and words that have been the same for years. A name or
 * address that is taken comes as ACTION, INTERNAL or ALLOCATE, depending on the release and the call.
 */
const WORDS: readonly (readonly [RegExp, ErrorCode])[] = [
  [
    /already (?:taken|exists|in this group)|\bin use\b|Cannot get IP\/MAC lease|Not enough free addresses/i,
    "conflict",
  ],
  [/with running VMs|is not empty|not (?:part of|in) this group|primary group/i, "conflict"],
  [/restricted attribute/i, "forbidden"],
  [/^(?:Cannot update template\. )?Parse error|syntax error|^Invalid NAME\b/i, "bad_request"],
];
const AMBIGUOUS: ReadonlySet<ErrorCode> = new Set(["internal", "bad_request", "wrong_state"]);

/** The head `[one.vm.info] `, which every refusal has. */
const HEAD = /^\[[\w.]+\]\s*/;

const AUTHENTICATION = 256;
const LOCKED = 32_768;

/** The core does not take the session of a call. */
export class NotAuthenticated extends GatehouseError {
  constructor(message: string) {
    super("unauthorized", message);
    this.name = "NotAuthenticated";
  }
}

/**
 * The call may have been done, or not: only the core knows. Its code is `unavailable`.
 */
export class UnknownOutcome extends GatehouseError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("unavailable", message, options);
    this.name = "UnknownOutcome";
  }
}

/**
 * What came of a call that was done, read after it. Who is not told must not take the call for undone, and repeat it.
 * @throws UnknownOutcome where it cannot be read now, else what `look` throws.
 */
export async function seenAfter<T>(method: string, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (!isGatehouseError(error) || error.code !== "unavailable") throw error;
    throw new UnknownOutcome(`${method} was done, and what came of it is unknown: ${error.message}`, {
      cause: error,
    });
  }
}

/** A call that reads was answered, and the answer is larger than was agreed. Its code is `unavailable`. */
export class AnswerTooLarge extends GatehouseError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("unavailable", message, options);
    this.name = "AnswerTooLarge";
  }
}

export function refusal(message: string, code: number): GatehouseError {
  const words = message.replace(HEAD, "");
  if (code === AUTHENTICATION) return new NotAuthenticated(words);
  if (code === LOCKED) return new GatehouseError("locked", words);
  const plain = CORE_ERROR_CODE[code] ?? "internal";
  const [, told] = WORDS.find(([pattern]) => AMBIGUOUS.has(plain) && pattern.test(words)) ?? [];
  return new GatehouseError(told ?? plain, words);
}
