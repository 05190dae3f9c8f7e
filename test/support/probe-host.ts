/**
 * Machines for probes: trees of /proc and /sys from test/fixtures/probes, laid out in a temporary directory.
 *
 *     == proc/stat                                 a file: the lines up to the next head
 *     == sys/class/net/eth0/device -> ../../x      a link
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import type { ProbeHost, ProbeModule, ProbeSettings } from "../../probes/probe.ts";
import { manualClock } from "./manual-clock.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/probes");

/** Files by their path below the machine's root. */
export type Tree = Readonly<Record<string, string>>;

export interface TestMachine {
  readonly root: string;
  /** Writes over what stands there. */
  write(files: Tree): void;
  host(changes?: Partial<ProbeHost>, settings?: Partial<ProbeSettings>): ProbeHost;
}

/** The machine of a fixture, or an empty one, gone after the test. */
export function machine(fixture?: string): TestMachine {
  const root = mkdtempSync(join(tmpdir(), "gatehouse-probes-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  if (fixture !== undefined) unpack(readFileSync(join(FIXTURES, `${fixture}.txt`), "utf8"), root);
  return {
    root,
    write(files) {
      for (const [path, content] of Object.entries(files)) put(join(root, path), content);
    },
    host: (changes = {}, settings = {}) => probeHost(root, changes, settings),
  };
}

function probeHost(root: string, changes: Partial<ProbeHost>, settings: Partial<ProbeSettings>): ProbeHost {
  return {
    hypervisor: "kvm",
    hostId: 3,
    hostName: "named-by-the-agent",
    procRoot: join(root, "proc"),
    sysRoot: join(root, "sys"),
    clock: manualClock(),
    random: () => 0.5,
    signal: new AbortController().signal,
    run: async (command) => {
      throw new Error(`No probe of ours starts ${command}.`);
    },
    settings: {
      datastoreLocation: join(root, "datastores"),
      processRunDir: undefined,
      qemuRunDir: undefined,
      ...settings,
    },
    ...changes,
  };
}

/** What a probe tells when it is asked for the first time. */
export function readOnce(probe: ProbeModule, host: ProbeHost): Promise<string> {
  return probe.create().read(host);
}

function unpack(text: string, root: string): void {
  for (const part of text.split(/^== /m).slice(1)) {
    const end = part.indexOf("\n");
    const [path = "", target] = part.slice(0, end).split(" -> ");
    if (target === undefined) put(join(root, path), part.slice(end + 1));
    else link(join(root, path), target);
  }
}

function put(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

function link(path: string, target: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}
