/** A TEMPLATE element as a template, put together from what a streaming parser tells of it. */

import { groupAttributes } from "../../../shared/template/group.ts";
import { isAttributeName } from "../../../shared/template/limits.ts";
import type { Attribute } from "../../../shared/template/parse.ts";
import type { Template } from "../../../shared/template/types.ts";

/** Of one host, names and values; what is beyond is left out. */
const MAX_CHARACTERS = 256 * 1024;

export class TemplateElement {
  readonly #attributes: Attribute[] = [];
  #vector: Record<string, string> | undefined;
  #text = "";
  #characters = 0;

  /** @param depth of the element below TEMPLATE: 1 an attribute, 2 one inside a vector. */
  open(depth: number): void {
    this.#text = "";
    if (depth === 1) this.#vector = undefined;
    else if (depth === 2) this.#vector ??= {};
  }

  text(piece: string): void {
    this.#characters += piece.length;
    if (this.#characters <= MAX_CHARACTERS) this.#text += piece;
  }

  close(depth: number, name: string): void {
    this.#characters += name.length;
    if (!isAttributeName(name) || this.#characters > MAX_CHARACTERS) return;
    const upper = name.toUpperCase();
    if (depth === 2 && this.#vector !== undefined) this.#vector[upper] = this.#text;
    if (depth === 1)
      this.#attributes.push({ name: upper, spelling: name, value: this.#vector ?? this.#text });
  }

  template(): Template {
    return groupAttributes(this.#attributes);
  }
}
