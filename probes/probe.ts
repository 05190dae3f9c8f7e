/**
 * What a probe is: it reads one aspect of a host, or of the VMs on it, and tells it as template text, as upstream's
 * executables print it (spec monitoring.md 4 and 8). One file a probe, in OpenNebula's directory scheme:
 *
 *     probes/<hypervisor>-probes.d/{host/{beacon,monitor,system},vm/{monitor,status}}/<name>.ts
 *
 * Ours run inside the agent without a fork; executables that people drop into such a directory run by the same contract.
 */

import type { Clock } from "../shared/clock.ts";

/** Which message a probe's text goes into, by its folder. */
export const PROBE_GROUPS = [
  "host/beacon",
  "host/monitor",
  "host/system",
  "vm/monitor",
  "vm/status",
] as const;

export type ProbeGroup = (typeof PROBE_GROUPS)[number];

/** What a command printed, and how it ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The host as a probe sees it; everything it reads goes through here, so that fixtures can stand in for a machine. */
export interface ProbeHost {
  readonly hypervisor: string;
  readonly hostId: number;
  readonly hostName: string;
  /** `/proc` and `/sys`, or a fixture's. */
  readonly procRoot: string;
  readonly sysRoot: string;
  readonly settings: ProbeSettings;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Ends when the round has taken too long; a probe passes it to whatever it waits for. */
  readonly signal: AbortSignal;
  /**
   * Runs a command to its end, its output bounded, killed with its children on `signal`.
   * @throws Error when it cannot be started.
   */
  run(command: string, args: readonly string[]): Promise<CommandResult>;
}

/** Where things are on this host; each has a default in the agent's configuration. */
export interface ProbeSettings {
  /** Datastores, one folder an id (DS_LOCATION): `/var/lib/one/datastores`. */
  readonly datastoreLocation: string;
  /** Where the embedded cloud's process and qemu drivers keep their guests, one folder a VM id. */
  readonly processRunDir: string | undefined;
  readonly qemuRunDir: string | undefined;
  /** The list of simulated VMs on a dummy host (shared/guests/dummy-list.ts); none: it simulates no VM. */
  readonly dummyList?: string | undefined;
  /** What VERSION says: that of the agent. Without it the host tells none. */
  readonly version?: string | undefined;
  /** Which PCI devices are told, as upstream's pci.conf writes it: `10de:*,8086:1572:0200`; none: all but bridges. */
  readonly pciFilter?: string | undefined;
  /** The names of PCI devices; none: where distributions keep pci.ids. */
  readonly pciIds?: string | undefined;
}

/** Reads once. The text is `KEY=value` lines and `VM=[...]` vectors; an empty one says nothing. */
export interface Probe {
  /** @throws Error when it cannot read: the message then goes out as FAILURE with its text, and nothing is guessed. */
  read(host: ProbeHost): Promise<string>;
}

/** What a probe's file exports as `probe`: it makes one with a memory of its own, for rates between two rounds. */
export interface ProbeModule {
  readonly group: ProbeGroup;
  /** In this order within the group, as file names order upstream's. */
  readonly name: string;
  create(): Probe;
}
