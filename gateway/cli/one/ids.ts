/** Which objects a command means: ids, ranges, lists and names, as OpenNebula's commands take them. */

import { GatehouseError } from "../../../shared/errors.ts";
import { textAt } from "../../../shared/xml/node.ts";
import { xmlToTree } from "../../../shared/xml/parse.ts";
import type { Kind } from "./kind.ts";
import type { XmlRpcClient } from "./xmlrpc-client.ts";

/** `0..3` and `1,4` may name this many objects. */
export const MAX_IDS = 10_000;

const ALL = -2;

/** One entry of a list: ids that stand there, or a name to look up. */
type Entry = { readonly ids: readonly number[] } | { readonly name: string };

/**
 * `0..3`, `1,4`, `web`, or a list of them.
 * @throws GatehouseError `bad_request` for a range that runs backwards, or too many ids.
 */
export function parseSelection(text: string): readonly Entry[] {
  const entries = text
    .split(",")
    .filter((part) => part !== "")
    .map(entryOf);
  const count = entries.reduce((sum, entry) => sum + ("ids" in entry ? entry.ids.length : 1), 0);
  if (count === 0) throw new GatehouseError("bad_request", `"${text}" names no object.`);
  if (count > MAX_IDS) throw tooMany();
  return entries;
}

function entryOf(part: string): Entry {
  const [, first, last] = /^(\d{1,10})(?:\.\.(\d{1,10}))?$/.exec(part) ?? [];
  if (first === undefined) return { name: part };
  const from = Number(first);
  const to = Number(last ?? first);
  if (to < from)
    throw new GatehouseError("bad_request", `The range ${part} runs backwards; it is FIRST..LAST.`);
  if (to - from >= MAX_IDS) throw tooMany();
  return { ids: Array.from({ length: to - from + 1 }, (_, at) => from + at) };
}

function tooMany(): GatehouseError {
  return new GatehouseError("bad_request", `One command takes ${MAX_IDS} objects at most.`);
}

/** All objects of a kind by their names; asked for only where a name is given. */
export type IdsByName = () => Promise<ReadonlyMap<string, readonly number[]>>;

/** The ids of a selection, in its order. @throws GatehouseError `not_found` for a name that nothing bears. */
export async function idsOf(text: string, word: string, byName: IdsByName): Promise<readonly number[]> {
  const entries = parseSelection(text);
  const pool = entries.some((entry) => "name" in entry)
    ? await byName()
    : new Map<string, readonly number[]>();
  return entries.flatMap((entry) => ("ids" in entry ? entry.ids : [idNamed(pool, word, entry.name)]));
}

/** The id of one object, by its id or name. @throws GatehouseError as `idsOf`. */
export async function idOf(text: string, word: string, byName: IdsByName): Promise<number> {
  return /^\d{1,10}$/.test(text) ? Number(text) : idNamed(await byName(), word, text);
}

/** `idsOf` in a core. */
export async function resolveIds(client: XmlRpcClient, kind: Kind, text: string): Promise<readonly number[]> {
  return await idsOf(text, kind.word, () => namesOf(client, kind));
}

/** `idOf` in a core. */
export async function resolveId(client: XmlRpcClient, kind: Kind, text: string): Promise<number> {
  return await idOf(text, kind.word, () => namesOf(client, kind));
}

async function namesOf(client: XmlRpcClient, kind: Kind): Promise<ReadonlyMap<string, readonly number[]>> {
  const { node } = xmlToTree(await client.text(kind.poolMethod, ...kind.poolArguments(ALL)));
  const byName = Map.groupBy(kind.view.rows(node), (row) => textAt(row, "NAME"));
  return new Map([...byName].map(([name, rows]) => [name, rows.map((row) => Number(textAt(row, "ID")))]));
}

function idNamed(pool: ReadonlyMap<string, readonly number[]>, word: string, name: string): number {
  const [id, second] = pool.get(name) ?? [];
  if (id === undefined) throw new GatehouseError("not_found", `${word} named ${name} not found.`);
  if (second === undefined) return id;
  throw new GatehouseError(
    "conflict",
    `There are multiple ${word}s with name ${name}: use an id of ${(pool.get(name) ?? []).join(", ")}.`,
  );
}
