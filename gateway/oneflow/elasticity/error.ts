/** What is wrong with a text of a policy: an expression, a recurrence or a time. */

import { GatehouseError } from "../../../shared/errors.ts";

/** Always `bad_request`; the sentence names the value, the place in it, and what is allowed. */
export class PolicyTextError extends GatehouseError {
  /** Where the first character at fault stands, from 1; one past the end when something is missing there. */
  readonly column: number;

  constructor(column: number, sentence: string, options?: { cause?: unknown }) {
    super("bad_request", sentence, options);
    this.column = column;
  }
}

/** A piece of somebody's text for a message: short, and without control characters. */
export function excerpt(text: string): string {
  const shown = text.length > 40 ? `${text.slice(0, 40)}...` : text;
  return JSON.stringify(shown);
}
