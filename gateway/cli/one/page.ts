/** The pages of `show`: headed blocks of `NAME : value` lines, tables and template text. */

import { textAt } from "../../../shared/xml/node.ts";
import type { XmlNode } from "../../../shared/xml/tree.ts";
import { printable, printableCell } from "./format.ts";
import { type Column, cellsOf, renderTable } from "./table.ts";

const LOCK_LEVELS = ["None", "Use", "Manage", "Admin", "All"] as const;

/** How wide things are made with blanks; by default lines end with their last letter. */
export interface PageLayout {
  readonly headingSize?: number;
  readonly valueSize?: number;
  readonly colours?: boolean;
}

/** Name, value, and how the value is coloured where colours are wanted. */
export type PageLine = readonly [string, string | undefined, ((text: string) => string)?];

export class Page {
  readonly #blocks: string[] = [];
  readonly #nameSize: number;
  readonly #layout: PageLayout;

  /** `nameSize`: where the colons stand. */
  constructor(nameSize: number, layout: PageLayout = {}) {
    this.#nameSize = nameSize;
    this.#layout = layout;
  }

  /** Lines of name and value; an undefined value leaves its line out. */
  block(heading: string, lines: readonly PageLine[]): void {
    const shown = lines.flatMap(([name, value, paint]) =>
      value === undefined ? [] : [this.#line(name, value, paint)],
    );
    this.#blocks.push([this.#heading(heading), ...shown].join("\n"));
  }

  #heading(text: string): string {
    return printable(text).padEnd(this.#layout.headingSize ?? 0);
  }

  #line(name: string, value: string, paint: PageLine[2]): string {
    const { valueSize, colours } = this.#layout;
    const text = printableCell(value).padEnd(valueSize ?? 0);
    const shown = colours && paint !== undefined ? paint(text) : text;
    const line = `${name.padEnd(this.#nameSize)}: ${shown}`;
    return valueSize === undefined ? line.trimEnd() : line;
  }

  table<Row>(heading: string, columns: readonly Column<Row>[], rows: readonly Row[], now = 0): void {
    const { colours } = this.#layout;
    this.text(heading, renderTable(columns, cellsOf(columns, rows, now), { colours }));
  }

  text(heading: string, text: string): void {
    this.#blocks.push(text === "" ? this.#heading(heading) : `${this.#heading(heading)}\n${text}`.trimEnd());
  }

  /** OWNER, GROUP and OTHER as `um-`. */
  permissions(node: XmlNode): void {
    this.rights((name) => textAt(node, `PERMISSIONS/${name}`) === "1");
  }

  /** The same of a document of another form; names are OWNER_U, GROUP_M and so on. */
  rights(has: (name: string) => boolean): void {
    const mask = (who: string) =>
      ["U", "M", "A"].map((right) => (has(`${who}_${right}`) ? right.toLowerCase() : "-")).join("");
    this.block(
      "PERMISSIONS",
      ["OWNER", "GROUP", "OTHER"].map((who) => [who, mask(who)] as const),
    );
  }

  toString(): string {
    return `${this.#blocks.join("\n\n")}\n`;
  }
}

/** ID, NAME, USER, GROUP: what every object with an owner begins with. */
export function ownedLines(node: XmlNode): readonly (readonly [string, string])[] {
  return [
    ["ID", textAt(node, "ID")],
    ["NAME", textAt(node, "NAME")],
    ["USER", textAt(node, "UNAME")],
    ["GROUP", textAt(node, "GNAME")],
  ];
}

/** What a lock forbids. */
export function lockText(node: XmlNode): string {
  return LOCK_LEVELS[Number(textAt(node, "LOCK/LOCKED"))] ?? "None";
}
