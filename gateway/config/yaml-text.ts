/** Reads a YAML file of settings into nodes that know their lines, bounded, with errors that name the line. */

import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { type Document, isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import { errorText, GatehouseError } from "../../shared/errors.ts";

const MAX_FILE_BYTES = 1_024 * 1_024;

/** A map's key, its value, and where it stands. */
export interface YamlPair {
  readonly key: string;
  readonly value: Node | undefined;
  readonly line: number;
}

export interface YamlFile {
  readonly name: string;
  readonly pairs: readonly YamlPair[];
  readonly faults: readonly string[];
  /** The pairs of a value that is a map; undefined when it is something else. */
  pairsOf(value: Node | undefined): readonly YamlPair[] | undefined;
  /** Scalars, lists and maps as plain values; a list's or key's nothing is null. */
  plain(value: Node | undefined): unknown;
}

/** @throws GatehouseError `bad_request` when the file cannot be read or is too large. */
export function readYamlText(file: string): string {
  try {
    const { size } = statSync(file);
    if (size > MAX_FILE_BYTES) {
      throw new GatehouseError("bad_request", `${file} has ${size} bytes; ${MAX_FILE_BYTES} are allowed`);
    }
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof GatehouseError) throw error;
    throw new GatehouseError("bad_request", `${file} cannot be read: ${errorText(error)}`, { cause: error });
  }
}

/** Parses text; `version` 1.1 is what Ruby reads (yes and no are booleans), 1.2 everybody else's. */
export function parseYaml(file: string, text: string, version: "1.1" | "1.2"): YamlFile {
  const name = basename(file);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, version, prettyErrors: false });
  const lineOf = (node: unknown): number =>
    isNode(node) && node.range ? lines.linePos(node.range[0]).line : 1;
  const faults = document.errors.map(
    (error) => `${name} line ${lines.linePos(error.pos[0]).line} is not YAML: ${error.message}`,
  );
  if (faults.length === 0) faults.push(...aliasFaults(name, document));
  const pairsOf = (value: Node | undefined): readonly YamlPair[] | undefined =>
    isMap(value)
      ? value.items.map((pair) => ({
          key: isScalar(pair.key) ? String(pair.key.value) : String(pair.key),
          value: isNode(pair.value) ? pair.value : undefined,
          line: lineOf(pair.key),
        }))
      : undefined;
  const root = document.contents ?? undefined;
  const top = pairsOf(root);
  const empty = root === undefined || (isScalar(root) && root.value === null);
  if (top === undefined && !empty && faults.length === 0) {
    faults.push(`${name} line ${lineOf(root)} holds no settings; they are written as NAME: VALUE`);
  }
  const plain = (value: Node | undefined): unknown => {
    const read: unknown = value === undefined ? null : value.toJS(document);
    return read;
  };
  // A file half understood would only add misleading faults to the one that matters.
  return { name, pairs: faults.length === 0 ? (top ?? []) : [], faults, pairsOf, plain };
}

/** Resolving aliases is where a small file may become a huge value; the parser counts, and gives up early. */
function aliasFaults(name: string, document: Document): readonly string[] {
  try {
    document.toJS();
    return [];
  } catch (error) {
    return [`${name} cannot be resolved: ${errorText(error)}`];
  }
}
