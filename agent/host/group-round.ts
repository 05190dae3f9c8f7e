/**
 * One group's probes, round after round: ours within this process, then people's own programs. Each is given a limit of
 * its own, and one that fails or hangs costs the others nothing.
 */

import { withinRound } from "../../probes/lib/patience.ts";
import type { Probe, ProbeGroup, ProbeHost, ProbeModule } from "../../probes/probe.ts";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { runChild } from "./child.ts";
import { listProbeFiles, type ProbeCall, runProbeFile } from "./probe-files.ts";

/** Of a command that a probe of ours runs; virsh lists hundreds of domains in it. */
const MAX_COMMAND_BYTES = 64 * 1024 * 1024;

export interface ProbeText {
  /** `host/system/cpu`, or the program's path. */
  readonly probe: string;
  readonly text: string;
}

export interface RoundOutcome {
  /** What each probe told, in order; empty texts are left out. */
  readonly told: readonly ProbeText[];
  /** `Error executing <probe>: <why>`, in order. */
  readonly failures: readonly string[];
  /** How many probes there were: what nobody was asked about is not known to be nothing. */
  readonly asked: number;
}

export interface GroupOptions {
  readonly group: ProbeGroup;
  readonly modules: readonly ProbeModule[];
  readonly probesDir: string | undefined;
  readonly call: ProbeCall;
  readonly host: Omit<ProbeHost, "signal" | "run" | "clock">;
  readonly clock: Clock;
  /** For each probe. */
  readonly limitMs: number;
}

export class GroupProbes {
  readonly #options: GroupOptions;
  readonly #ours: readonly { readonly name: string; readonly probe: Probe }[];
  /** Probes of ours that a limit has passed over, and that have not come back since. */
  readonly #away = new Set<string>();

  constructor(options: GroupOptions) {
    this.#options = options;
    this.#ours = options.modules.map((module) => ({
      name: `${options.group}/${module.name}`,
      probe: module.create(),
    }));
  }

  /** Runs all of them once. Ends within the limit times the number of probes in a chain; never fails. */
  async round(stop: AbortSignal): Promise<RoundOutcome> {
    const chains = await Promise.all([this.#runOurs(stop), this.#runFiles(stop)]);
    const results = chains.flat();
    return {
      asked: results.length,
      told: results.flatMap(({ probe, text }) =>
        text === undefined || text.trim() === "" ? [] : [{ probe, text }],
      ),
      failures: results.flatMap(({ probe, failure }) =>
        failure === undefined ? [] : [`Error executing ${probe}: ${failure}`],
      ),
    };
  }

  async #runOurs(stop: AbortSignal): Promise<readonly ProbeResult[]> {
    const results: ProbeResult[] = [];
    for (const { name, probe } of this.#ours) {
      results.push(
        this.#away.has(name)
          ? { probe: name, failure: "has not come back from an earlier round" }
          : await this.#limited(name, stop, (signal) => this.#readOurs(name, probe, signal)),
      );
    }
    return results;
  }

  async #readOurs(name: string, probe: Probe, signal: AbortSignal): Promise<string> {
    this.#away.add(name);
    const reading = (async () => probe.read(this.#hostFor(signal)))();
    const back = (): boolean => this.#away.delete(name);
    reading.then(back, back);
    return await withinRound(reading, signal);
  }

  async #runFiles(stop: AbortSignal): Promise<readonly ProbeResult[]> {
    const { probesDir, call, group } = this.#options;
    if (probesDir === undefined) return [];
    const results: ProbeResult[] = [];
    let paths: readonly string[] = [];
    try {
      paths = await listProbeFiles(probesDir, call.hypervisor, group);
    } catch (error) {
      results.push({ probe: probesDir, failure: errorText(error) });
    }
    for (const path of paths)
      results.push(await this.#limited(path, stop, (signal) => runProbeFile(path, call, signal)));
    return results;
  }

  async #limited(
    probe: string,
    stop: AbortSignal,
    read: (signal: AbortSignal) => Promise<string>,
  ): Promise<ProbeResult> {
    const { clock, limitMs } = this.#options;
    const limit = new AbortController();
    const cancel = clock.after(limitMs, () =>
      limit.abort(new Error(`did not end within ${limitMs / 1000} s`)),
    );
    try {
      return { probe, text: await read(AbortSignal.any([stop, limit.signal])) };
    } catch (error) {
      return { probe, failure: errorText(error) };
    } finally {
      cancel();
    }
  }

  #hostFor(signal: AbortSignal): ProbeHost {
    return {
      ...this.#options.host,
      clock: this.#options.clock,
      signal,
      async run(command, args) {
        const { code, stdout, stderr } = await runChild(command, {
          args,
          signal,
          maxOutputBytes: MAX_COMMAND_BYTES,
        });
        return { code, stdout: stdout.toString("utf8"), stderr: stderr.toString("utf8") };
      },
    };
  }
}

interface ProbeResult {
  readonly probe: string;
  readonly text?: string;
  readonly failure?: string;
}
