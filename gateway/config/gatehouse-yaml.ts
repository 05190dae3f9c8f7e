/** Settings from gatehouse.yaml: the schema's own names, as nested sections. */

import type { Node } from "yaml";
import { isSection, leafAt, namesIn } from "./leaves.ts";
import { suggestion } from "./nearest.ts";
import { type Setting, type Source, shown } from "./source.ts";
import { parseYaml, type YamlFile, type YamlPair } from "./yaml-text.ts";

/** Unknown names are faults, with their path, file, line and the nearest name; a name without a value says nothing. */
export function readGatehouseYaml(file: string, text: string): Source {
  const yaml = parseYaml(file, text, "1.2");
  const found: Found = { settings: [], faults: [...yaml.faults] };
  readPairs(yaml, yaml.pairs, "", found);
  return { ...found, notes: [] };
}

interface Found {
  readonly settings: Setting[];
  readonly faults: string[];
}

function readPairs(yaml: YamlFile, pairs: readonly YamlPair[], section: string, found: Found): void {
  for (const { key, value, line } of pairs) {
    const path = section === "" ? key : `${section}.${key}`;
    const origin = `${yaml.name} line ${line}`;
    if (leafAt(path) !== undefined) {
      const plain = yaml.plain(value);
      if (plain !== null) found.settings.push({ path, value: plain, origin });
    } else if (isSection(path)) readSection(yaml, path, value, origin, found);
    else {
      const guess = suggestion(key, namesIn(section));
      found.faults.push(`${path} is not a setting (${origin}); ${guess}`);
    }
  }
}

function readSection(
  yaml: YamlFile,
  path: string,
  value: Node | undefined,
  origin: string,
  found: Found,
): void {
  const inner = yaml.pairsOf(value);
  if (inner !== undefined) readPairs(yaml, inner, path, found);
  else if (yaml.plain(value) !== null) {
    const names = namesIn(path).join(", ");
    found.faults.push(`${path} is ${shown(yaml.plain(value))} (${origin}); it is a section with ${names}`);
  }
}
