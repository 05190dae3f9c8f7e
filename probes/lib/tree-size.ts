/** How much room the files below a folder take, where whoever owns them may be hostile. */

import { closeSync, constants, lstatSync, openSync, readdirSync } from "node:fs";

const STAT_BLOCK_BYTES = 512;

/** A folder within folders deeper than this is not looked into. */
const MAX_DEPTH = 32;

/**
 * Bytes on the disk; links are not followed, not even one put in a folder's place while we look: each folder is reached
 * from the open one above it. Undefined when there are more than `maxEntries`, or nothing can be read.
 */
export function treeBytes(folder: string, maxEntries: number): number | undefined {
  const budget = { entries: maxEntries };
  try {
    return folderBytes(folder, budget, 0);
  } catch {
    return undefined;
  }
}

function folderBytes(folder: string, budget: { entries: number }, depth: number): number {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const here = `/proc/self/fd/${fd}`;
    const names = readdirSync(here);
    budget.entries -= names.length;
    if (budget.entries < 0) throw new Error(`${folder} holds too many files.`);
    return names.reduce((total, name) => total + entryBytes(`${here}/${name}`, budget, depth), 0);
  } finally {
    closeSync(fd);
  }
}

function entryBytes(path: string, budget: { entries: number }, depth: number): number {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 0;
  const below = found.isDirectory() && depth < MAX_DEPTH ? folderBytes(path, budget, depth + 1) : 0;
  return found.blocks * STAT_BLOCK_BYTES + below;
}
