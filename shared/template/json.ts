/**
 * Templates from OpenNebula's JSON form. The way back needs no code: a Template already is that form (types.ts).
 */

import { GatehouseError } from "../errors.ts";
import { groupAttributes } from "./group.ts";
import {
  findForbiddenCharacter,
  isAttributeName,
  MAX_ATTRIBUTES,
  MAX_TEMPLATE_BYTES,
  NAME_RULE,
} from "./limits.ts";
import type { Template, Value, Vector } from "./types.ts";

/**
 * Normalises a template in JSON: names to upper case, numbers and booleans to strings, an array of one to its
 * value, empty arrays to nothing. `{}` is an empty vector, and inside a vector, where XML has no other way to say
 * it, the empty string.
 * @throws GatehouseError `bad_request` with the path of what does not fit, `too_large` above MAX_TEMPLATE_BYTES.
 */
export function templateFromJson(value: unknown): Template {
  return groupAttributes(new Reader().attributes(value));
}

class Reader {
  #count = 0;
  #bytes = 0;

  *attributes(value: unknown): Generator<{ name: string; value: Value }> {
    if (!isObject(value)) throw refusal("", "must be an object of attributes", value);
    for (const [key, any] of Object.entries(value)) {
      const name = this.#name(key, "");
      for (const item of Array.isArray(any) ? any : [any]) {
        this.#spend(name);
        yield { name, value: isObject(item) ? this.#vector(item, name) : this.#string(item, name) };
      }
    }
  }

  #vector(value: object, path: string): Vector {
    const entries = new Map<string, string>();
    for (const [key, any] of Object.entries(value)) {
      const name = this.#name(key, path);
      const items: readonly unknown[] = Array.isArray(any) ? any : [any];
      if (items.length === 0) continue;
      const [item] = items;
      this.#spend(name);
      if (items.length > 1) throw refusal(`${path}/${name}`, "must be one string inside a vector", any);
      entries.set(name, isEmptyObject(item) ? "" : this.#string(item, `${path}/${name}`));
    }
    return Object.fromEntries(entries);
  }

  #name(key: string, path: string): string {
    if (isAttributeName(key)) return key.toUpperCase();
    const place = path === "" ? "the template" : path;
    const shown = JSON.stringify(key.length > 40 ? `${key.slice(0, 40)}...` : key);
    throw new GatehouseError(
      "bad_request",
      `The attribute name ${shown} in ${place} is invalid: ${NAME_RULE}.`,
    );
  }

  #string(value: unknown, path: string): string {
    const text = textOf(value);
    if (text === undefined)
      throw refusal(path, "must be a string, a number, a boolean or a vector of those", value);
    if (findForbiddenCharacter(text) >= 0)
      throw new GatehouseError(
        "bad_request",
        `Attribute ${path} holds a NUL or half a character; neither may be.`,
      );
    this.#bytes += Buffer.byteLength(text);
    this.#checkBytes();
    return text;
  }

  /** Counts an attribute and the bytes of its name. */
  #spend(name: string): void {
    this.#count += 1;
    if (this.#count > MAX_ATTRIBUTES)
      throw new GatehouseError(
        "bad_request",
        `The template has more than the ${MAX_ATTRIBUTES} attributes allowed.`,
      );
    this.#bytes += name.length;
    this.#checkBytes();
  }

  #checkBytes(): void {
    if (this.#bytes > MAX_TEMPLATE_BYTES)
      throw new GatehouseError(
        "too_large",
        `The template is larger than the ${MAX_TEMPLATE_BYTES} bytes allowed.`,
      );
  }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || Number.isFinite(value)) return String(value);
  return undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEmptyObject(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}

function refusal(path: string, rule: string, value: unknown): GatehouseError {
  const subject = path === "" ? "The template" : `Attribute ${path}`;
  return new GatehouseError("bad_request", `${subject} ${rule}, not ${kindOf(value)}.`);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
