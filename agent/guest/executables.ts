/** The executables of the agent's directory: each prints KEY=VALUE lines, and none can hold the agent up. */

import { accessSync, constants, readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { type GuestAttribute, parseAttributeLine } from "./attributes.ts";
import { runChild } from "./child.ts";
import { Complaints } from "./complaints.ts";
import type { Variables } from "./shell-assignments.ts";

const MAX_EXECUTABLES = 64;
const MAX_AT_ONCE = 4;
const MAX_OUTPUT_BYTES = 64 * 1024;
const MAX_LINES = 100;
const MAX_SHOWN_CHARACTERS = 80;

export interface ExecutablesOptions {
  readonly directory: string;
  /** For each of them. */
  readonly timeoutMs: number;
  readonly env: Variables;
  readonly clock: Clock;
  readonly log: (line: string) => void;
}

/** What is complained of beside single executables; no file has a slash in its name. */
const UNREADABLE = "/unreadable";
const TOO_MANY = "/too-many";

/** Each call runs all of them and gives what they printed, in the order of their names. */
export function executablesSource(
  options: ExecutablesOptions,
): (stop: AbortSignal) => Promise<readonly GuestAttribute[]> {
  const complaints = new Complaints(options.log);
  return async function collect(stop) {
    const names = listExecutables(options.directory, complaints);
    complaints.keepOnly(new Set([...names.keys(), UNREADABLE, TOO_MANY]));
    const results = new Map<string, readonly GuestAttribute[]>();
    const waiting = [...names];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [name, path] = next;
        results.set(name, stop.aborted ? [] : await runOne(name, path, options, complaints, stop));
      }
    };
    await Promise.all(Array.from({ length: MAX_AT_ONCE }, work));
    return [...names.keys()].flatMap((name) => results.get(name) ?? []);
  };
}

/** By name: hidden files, editors' backups and what is not executable are passed over. */
function listExecutables(directory: string, complaints: Complaints): ReadonlyMap<string, string> {
  let names: readonly string[];
  try {
    names = readdirSync(directory).sort();
  } catch (error) {
    complaints.open(UNREADABLE, `The directory of executables cannot be read: ${errorText(error)}.`);
    return new Map();
  }
  complaints.close(UNREADABLE, `${directory} can be read again.`);
  const found = names
    .filter((name) => !name.startsWith(".") && !name.endsWith("~") && isExecutable(join(directory, name)))
    .map((name) => [name, join(directory, name)] as const);
  if (found.length > MAX_EXECUTABLES) {
    const text = `${directory} holds more than ${MAX_EXECUTABLES} executables; the rest are not run.`;
    complaints.open(TOO_MANY, text);
  } else complaints.close(TOO_MANY, `${directory} holds no more executables than allowed now.`);
  return new Map(found.slice(0, MAX_EXECUTABLES));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

async function runOne(
  name: string,
  path: string,
  { timeoutMs, env, clock }: ExecutablesOptions,
  complaints: Complaints,
  stop: AbortSignal,
): Promise<readonly GuestAttribute[]> {
  if (isWritableByAll(statSync(path, { throwIfNoEntry: false }))) {
    complaints.open(name, `${name} is not run: everyone may write to it.`);
    return [];
  }
  const result = await runChild(path, [], { env, timeoutMs, maxOutputBytes: MAX_OUTPUT_BYTES, clock, stop });
  if (stop.aborted) return [];
  if (!result.ok) {
    complaints.open(name, `${name} ${result.reason}; nothing of it is sent.`);
    return [];
  }
  const { attributes, fault } = parsePrinted(result.output);
  if (fault === undefined) complaints.close(name, `${name} works again.`);
  else complaints.open(name, `${name} ${fault}`);
  return attributes;
}

function isWritableByAll(status: Stats | undefined): boolean {
  return status !== undefined && (status.mode & 0o002) !== 0;
}

export interface Printed {
  readonly attributes: readonly GuestAttribute[];
  /** What was dropped, where something was. */
  readonly fault: string | undefined;
}

/** What an executable printed: its good lines, and one word on its bad ones. Empty lines and comments are neither. */
export function parsePrinted(output: string): Printed {
  const lines = output
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "" && !line.trimStart().startsWith("#"));
  const parsed = lines.slice(0, MAX_LINES).map((line) => ({ line, attribute: parseAttributeLine(line) }));
  const attributes = parsed.flatMap(({ attribute }) => (attribute === undefined ? [] : [attribute]));
  const bad = parsed.find(({ attribute }) => attribute === undefined);
  if (bad !== undefined) {
    const shown = JSON.stringify(bad.line.slice(0, MAX_SHOWN_CHARACTERS));
    return { attributes, fault: `printed a line that is not KEY=VALUE, which is dropped: ${shown}` };
  }
  const many =
    lines.length > MAX_LINES ? `printed more than ${MAX_LINES} lines; the rest is dropped.` : undefined;
  return { attributes, fault: many };
}
