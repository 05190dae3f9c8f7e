/** How one kind of object is shown: its list, and its page. */

import { nodesAt, textAt } from "../../../../shared/xml/node.ts";
import type { XmlNode } from "../../../../shared/xml/tree.ts";
import type { Column } from "../table.ts";

export interface PageOptions {
  /** Seconds since the epoch. */
  readonly now: number;
  /** Attributes too that have a block of their own. */
  readonly all: boolean;
}

export interface View {
  readonly columns: readonly Column[];
  /** Names of the columns that a list shows when none are asked for. */
  readonly defaults: readonly string[];
  /** The rows of a pool document. */
  readonly rows: (pool: XmlNode) => readonly XmlNode[];
  readonly page: (node: XmlNode, options: PageOptions) => string;
}

/** The rows of a pool that holds nothing else. */
export function rowsNamed(element: string): (pool: XmlNode) => readonly XmlNode[] {
  return (pool) => nodesAt(pool, element);
}

/** A column that shows one element as it is. */
export function plainColumn(
  name: string,
  path: string,
  size: number,
  summary: string,
  more: Pick<Column, "left" | "whole"> = {},
): Column {
  return { name, size, summary, ...more, text: (row) => textAt(row, path) };
}

/** ID, USER, GROUP and NAME of objects that have an owner. */
export function ownedColumns(sizes: {
  readonly user: number;
  readonly group: number;
  readonly name: number;
}): readonly Column[] {
  return [
    plainColumn("ID", "ID", 4, "Id"),
    plainColumn("USER", "UNAME", sizes.user, "Name of the owner", { left: true }),
    plainColumn("GROUP", "GNAME", sizes.group, "Name of the group", { left: true }),
    plainColumn("NAME", "NAME", sizes.name, "Name", { left: true }),
  ];
}
