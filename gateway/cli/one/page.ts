/** The pages of `show`: headed blocks of `NAME : value` lines, tables and template text. */

import type { XmlNode } from "../../../shared/xml/tree.ts";
import { printableCell } from "./format.ts";
import { textAt } from "./node.ts";
import { type Column, cellsOf, renderTable } from "./table.ts";

const LOCK_LEVELS = ["None", "Use", "Manage", "Admin", "All"] as const;

export class Page {
  readonly #blocks: string[] = [];
  readonly #nameSize: number;

  /** `nameSize`: where the colons stand. */
  constructor(nameSize: number) {
    this.#nameSize = nameSize;
  }

  /** Lines of name and value; an undefined value leaves its line out. */
  block(heading: string, lines: readonly (readonly [string, string | undefined])[]): void {
    const shown = lines.flatMap(([name, value]) => (value === undefined ? [] : [this.#line(name, value)]));
    this.#blocks.push([heading, ...shown].join("\n"));
  }

  #line(name: string, value: string): string {
    return `${name.padEnd(this.#nameSize)}: ${printableCell(value)}`.trimEnd();
  }

  table(heading: string, columns: readonly Column[], rows: readonly XmlNode[], now = 0): void {
    this.text(heading, renderTable(columns, cellsOf(columns, rows, now)));
  }

  text(heading: string, text: string): void {
    this.#blocks.push(`${heading}\n${text}`.trimEnd());
  }

  /** OWNER, GROUP and OTHER as `um-`. */
  permissions(node: XmlNode): void {
    const mask = (who: string) =>
      ["U", "M", "A"]
        .map((right) => (textAt(node, `PERMISSIONS/${who}_${right}`) === "1" ? right.toLowerCase() : "-"))
        .join("");
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
