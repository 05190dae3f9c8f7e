/** What a message's payload says, by kind: the typed form that sealed frames carry and the daemon works on. */

import type { Template, Vector } from "../template/types.ts";

/**
 * A metric's value: a number where the text is how that number is written, so that nothing is lost
 * ("12.10" stays text), and for the metrics known to be numbers in any decimal form ("0.0").
 */
export type MetricValue = number | string;

/** One record of MONITOR_VM. Several of the same VM merge, later over earlier. */
export interface VmReading {
  /** -1 for a wild VM. */
  readonly id: number;
  readonly deployId: string;
  /** Names of `values`, upper-case, in their order. Readings of one message share the array where names are the same. */
  readonly names: readonly string[];
  readonly values: readonly MetricValue[];
  /** What is not one plain value: vectors (DISK_SIZE, SNAPSHOT_SIZE) and repeated names. */
  readonly more: Template;
}

/** States that probes tell (spec monitoring.md 7). */
export const REPORTED_STATES = ["RUNNING", "FAILURE", "SUSPENDED", "POWEROFF", "UNKNOWN"] as const;

export type ReportedState = (typeof REPORTED_STATES)[number];

/** One record of STATE_VM. */
export interface VmStateReading {
  /** -1 for a wild VM. */
  readonly id: number;
  readonly deployId: string;
  readonly state: ReportedState;
  /** What else the record says. */
  readonly more: Vector;
}

/** A VM that the hypervisor runs and the cloud does not know. */
export interface WildVm {
  readonly name: string;
  readonly deployId: string;
  /** Template text that would import it; empty when the probe gave none. */
  readonly importTemplate: string;
  readonly more: Vector;
}

/** One record of EXEC_VM: PID, STATUS, RETURN_CODE, STDOUT, STDERR as the guest agent gave them. */
export interface VmExecution {
  readonly id: number;
  readonly fields: Vector;
}

export type LogLevel = "error" | "warning" | "info" | "debug";

/** SYSTEM_HOST and MONITOR_HOST: the host's attributes without its wild VMs. */
export interface HostReading {
  readonly kind: "host";
  readonly attributes: Template;
  readonly wilds: readonly WildVm[];
}

/** MONITOR_VM. */
export interface VmsReading {
  readonly kind: "vms";
  readonly vms: readonly VmReading[];
  /** Attributes beside the VMs. */
  readonly more: Template;
}

/** STATE_VM: what changed, or with `sync` every VM of the host. */
export interface StatesReading {
  readonly kind: "states";
  readonly sync: boolean;
  /** With `sync`: what a VM of the host that is not listed has become; undefined: POWEROFF, upstream's default. */
  readonly missingState: ReportedState | undefined;
  readonly vms: readonly VmStateReading[];
  readonly more: Template;
}

/** EXEC_VM. */
export interface ExecutionsReading {
  readonly kind: "executions";
  readonly vms: readonly VmExecution[];
  readonly more: Template;
}

export type Reading =
  | HostReading
  | VmsReading
  | StatesReading
  | ExecutionsReading
  /** BEACON_HOST: the host lives; its payload says no more than the timestamp. */
  | { readonly kind: "beacon" }
  /** A probe failed: what it printed to tell why. */
  | { readonly kind: "failure"; readonly text: string }
  | { readonly kind: "log"; readonly level: LogLevel; readonly text: string }
  /** Payload of the types between daemon and drivers, which agents do not send. */
  | { readonly kind: "text"; readonly text: string };

/** The value of one metric, or undefined when the reading has none of that name. */
export function metricOf(reading: VmReading, name: string): MetricValue | undefined {
  const index = reading.names.indexOf(name);
  return index < 0 ? undefined : reading.values[index];
}

/** All of a reading as a template of strings, as MONITORING shows it. */
export function attributesOf(reading: VmReading): Template {
  const plain = reading.names.map((name, index) => [name, String(reading.values[index])] as const);
  return Object.fromEntries([...plain, ...Object.entries(reading.more)]);
}
