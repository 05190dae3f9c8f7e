/**
 * Template text to values: one scanner for OpenNebula's core syntax and for what guests send, which differ only in
 * where an unquoted value ends (spec onegate-api.md 4.3, 4.4). Linear in the size of the text.
 */

import { GatehouseError } from "../errors.ts";
import { Cursor, type Unquoted } from "./cursor.ts";
import { groupAttributes } from "./group.ts";
import {
  checkTemplateBytes,
  findForbiddenCharacter,
  MAX_ATTRIBUTES,
  MAX_TEMPLATE_BYTES,
  NAME_RULE,
} from "./limits.ts";
import { findClosingQuote, unescapeValue } from "./quoted.ts";
import type { Template, Value, Vector } from "./types.ts";

export interface ParseOptions {
  /** "word" (default) for template files and XML-RPC, "line" for what guests PUT. */
  readonly unquoted?: Unquoted | undefined;
  /** Default MAX_TEMPLATE_BYTES. */
  readonly maxBytes?: number | undefined;
  /** Those inside vectors counted too; reading ends at the first beyond it. Default MAX_ATTRIBUTES. */
  readonly maxAttributes?: number | undefined;
}

/** One attribute as it stood in the text. */
export interface Attribute {
  /** Upper-case. */
  readonly name: string;
  /** The name as it was written, for messages. */
  readonly spelling: string;
  readonly value: Value;
}

/**
 * Template text as values, names upper-case, values of a repeated name in an array.
 * @throws GatehouseError `bad_request` with line and column, `too_large` above `maxBytes` or `maxAttributes`.
 */
export function parseTemplate(text: string, options: ParseOptions = {}): Template {
  return groupAttributes(parseAttributes(text, options));
}

/** The attributes of a text, in order, with the spelling of their names. Throws as parseTemplate does. */
export function parseAttributes(text: string, options: ParseOptions = {}): readonly Attribute[] {
  checkTemplateBytes(text, options.maxBytes ?? MAX_TEMPLATE_BYTES);
  return new Parser(new Cursor(text, options.unquoted ?? "word"), options.maxAttributes).attributes();
}

const VECTOR_HINT = '; a value that begins with "[" is a vector: put it in double quotes if it is text';

class Parser {
  readonly #cursor: Cursor;
  readonly #maxAttributes: number | undefined;
  #count = 0;

  constructor(cursor: Cursor, maxAttributes: number | undefined) {
    this.#cursor = cursor;
    this.#maxAttributes = maxAttributes;
  }

  attributes(): readonly Attribute[] {
    const cursor = this.#cursor;
    this.#refuseForbiddenCharacters();
    const attributes: Attribute[] = [];
    for (cursor.skipSpace(); !cursor.ended; cursor.skipSpace()) {
      const spelling = this.#nameAndEqual("");
      attributes.push({ name: spelling.toUpperCase(), spelling, value: this.#value() });
    }
    return attributes;
  }

  #refuseForbiddenCharacters(): void {
    const cursor = this.#cursor;
    const index = findForbiddenCharacter(cursor.text);
    if (index < 0) return;
    cursor.at = index;
    throw cursor.error(`found ${cursor.found()}, which no template may hold: any other character is allowed`);
  }

  /** `NAME =` and the blanks after it. */
  #nameAndEqual(hint: string): string {
    const cursor = this.#cursor;
    const start = cursor.at;
    const name = cursor.takeName();
    if (name === "")
      throw cursor.error(`found ${cursor.found()} where NAME=value must begin; ${NAME_RULE}${hint}`);
    cursor.skipBlanks();
    if (cursor.here !== "=")
      throw cursor.error(`found ${cursor.found()} where "=" must follow the name; ${NAME_RULE}${hint}`);
    this.#count += 1;
    if (this.#maxAttributes !== undefined && this.#count > this.#maxAttributes) {
      const most = `${this.#maxAttributes} attributes allowed, those inside vectors counted too`;
      throw new GatehouseError("too_large", `The template has more than the ${most}.`);
    }
    if (this.#count > MAX_ATTRIBUTES) {
      cursor.at = start;
      throw cursor.error(`found more than the ${MAX_ATTRIBUTES} attributes that a template may have`);
    }
    cursor.at += 1;
    cursor.skipBlanks();
    return name;
  }

  #value(): Value {
    const cursor = this.#cursor;
    if (cursor.here === '"') {
      const value = this.#quoted();
      this.#expectNextAttribute('after the closing quote (write \\" for a quote inside a value)', "");
      return value;
    }
    if (cursor.here === "[") {
      const value = this.#vector();
      this.#expectNextAttribute('after the closing "]"', VECTOR_HINT);
      return value;
    }
    if (cursor.unquoted === "line") return cursor.takeTrimmed(cursor.endOfLine());
    const value = cursor.takeWord();
    this.#expectNextAttribute("after an unquoted value (put values with blanks in double quotes)", "");
    return value;
  }

  /** Looks ahead: on the same line only a comment or another NAME= may follow. */
  #expectNextAttribute(place: string, hint: string): void {
    const cursor = this.#cursor;
    cursor.skipBlanks();
    if (cursor.ended || cursor.here === "#" || cursor.lineEnd > 0) return;
    const start = cursor.at;
    const name = cursor.takeName();
    cursor.skipBlanks();
    const follows = name !== "" && cursor.here === "=";
    cursor.at = start;
    if (follows) return;
    const allowed = "only a comment, the end of the line or the next NAME=value may stand";
    throw cursor.error(`found ${cursor.found()} where ${allowed} ${place}${hint}`);
  }

  #quoted(hint = ""): string {
    const cursor = this.#cursor;
    const from = cursor.at + 1;
    const end = findClosingQuote(cursor.text, from);
    if (end < 0)
      throw cursor.error(`found a double quote that no other closes; quoted values end with one${hint}`);
    cursor.at = end + 1;
    return unescapeValue(cursor.text.slice(from, end));
  }

  #vector(): Vector {
    const cursor = this.#cursor;
    const entries = new Map<string, string>();
    cursor.at += 1;
    cursor.skipSpace();
    // The bracket may close at once, but not after a comma.
    while (entries.size > 0 || cursor.here !== "]") {
      const name = this.#nameAndEqual(VECTOR_HINT).toUpperCase();
      entries.set(name, this.#innerValue());
      cursor.skipSpace();
      if (cursor.here === "]") break;
      if (cursor.here !== ",")
        throw cursor.error(`found ${cursor.found()} where "," or "]" must follow in a vector${VECTOR_HINT}`);
      cursor.at += 1;
      cursor.skipSpace();
    }
    cursor.at += 1;
    return Object.fromEntries(entries);
  }

  #innerValue(): string {
    const cursor = this.#cursor;
    if (cursor.here === '"') return this.#quoted(VECTOR_HINT);
    if (cursor.unquoted === "word") return cursor.takeWord();
    return cursor.takeTrimmed(cursor.endOfLine(",]"));
  }
}
