/** A place in template text: what stands there, what is blank, and the error that names line and column. */

import { GatehouseError } from "../errors.ts";

/**
 * How an unquoted value is read: "word" ends it at a blank or any of `= # , [ ]`, as OpenNebula's core does;
 * "line" takes the rest of the line, as guests write it (spec onegate-api.md 4.4).
 */
export type Unquoted = "word" | "line";

const WORD_ENDS = " \t\r\n=#,[]";
const NEWLINE = 10;
const BACKSLASH = 92;
const LETTER_N = 110;

export class Cursor {
  readonly text: string;
  readonly unquoted: Unquoted;
  at = 0;

  constructor(text: string, unquoted: Unquoted) {
    this.text = text;
    this.unquoted = unquoted;
  }

  get ended(): boolean {
    return this.at >= this.text.length;
  }

  /** The character here; empty at the end. */
  get here(): string {
    return this.text.charAt(this.at);
  }

  /** Length of the line end here: a newline, or the two characters `\n` where lines are guests'; 0: none. */
  get lineEnd(): number {
    return this.#lineEndAt(this.at);
  }

  /** Where the line that holds this place ends, or sooner where one of `stops` stands. */
  endOfLine(stops = ""): number {
    let index = this.at;
    // Character by character: looking for the newline first would make many values on one line quadratic.
    while (index < this.text.length && this.#lineEndAt(index) === 0) {
      if (stops.includes(this.text.charAt(index))) return index;
      index += 1;
    }
    return index;
  }

  /** Passes blanks: a carriage return is one, so that CRLF ends a line as LF does. */
  skipBlanks(): void {
    while (isBlankCode(this.text.charCodeAt(this.at))) this.at += 1;
  }

  /** Passes blanks, line ends and comments. */
  skipSpace(): void {
    for (;;) {
      this.skipBlanks();
      if (this.here === "#") this.at = this.endOfLine();
      const length = this.lineEnd;
      if (length === 0) return;
      this.at += length;
    }
  }

  /** Takes a name, as it is spelled; empty when none stands here. */
  takeName(): string {
    const from = this.at;
    while (isNameCode(this.text.charCodeAt(this.at))) this.at += 1;
    return this.text.slice(from, this.at);
  }

  /** Takes an unquoted word of the core's. */
  takeWord(): string {
    const from = this.at;
    while (!this.ended && !WORD_ENDS.includes(this.here)) this.at += 1;
    return this.text.slice(from, this.at);
  }

  /** Takes up to `end`, and gives it without the blanks around it. */
  takeTrimmed(end: number): string {
    const from = this.at;
    this.at = end;
    return trimBlanks(this.text.slice(from, end));
  }

  #lineEndAt(index: number): number {
    const code = this.text.charCodeAt(index);
    if (code === NEWLINE) return 1;
    if (code !== BACKSLASH || this.unquoted === "word") return 0;
    return this.text.charCodeAt(index + 1) === LETTER_N ? 2 : 0;
  }

  /** What stands here, named in an error without giving away more of the text than one character. */
  found(): string {
    if (this.ended) return "the end of the text";
    const code = this.text.codePointAt(this.at) ?? 0;
    if (code === NEWLINE) return "the end of the line";
    const character = String.fromCodePoint(code);
    if (/^[\p{L}\p{N}\p{P}\p{S}]$/u.test(character)) return `'${character}'`;
    return `character U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  }

  /** An error at this place; `problem` goes on after "Line 1, column 5: ". Columns count characters from 1. */
  error(problem: string): GatehouseError {
    const lines = this.text.slice(0, this.at).split("\n");
    const column = [...(lines.at(-1) ?? "")].length + 1;
    return new GatehouseError("bad_request", `Line ${lines.length}, column ${column}: ${problem}.`);
  }
}

// Past the end of the text a code is NaN, which is neither.
function isBlankCode(code: number): boolean {
  return code === 32 || code === 9 || code === 13;
}

function isNameCode(code: number): boolean {
  return (
    (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95 || (code >= 97 && code <= 122)
  );
}

/** Without leading and trailing blanks of the grammar (a no-break space, for one, is text). */
function trimBlanks(text: string): string {
  let from = 0;
  let end = text.length;
  while (from < end && isBlankCode(text.charCodeAt(from))) from += 1;
  while (end > from && isBlankCode(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(from, end);
}
