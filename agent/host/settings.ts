/** What an agent must know to run, however it was started; each way of starting makes one of these. */

import type { ProbeGroup, ProbeSettings } from "../../probes/probe.ts";
import type { KeyPair } from "../../shared/monitor/keys.ts";
import type { MessageType } from "../../shared/monitor/message.ts";
import type { RsaKey } from "../../shared/monitor/rsa.ts";

/** PROBES_PERIOD of monitord.conf, in seconds. */
export interface Periods {
  readonly BEACON_HOST: number;
  readonly SYSTEM_HOST: number;
  readonly MONITOR_HOST: number;
  readonly STATE_VM: number;
  readonly MONITOR_VM: number;
  /** Between two full reports of VM states. */
  readonly SYNC_STATE_VM: number;
}

export type PeriodName = keyof Periods;

/** As monitord.conf is shipped (spec monitoring.md 5). */
export const DEFAULT_PERIODS: Periods = Object.freeze({
  BEACON_HOST: 30,
  SYSTEM_HOST: 600,
  MONITOR_HOST: 120,
  STATE_VM: 5,
  MONITOR_VM: 30,
  SYNC_STATE_VM: 180,
});

/** Which message a group's probes make; its period bears the same name (spec monitoring.md 4). */
export const MESSAGE_OF_GROUP = {
  "host/beacon": "BEACON_HOST",
  "host/system": "SYSTEM_HOST",
  "host/monitor": "MONITOR_HOST",
  "vm/status": "STATE_VM",
  "vm/monitor": "MONITOR_VM",
} as const satisfies Readonly<Record<ProbeGroup, MessageType & PeriodName>>;

/** Where and how the daemon is spoken to. */
export type LinkSettings =
  | { readonly kind: "sealed"; readonly agent: KeyPair; readonly daemonKey: Uint8Array }
  /** OpenNebula's text, for its own daemon; encrypted where it has a public key. */
  | { readonly kind: "text"; readonly publicKey: RsaKey | undefined };

export interface AgentSettings {
  readonly hostId: number;
  readonly hostName: string;
  readonly hypervisor: string;
  /** Of the daemon: a name or an address. */
  readonly address: string;
  readonly port: number;
  readonly link: LinkSettings;
  readonly periods: Periods;
  readonly probes: ProbeSettings;
  /** Holds `<hypervisor>-probes.d/host/system/...` with programs of people's own; none: only our probes run. */
  readonly probesDir: string | undefined;
  /** Belongs to this agent alone: its boot id, what it has told of VMs, and its spool. */
  readonly stateDir: string;
  /** Handed to people's own probes on standard input: `<MONITOR_CONFIGURATION>...`. */
  readonly configurationXml: string;
}

/** OpenNebula's port for monitoring, UDP and TCP. */
export const DEFAULT_PORT = 4124;

export const DEFAULT_PROBE_SETTINGS: ProbeSettings = Object.freeze({
  datastoreLocation: "/var/lib/one/datastores",
  processRunDir: undefined,
  qemuRunDir: undefined,
});
