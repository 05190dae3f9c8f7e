/** A host for probes whose commands answer from a script, and whose /proc and /sys are wherever the test says. */

import type { CommandResult, ProbeHost } from "../../probes/probe.ts";
import { type ManualClock, manualClock } from "./manual-clock.ts";

export interface ScriptedProbeHost extends ProbeHost {
  readonly clock: ManualClock;
  /** Command lines, in order. */
  readonly ran: readonly string[];
}

export type Script = (commandLine: string) => Partial<CommandResult> | Error;

/** `script` answers each command line; what it leaves out is code 0 and no output. */
export function scriptedProbeHost(script: Script, host: Partial<ProbeHost> = {}): ScriptedProbeHost {
  const ran: string[] = [];
  return {
    hypervisor: "test",
    hostId: 3,
    hostName: "host3",
    procRoot: "/nowhere",
    sysRoot: "/nowhere",
    settings: {
      datastoreLocation: "/var/lib/one/datastores",
      processRunDir: undefined,
      qemuRunDir: undefined,
    },
    random: () => 0,
    signal: new AbortController().signal,
    ...host,
    clock: manualClock(),
    ran,
    async run(command, args) {
      const line = [command, ...args].join(" ");
      ran.push(line);
      const answer = script(line);
      if (answer instanceof Error) throw answer;
      return { code: 0, stdout: "", stderr: "", ...answer };
    },
  };
}
