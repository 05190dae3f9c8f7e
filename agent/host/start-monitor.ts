/**
 * START_MONITOR, OpenNebula's way (spec monitoring.md 3): `<hypervisor> <host id> <host name>` as arguments and the
 * configuration's XML on standard input. The first round's texts go to standard output, and the agent goes on behind.
 */

import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { join } from "node:path";
import type { ProbeGroup } from "../../probes/probe.ts";
import { type Clock, epochSeconds } from "../../shared/clock.ts";
import { GatehouseError } from "../../shared/errors.ts";
import { elementToXml } from "../../shared/xml/print.ts";
import { groupProbes } from "./agent.ts";
import { parseConfiguration } from "./configuration-xml.ts";
import { AGENT_NODE_FLAGS } from "./node-flags.ts";
import { type AgentSettings, DEFAULT_PROBE_SETTINGS, MESSAGE_OF_GROUP } from "./settings.ts";
import { makeStateDir } from "./state-dir.ts";

/** As upstream's, for /var/tmp outlives a restart of the machine. */
const STATE_ROOT = "/var/tmp/one_db";

export interface MonitorStart {
  readonly hypervisor: string;
  readonly hostId: string;
  readonly hostName: string;
  readonly xml: string;
  readonly probesDir: string | undefined;
  readonly stateDir: string | undefined;
  /** `SSH_CLIENT` of the environment: who `auto` means. */
  readonly sshClient: string | undefined;
  readonly version: string;
}

/** @throws GatehouseError with upstream's sentences, which its tools know. */
export function monitorSettings(start: MonitorStart): AgentSettings {
  const { hypervisor, hostName, xml, probesDir, version } = start;
  const hostId = Number(start.hostId);
  if (!/^[a-z0-9_-]{1,32}$/.test(hypervisor) || !/^\d{1,9}$/.test(start.hostId))
    throw new GatehouseError("bad_request", "Expected are <hypervisor> <host id> <host name>.");
  const { address, port, publicKey, periods, datastoreLocation } = parseConfiguration(xml);
  return {
    ...{ hostId, hostName, hypervisor, port, periods, probesDir },
    address: address === "auto" ? callerOf(hypervisor, start.sshClient) : address,
    link: { kind: "text", publicKey },
    probes: {
      ...DEFAULT_PROBE_SETTINGS,
      datastoreLocation: datastoreLocation ?? DEFAULT_PROBE_SETTINGS.datastoreLocation,
      version,
    },
    stateDir: start.stateDir ?? monitorStateDir(hypervisor, start.hostId),
    configurationXml: xml,
  };
}

/** Where an agent that was started so keeps what it must. */
export function monitorStateDir(hypervisor: string, hostId: string): string {
  return join(STATE_ROOT, `gatehouse-${hypervisor}-${hostId}`);
}

function callerOf(hypervisor: string, sshClient: string | undefined): string {
  const address = sshClient?.trim().split(/\s+/)[0];
  if (address !== undefined && address !== "") return address;
  if (hypervisor === "dummy") return "127.0.0.1";
  throw new GatehouseError("bad_request", 'NETWORK/MONITOR_ADDRESS is "auto", but SSH_CLIENT unknown');
}

const FIRST_GROUPS = [
  "host/system",
  "host/monitor",
  "vm/status",
  "vm/monitor",
] as const satisfies ProbeGroup[];

/** `<MONITOR_MESSAGES>` of one round. @throws GatehouseError `internal` when the host can tell nothing of itself. */
export async function firstMessages(
  settings: AgentSettings,
  clock: Clock,
  random: () => number,
): Promise<string> {
  const texts = new Map<string, string>();
  for (const group of FIRST_GROUPS) {
    const type = MESSAGE_OF_GROUP[group];
    const periodMs = settings.periods[type] * 1000;
    const probes = groupProbes(settings, group, { clock, random, periodMs });
    const { told, failures, asked } = await probes.round(new AbortController().signal);
    if (type === "SYSTEM_HOST" && told.length === 0 && failures.length > 0)
      throw new GatehouseError("internal", failures.join("\n"));
    const text = told.map((one) => one.text.trim()).join("\n");
    // A list that a failing probe left short would power off what it does not name.
    const isList = type === "STATE_VM" && asked > 0 && failures.length === 0;
    texts.set(type, isList ? `SYNC_STATE=yes\nMISSING_STATE=POWEROFF\n${text}` : text);
  }
  const messages = [...texts].map(([type, text]) => [type, Buffer.from(text).toString("base64")]);
  const TIMESTAMP = String(epochSeconds(clock));
  return elementToXml("MONITOR_MESSAGES", { ...Object.fromEntries(messages), TIMESTAMP });
}

/** Starts this program once more, in a session of its own, with the configuration and no terminal. */
export function goOnBehind(argv: readonly string[], xml: string, stateDir: string): Promise<void> {
  makeStateDir(stateDir);
  const log = openSync(join(stateDir, "agent.log"), "w", 0o600);
  const [script = ""] = process.argv.slice(1);
  const child = spawn(process.execPath, [...AGENT_NODE_FLAGS, script, "behind", ...argv], {
    detached: true,
    stdio: ["pipe", log, log],
  });
  child.unref();
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.stdin?.once("error", reject);
    child.stdin?.end(xml, () => resolve());
  });
}
