/** Reading the trees that OpenNebula's XML becomes, where one element may stand alone or in an array. */

import type { XmlNode } from "./tree.ts";

/** Every node at a path such as `HISTORY_RECORDS/HISTORY`, in order; empty when there is none. */
export function nodesAt(node: XmlNode | undefined, path: string): readonly XmlNode[] {
  let nodes: readonly XmlNode[] = node === undefined ? [] : listOf(node);
  for (const name of path.split("/")) {
    nodes = nodes.flatMap((each) => {
      if (typeof each === "string" || isList(each) || !Object.hasOwn(each, name)) return [];
      const child = each[name];
      return child === undefined ? [] : listOf(child);
    });
  }
  return nodes;
}

/** The text of the first node at a path; empty when it is missing, or holds elements. */
export function textAt(node: XmlNode | undefined, path: string): string {
  const [first] = nodesAt(node, path);
  return typeof first === "string" ? first : "";
}

/** The number at a path; 0 when there is none. */
export function numberAt(node: XmlNode | undefined, path: string): number {
  const number = Number(textAt(node, path));
  return Number.isFinite(number) ? number : 0;
}

/** The texts at a path: ids of CLUSTERS/ID, for example. */
export function textsAt(node: XmlNode | undefined, path: string): readonly string[] {
  return nodesAt(node, path).filter((each) => typeof each === "string");
}

/** Names and children of an element; empty for text. */
export function entriesOf(node: XmlNode | undefined): readonly (readonly [string, XmlNode])[] {
  return node === undefined || typeof node === "string" || isList(node) ? [] : Object.entries(node);
}

/** A node with one child more, or another one of that name. */
export function withChild(node: XmlNode, name: string, child: XmlNode): XmlNode {
  return Object.fromEntries([...entriesOf(node), [name, child]]);
}

export function listOf(node: XmlNode): readonly XmlNode[] {
  return isList(node) ? node : [node];
}

function isList(node: XmlNode): node is readonly XmlNode[] {
  return Array.isArray(node);
}
