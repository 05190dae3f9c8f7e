/** Settings from the environment: `GATEHOUSE_<SECTION>_<KEY>`, for every setting there is. */

import { environmentName, LEAVES, type Leaf } from "./leaves.ts";
import { suggestion } from "./nearest.ts";
import { type Setting, type Source, shown } from "./source.ts";
import { fromText } from "./text-value.ts";

const PREFIX = "GATEHOUSE_";
const BY_NAME: ReadonlyMap<string, Leaf> = new Map(LEAVES.map((leaf) => [environmentName(leaf.path), leaf]));
const SECTIONS: ReadonlySet<string> = new Set(
  LEAVES.filter((leaf) => leaf.path.includes(".")).map((leaf) => leaf.path.split(".", 1)[0] ?? ""),
);

/**
 * Lists are separated by commas (the empty text is the empty list), booleans are true, false, yes or no. A name
 * that begins like a section of ours but is none is a fault; other GATEHOUSE_ names may be somebody else's
 * (orchestrators make them from service names), and are only mentioned.
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Source {
  const settings: Setting[] = [];
  const faults: string[] = [];
  const notes: string[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined || !name.startsWith(PREFIX)) continue;
    const leaf = BY_NAME.get(name);
    if (leaf !== undefined) {
      const read = fromText(leaf.kind, text);
      if (!read.ok) faults.push(`${leaf.path} is ${shown(text)} (${name}); it must be ${leaf.allowed}`);
      else if (read.value !== undefined) settings.push({ path: leaf.path, value: read.value, origin: name });
      continue;
    }
    const section = name.slice(PREFIX.length).split("_", 1)[0]?.toLowerCase() ?? "";
    if (!SECTIONS.has(section)) notes.push(`${name} in the environment is no setting of this version.`);
    else {
      const names = [...BY_NAME.keys()].filter((known) =>
        known.startsWith(`${PREFIX}${section.toUpperCase()}_`),
      );
      faults.push(`${name} in the environment is not a setting; ${suggestion(name, names)}`);
    }
  }
  return { settings, faults, notes };
}
