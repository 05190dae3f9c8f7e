/**
 * One home, one house: a lock that the operating system frees when its holder ends, however it ends.
 * It is an exclusive SQLite transaction on a file of its own, held for the life of the process.
 */

import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { GatehouseError } from "../../shared/errors.ts";

const LOCK_FILE = "lock.db";
const PID_FILE = "lock.pid";

/** The lock file is empty and the pid public; but nothing in a home is for others. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const OTHERS_MODE = 0o077;

/** SQLite's result code for a lock that another one holds. */
const SQLITE_BUSY = 5;

export interface HomeLock {
  /** Gives the home free; a second call does nothing. */
  release(): void;
}

/**
 * Takes the home, which is made when it is missing.
 * @throws GatehouseError `conflict` when another house has it, `unavailable` when it cannot be locked at all.
 */
export function lockHome(home: string): HomeLock {
  const database = lockFile(home);
  const pidFile = join(home, PID_FILE);
  try {
    writeFileSync(pidFile, `${process.pid}\n`, { mode: FILE_MODE });
  } catch (error) {
    database.close();
    throw cannotLock(home, error);
  }
  return {
    release: () => {
      if (!database.isOpen) return;
      // Before the lock goes: afterwards the file may be the next holder's. If the home was removed, it may be already.
      if (holderPid(home) === process.pid) rmSync(pidFile, { force: true });
      database.close();
    },
  };
}

function lockFile(home: string): DatabaseSync {
  const path = join(home, LOCK_FILE);
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(home, { recursive: true, mode: DIRECTORY_MODE });
    // One that was there before may be open to others, guests among them.
    if ((statSync(home).mode & OTHERS_MODE) !== 0) chmodSync(home, DIRECTORY_MODE);
    makeFile(path);
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    throw isBusy(error) ? inUse(home) : cannotLock(home, error);
  }
}

/**
 * Makes the file with its mode, and leaves one that exists unopened: POSIX drops all locks of a process on a file
 * as soon as the process closes any descriptor of it. For the same reason nothing else may ever open it.
 */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, "wx", FILE_MODE));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}

function inUse(home: string): GatehouseError {
  const pid = holderPid(home);
  const holder = pid === undefined ? "" : ` (pid ${pid})`;
  return new GatehouseError(
    "conflict",
    `The home ${home} is in use by another gatehouse${holder}; stop it, or choose another with --home.`,
  );
}

function cannotLock(home: string, cause: unknown): GatehouseError {
  return new GatehouseError(
    "unavailable",
    `The home ${home} cannot be locked: is it a directory to write in?`,
    {
      cause,
    },
  );
}

/** What the holder wrote; undefined when it has not come to it yet. */
function holderPid(home: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(home, PID_FILE), "utf8"));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && Number(error.errcode) % 256 === SQLITE_BUSY;
}
