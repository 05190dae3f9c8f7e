/** `onegate.sh` in guests that have little: one shell, one HTTP client, one awk, and nothing else in PATH. */

import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const SCRIPT = fileURLToPath(new URL("../../agent/guest/sh/onegate.sh", import.meta.url));

/** What the script uses besides its client: all of it is in every busybox. */
const TOOLS = [
  ...["awk", "cat", "date", "grep", "mkfifo", "mktemp", "mv", "od", "rm"],
  ...["sed", "setsid", "sleep", "tail", "tr", "wc"],
];

/** The path of a program of this machine; undefined when it has none. */
export function programPath(name: string): string | undefined {
  const paths = (process.env.PATH ?? "").split(delimiter).map((directory) => join(directory, name));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export interface ShGuest {
  readonly name: string;
  /** Why it cannot be tried here; undefined when it can. */
  readonly lacks: string | undefined;
  /** What runs the script, in front of its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly client: string;
  /** The guest's PATH, a directory under `scratch` that is made once. */
  path(scratch: string): string;
}

interface Parts {
  readonly shell: "dash" | "busybox";
  readonly client: "curl" | "wget" | "busybox";
  /** The program that is its awk; without it the machine's own. */
  readonly awk?: string;
}

/** A guest of these parts; with the busybox client everything in PATH is busybox. */
export function shGuest({ shell, client, awk }: Parts): ShGuest {
  const needed = [shell, client, ...(awk === undefined ? [] : [awk])];
  const missing = needed.filter((name) => programPath(name) === undefined);
  const program = programPath(shell) ?? shell;
  return {
    name: `${shell === "dash" ? "dash" : "busybox ash"} with ${client} only${awk === undefined ? "" : `, awk is ${awk}`}`,
    lacks: missing.length === 0 ? undefined : `this machine has no ${missing.join(" and no ")}`,
    command: shell === "dash" ? [program, SCRIPT] : [program, "sh", SCRIPT],
    client: client === "busybox" ? "nc" : client,
    path(scratch) {
      const directory = join(scratch, `bin-${shell}-${client}-${awk ?? "awk"}`);
      if (existsSync(directory)) return directory;
      mkdirSync(directory);
      const links = new Map(TOOLS.map((tool) => [tool, client === "busybox" ? "busybox" : tool]));
      if (awk !== undefined) links.set("awk", awk);
      for (const tool of client === "busybox" ? ["nc", "wget", "busybox"] : [client]) links.set(tool, client);
      for (const [tool, target] of links) symlinkSync(programPath(target) ?? target, join(directory, tool));
      return directory;
    },
  };
}

const SHELLS = ["dash", "busybox"] as const;
const CLIENTS = ["curl", "wget", "busybox"] as const;

/** Every shell with every client. */
export const SH_GUESTS: readonly ShGuest[] = SHELLS.flatMap((shell) =>
  CLIENTS.map((client) => shGuest({ shell, client })),
);

/** The processes whose command line or environment (`file`) holds a text, as /proc tells. */
export function processesWith(file: "cmdline" | "environ", text: string): readonly string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, "utf8").includes(text);
    } catch {
      // It has ended, or is another user's.
      return false;
    }
  });
}
