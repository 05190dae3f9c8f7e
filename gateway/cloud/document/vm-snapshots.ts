/** Snapshots of a VM, which OpenNebula keeps as SNAPSHOT vectors in TEMPLATE (SNAPSHOTS beside it are those of disks). */

import { isYes, type Template, type Vector, vectorsOf } from "../../../shared/template/types.ts";
import type { JsonObject, Snapshot } from "../model.ts";
import { type Report, reporter, show } from "./fields.ts";
import { template } from "./template-part.ts";

const NAME = "SNAPSHOT";
const WHOLE = /^\d+$/;
const NONE: readonly Snapshot[] = Object.freeze([]);

/** A VM's TEMPLATE: the template without its snapshots, these, and by id what the model does not name of each. */
export const templateWithSnapshots = template.transform((given, context) => {
  if (given[NAME] === undefined) return { template: given, snapshots: NONE, rest: undefined };
  const report = reporter(context);
  const { [NAME]: value, ...others } = given;
  const read = vectorsOf(given, NAME).map((vector, index) =>
    readSnapshot(vector, (path, problem) =>
      report(Array.isArray(value) ? [NAME, index, ...path] : [NAME, ...path], problem),
    ),
  );
  const rest = read.flatMap(({ snapshot, left }): [string, Vector][] =>
    Object.keys(left).length === 0 ? [] : [[String(snapshot.id), left]],
  );
  return {
    template: others,
    snapshots: read.map(({ snapshot }) => snapshot),
    rest: rest.length === 0 ? undefined : Object.fromEntries(rest),
  };
});

function readSnapshot(vector: Vector, report: Report): { snapshot: Snapshot; left: Vector } {
  const { SNAPSHOT_ID, NAME: name, TIME, ACTIVE, ...left } = vector;
  const id = wholeNumber(SNAPSHOT_ID, "SNAPSHOT_ID", report);
  const time = wholeNumber(TIME ?? "0", "TIME", report);
  return { snapshot: { id, name: name ?? `snapshot-${id}`, time, active: isYes(ACTIVE) }, left };
}

function wholeNumber(text: string | undefined, name: string, report: Report): number {
  if (text === undefined || !WHOLE.test(text)) report([name], `must be a whole number, not ${show(text)}`);
  return Number(text);
}

/** The template with the snapshots at their place in OpenNebula's order, which is that of the alphabet. */
export function putSnapshots(
  template: Template,
  snapshots: readonly Snapshot[],
  rest: JsonObject | undefined,
): Template {
  if (snapshots.length === 0) return template;
  const vectors = snapshots.map((snapshot) => printSnapshot(snapshot, rest?.[String(snapshot.id)]));
  const value = vectors.length === 1 && vectors[0] !== undefined ? vectors[0] : vectors;
  const entries = Object.entries(template);
  const place = entries.findIndex(([name]) => name > NAME);
  entries.splice(place < 0 ? entries.length : place, 0, [NAME, value]);
  return Object.fromEntries(entries);
}

function printSnapshot(snapshot: Snapshot, rest: unknown): Vector {
  const vector = {
    ...(rest as Vector | undefined),
    NAME: snapshot.name,
    SNAPSHOT_ID: String(snapshot.id),
    TIME: String(snapshot.time),
    ...(snapshot.active ? { ACTIVE: "YES" } : {}),
  };
  return Object.fromEntries(Object.entries(vector).sort(([left], [right]) => (left < right ? -1 : 1)));
}
