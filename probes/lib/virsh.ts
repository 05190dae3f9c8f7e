/** Asks libvirt through `virsh`: several commands in one call, so that a round costs one process however many domains there are. */

import type { ProbeHost } from "../probe.ts";

/** Where the domains of OpenNebula's hosts are, whoever the agent runs as. */
const CONNECTION = ["--connect", "qemu:///system"] as const;

/** A last command that is never a domain's name or figure on its own line: what was cut off lacks it. */
const END_MARK = "end of the list";

/** 3,000 domains with 16 disks each print about as much. */
const MAX_OUTPUT_CHARACTERS = 32 * 1024 * 1024;

/** Seconds that a call may take: libvirt waits for a QEMU that hangs without an end. */
const TIMEOUT_S = 8;

/** How timeout(1) ends when it had to end the command. */
const TIMED_OUT = 124;

/** libvirt did not answer in time, as when it waits for a QEMU that hangs. */
export class VirshTimeout extends Error {}

export interface VirshOptions {
  /** Default true; what libvirt refuses to readers (domcapabilities) needs false. */
  readonly readOnly?: boolean;
}

/**
 * Runs the commands in order in one `virsh`; a command that fails does not stop the later ones, and leaves only a gap.
 * They go through virsh's own parser, so nothing but words of ours and UUIDs may stand in them.
 * @throws VirshTimeout when libvirt hangs; Error when it cannot be reached, or the output is not whole.
 */
export async function virsh(
  host: ProbeHost,
  commands: readonly string[],
  { readOnly = true }: VirshOptions = {},
): Promise<string> {
  const script = [...commands, `echo "${END_MARK}"`].join("; ");
  const options = readOnly ? [...CONNECTION, "--readonly"] : CONNECTION;
  const { code, stdout, stderr } = await host.run("timeout", [
    String(TIMEOUT_S),
    "virsh",
    ...options,
    script,
  ]);
  if (code === TIMED_OUT) throw new VirshTimeout(`virsh did not answer within ${TIMEOUT_S} s.`);
  if (code !== 0) throw new Error(`virsh failed with code ${code}: ${firstLine(stderr)}`);
  if (stdout.length > MAX_OUTPUT_CHARACTERS)
    throw new Error(`virsh printed more than the ${MAX_OUTPUT_CHARACTERS} characters allowed.`);
  const end = stdout.trimEnd();
  if (!end.endsWith(`\n${END_MARK}`) && end !== END_MARK)
    throw new Error(`The output of virsh is not whole: ${firstLine(stderr)}`);
  const output = end.slice(0, -END_MARK.length);
  if (output.trim() === "" && stderr.trim() !== "") throw new Error(`virsh failed: ${firstLine(stderr)}`);
  return output;
}

/** libvirt's reason, fit for a message. */
function firstLine(stderr: string): string {
  const text = stderr.slice(0, 2000).trim().split("\n", 1)[0] ?? "";
  return text.replace(/\p{Cc}+/gu, " ").slice(0, 200) || "it gave no reason.";
}
