/** JSON texts of services: with comments, as in the guide's templates, bounded, and with a place in each refusal. */

import { GatehouseError } from "../../../shared/errors.ts";
import { redactText } from "../../../shared/redact.ts";
import type { JsonValue } from "../../cloud/model.ts";
import { MAX_JSON_BYTES, MAX_JSON_DEPTH } from "./limits.ts";

/** Of the text, in a refusal. */
const MAX_EXCERPT = 40;

/** Strings and numbers are cut out by these and read by JSON.parse. */
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/suy;
const NUMBER = /-?[0-9][0-9.eE+-]*/uy;
const WORD = /true|false|null/uy;
/** Blanks, and comments of either form; one that is not closed is none. */
const GAP = /(?:[ \t\r\n]+|\/\/[^\r\n]*|\/\*[\s\S]*?\*\/)*/uy;

/**
 * The value of a JSON text; comments (`//` to the end of the line, `/*` to its end) may stand wherever blanks may.
 * @throws GatehouseError `bad_request` ("unexpected token at '...'", as recorded) for anything else, for more than
 *   MAX_JSON_DEPTH levels and for a `__proto__`; `too_large` above MAX_JSON_BYTES.
 */
export function parseJsonText(text: string): JsonValue {
  if (Buffer.byteLength(text) > MAX_JSON_BYTES) {
    throw new GatehouseError("too_large", `The JSON is larger than the ${MAX_JSON_BYTES} bytes allowed.`);
  }
  return new JsonReader(text).whole();
}

class JsonReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  /** Where the innermost object or array that is open began: refusals quote the text from there, as recorded. */
  #opened = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): JsonValue {
    this.#gap();
    this.#opened = this.#at;
    const value = this.#value();
    this.#gap();
    if (this.#at < this.#text.length) {
      this.#opened = this.#at;
      throw this.#refusal();
    }
    return value;
  }

  #value(): JsonValue {
    const first = this.#text[this.#at];
    if (first === "{" || first === "[") return this.#inside(first);
    const scalar = this.#take(STRING) ?? this.#take(NUMBER) ?? this.#take(WORD);
    return this.#scalar(scalar);
  }

  #inside(bracket: "{" | "["): JsonValue {
    this.#depth += 1;
    if (this.#depth > MAX_JSON_DEPTH) {
      throw new GatehouseError(
        "bad_request",
        `The JSON is nested deeper than the ${MAX_JSON_DEPTH} levels allowed${this.#place()}.`,
      );
    }
    const outer = this.#opened;
    this.#opened = this.#at;
    this.#at += 1;
    const value = bracket === "{" ? this.#object() : this.#array();
    this.#opened = outer;
    this.#depth -= 1;
    return value;
  }

  #object(): JsonValue {
    const entries: [string, JsonValue][] = [];
    if (this.#follows("}")) return {};
    do {
      this.#gap();
      const name = this.#scalar(this.#take(STRING));
      if (typeof name !== "string") throw this.#refusal();
      if (name === "__proto__") {
        throw new GatehouseError("bad_request", `No attribute may be named "__proto__"${this.#place()}.`);
      }
      if (!this.#follows(":")) throw this.#refusal();
      this.#gap();
      entries.push([name, this.#value()]);
    } while (this.#follows(","));
    if (!this.#follows("}")) throw this.#refusal();
    return Object.fromEntries(entries);
  }

  #array(): JsonValue {
    const items: JsonValue[] = [];
    if (this.#follows("]")) return items;
    do {
      this.#gap();
      items.push(this.#value());
    } while (this.#follows(","));
    if (!this.#follows("]")) throw this.#refusal();
    return items;
  }

  #scalar(token: string | undefined): JsonValue {
    if (token === undefined) throw this.#refusal();
    try {
      const value: JsonValue = JSON.parse(token);
      return value;
    } catch {
      throw this.#refusal();
    }
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const token = pattern.exec(this.#text)?.[0];
    if (token !== undefined) this.#at += token.length;
    return token;
  }

  #gap(): void {
    this.#take(GAP);
  }

  #follows(sign: string): boolean {
    this.#gap();
    if (this.#text[this.#at] !== sign) return false;
    this.#at += 1;
    return true;
  }

  #refusal(): GatehouseError {
    const rest = this.#text.slice(this.#opened).trimEnd();
    const excerpt = rest.length > MAX_EXCERPT ? `${rest.slice(0, MAX_EXCERPT)}...` : rest;
    return new GatehouseError("bad_request", `unexpected token at '${redactText(excerpt)}'${this.#place()}`);
  }

  /** Nothing for a text of one line, as recorded. */
  #place(): string {
    const lines = this.#text.slice(0, this.#at).split("\n");
    if (!this.#text.trimEnd().includes("\n")) return "";
    return ` (line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1})`;
  }
}
