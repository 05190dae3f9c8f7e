/**
 * Programs that people drop into `<probes>/<hypervisor>-probes.d/<group>/`, by upstream's contract (spec monitoring.md
 * 4): hypervisor, host id and host name as arguments, the configuration's XML on standard input, template text out.
 */

import { access, constants, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ProbeGroup } from "../../probes/probe.ts";
import { decodeText } from "../../shared/monitor/base64.ts";
import { MAX_TEXT_CHARACTERS } from "../../shared/monitor/limits.ts";
import { runChild } from "./child.ts";

/** Of one program's output; a message holds no more. */
const MAX_OUTPUT_BYTES = 1024 * 1024;

/** More are not run: a directory of thousands is an accident. */
const MAX_FILES = 256;

/** Ends with a new line; a round is told again to each program. */
export interface ProbeCall {
  readonly hypervisor: string;
  readonly hostId: number;
  readonly hostName: string;
  readonly configurationXml: string;
}

/** Names of the executable regular files, links followed, in their order; none without the directory. */
export async function listProbeFiles(
  probesDir: string,
  hypervisor: string,
  group: ProbeGroup,
): Promise<readonly string[]> {
  const directory = join(probesDir, `${hypervisor}-probes.d`, group);
  const names = await readdir(directory).catch(noneWhenMissing);
  const found: string[] = [];
  for (const name of names.toSorted(byCodeUnits)) {
    const path = join(directory, name);
    if (found.length < MAX_FILES && (await isExecutableFile(path))) found.push(path);
  }
  return found;
}

/** Its text. @throws Error whose text is what it printed to tell why, or how it ended. */
export async function runProbeFile(path: string, call: ProbeCall, signal: AbortSignal): Promise<string> {
  const { code, stdout, stderr } = await runChild(path, {
    args: [call.hypervisor, String(call.hostId), call.hostName],
    input: call.configurationXml,
    signal,
    maxOutputBytes: MAX_OUTPUT_BYTES,
  });
  if (code !== 0) {
    const told = stderr.toString("utf8").trim().slice(0, MAX_TEXT_CHARACTERS);
    throw new Error(told === "" ? `ended with exit code ${code}` : told);
  }
  const text = decodeText(stdout);
  if (text === undefined) throw new Error("printed bytes that are no text in UTF-8");
  return text;
}

async function isExecutableFile(path: string): Promise<boolean> {
  try {
    if (!(await stat(path)).isFile()) return false;
    await access(path, constants.X_OK);
    return true;
  } catch {
    // A link that leads nowhere, or a file that went away meanwhile.
    return false;
  }
}

function noneWhenMissing(error: unknown): readonly string[] {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") return [];
  throw error;
}

/** As upstream's sort: the order does not hang on the host's language. */
function byCodeUnits(one: string, other: string): number {
  return one < other ? -1 : 1;
}
