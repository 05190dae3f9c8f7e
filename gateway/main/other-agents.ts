/** Who starts agents on other machines than this one, as `monitor.agents` says. */

import { readFileSync } from "node:fs";
import type { Clock } from "../../shared/clock.ts";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { Host } from "../cloud/model.ts";
import { monitorSettings } from "../config/monitor-settings.ts";
import type { Config } from "../config.ts";
import { agentPeriods } from "../monitor/agent-line.ts";
import type { MonitorDaemon } from "../monitor/daemon.ts";
import { ChildAgents } from "../monitor/start-child.ts";
import { DriverAgents } from "../monitor/start-driver.ts";
import { SshAgents } from "../monitor/start-ssh.ts";
import type { AgentStarter } from "../monitor/starter.ts";
import { agentBundle } from "./agent-executable.ts";
import { reachedFromOthers } from "./host-commands.ts";

export interface OtherAgentsOptions {
  readonly config: Config;
  readonly daemon: MonitorDaemon;
  readonly clock: Clock;
  readonly log: Logger;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface OtherAgents {
  /** Undefined: nobody starts that host's agent. */
  (host: Host): AgentStarter | undefined;
  close(): Promise<void>;
}

/** Hypervisors of real hosts that our agent has probes for, and that are not this house's own. */
const SSH_HYPERVISORS = ["kvm", "qemu", "lxc"];

export function otherAgents(options: OtherAgentsOptions): OtherAgents {
  const { agents } = options.config.monitor;
  if (agents === "ssh") return sshAgents(options);
  if (agents === "im_mad") return driverAgents(options);
  return Object.assign(() => undefined, { close: async () => undefined });
}

function driverAgents({ config, daemon, clock, log, environment }: OtherAgentsOptions): OtherAgents {
  const { drivers, address, periods, publicKeyFile } = monitorSettings(config);
  const publicKey = publicKeyFile === undefined ? "" : readPublicKey(publicKeyFile);
  const starter = new DriverAgents({
    drivers,
    directory: config.monitor.mads_dir,
    configuration: () => ({ address, port: daemon.address.port, publicKey, periods }),
    take: (message) => daemon.takeText(message),
    environment,
    clock,
    log,
  });
  const choice = (host: Host) => (starter.knows(host) ? starter : undefined);
  return Object.assign(choice, { close: () => starter.close() });
}

function sshAgents({ config, daemon, clock, log, environment }: OtherAgentsOptions): OtherAgents {
  const bundle = agentBundle();
  if (bundle === undefined)
    throw new GatehouseError(
      "bad_request",
      "monitor.agents is ssh, and the agent for other hosts is not built here: npm run build:agent makes it.",
    );
  const settings = monitorSettings(config);
  const { datastore_location: datastoreLocation, probes_dir: probesDir } = config.monitor;
  const ssh = new SshAgents({ bundle, environment, clock });
  const starter = new ChildAgents({
    name: "ssh",
    commandFor: (host) => ssh.commandFor(host),
    factsFor: (host) => ({
      hypervisor: host.imMad,
      ...reachedFromOthers(config, daemon),
      periods: agentPeriods(settings),
      settings: { datastoreLocation, probesDir },
      stateDir: ssh.stateDirOf(host),
    }),
    agents: daemon.agents,
    environment,
    clock,
    log,
    random: Math.random,
  });
  const choice = ({ imMad }: Host) => (SSH_HYPERVISORS.includes(imMad) ? starter : undefined);
  return Object.assign(choice, { close: () => starter.close() });
}

/** The text of a PEM file. @throws GatehouseError `bad_request` when it cannot be read. */
export function readPublicKey(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new GatehouseError(
      "bad_request",
      `monitor.public_key_file ${file} cannot be read: ${errorText(cause)}`,
      { cause },
    );
  }
}
