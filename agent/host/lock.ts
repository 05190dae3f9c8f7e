/** One agent per host: a note of the process that runs in its state directory, told apart from later ones by its start. */

import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { GatehouseError } from "../../shared/errors.ts";
import { bootId, livingStat, type ProcessIdentity, readStat } from "../../shared/guests/process-proc.ts";
import { makeStateDir } from "./state-dir.ts";

const note = z.object({ pid: z.int().min(1), startTicks: z.int().min(0), bootId: z.string() });

export interface Lock {
  /** Only what is ours is removed. */
  release(): void;
}

const NAME = "agent.pid";

/** A few in case others come and go meanwhile. */
const TRIES = 5;

/**
 * Makes the state directory and takes its lock; the process that holds it instead, when one does.
 * @throws GatehouseError `conflict` when it cannot be taken, Error when the directory cannot be made.
 */
export function takeLock(stateDir: string): Lock | ProcessIdentity {
  makeStateDir(stateDir);
  const path = join(stateDir, NAME);
  const own = ownNote();
  const aside = `${path}.${process.pid}`;
  writeFileSync(aside, JSON.stringify(own), { mode: 0o600 });
  try {
    for (let left = TRIES; left > 0; left -= 1) {
      if (linked(aside, path)) return { release: () => release(path) };
      const holder = holderOf(stateDir);
      if (holder !== undefined) return holder;
      removeStale(path);
    }
  } finally {
    rmSync(aside, { force: true });
  }
  throw new GatehouseError("conflict", `The lock ${path} is taken again and again: try later.`);
}

export function isLock(result: Lock | ProcessIdentity): result is Lock {
  return "release" in result;
}

/** The agent that runs with this state directory; undefined when none does. */
export function holderOf(stateDir: string): ProcessIdentity | undefined {
  return livingHolder(join(stateDir, NAME));
}

function livingHolder(path: string): ProcessIdentity | undefined {
  try {
    const { pid, startTicks, bootId: boot } = note.parse(JSON.parse(readFileSync(path, "utf8")));
    if (boot !== bootId() || livingStat({ pid, startTicks }) === undefined) return undefined;
    return { pid, startTicks };
  } catch {
    // No file, or none of ours.
    return undefined;
  }
}

function ownNote(): z.infer<typeof note> {
  const startTicks = readStat(process.pid)?.startTicks ?? 0;
  return { pid: process.pid, startTicks, bootId: bootId() };
}

function linked(aside: string, path: string): boolean {
  try {
    linkSync(aside, path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Renamed before it is removed: two that found it stale do not remove each other's new one. */
function removeStale(path: string): void {
  const stale = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, stale);
  } catch {
    return;
  }
  if (livingHolder(stale) !== undefined) linked(stale, path);
  rmSync(stale, { force: true });
}

function release(path: string): void {
  const holder = livingHolder(path);
  if (holder?.pid === process.pid) rmSync(path, { force: true });
}
