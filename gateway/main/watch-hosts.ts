/** Composes what watches hosts and starts their agents, as `monitor.agents` says. */

import { hostname } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { HostCommands } from "../admin/host-messages.ts";
import { SYSTEM } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import { dummyListPath, followDummyGuests } from "../cloud/embedded/drivers/dummy-list.ts";
import { prepareRunDir } from "../cloud/embedded/drivers/process-files.ts";
import type { Host } from "../cloud/model.ts";
import { monitorSettings } from "../config/monitor-settings.ts";
import type { Config } from "../config.ts";
import { agentPeriods } from "../monitor/agent-line.ts";
import type { MonitorDaemon } from "../monitor/daemon.ts";
import { type AgentFacts, ChildAgents } from "../monitor/start-child.ts";
import type { AgentStarter } from "../monitor/starter.ts";
import { HostWatcher } from "../monitor/watcher.ts";
import { localAgentCommand } from "./agent-executable.ts";
import { guestsDirectory } from "./drivers.ts";
import { hostCommands } from "./host-commands.ts";
import { otherAgents } from "./other-agents.ts";
import { guestsHaveUids, qemuDirectory } from "./qemu-places.ts";

export interface WatchHostsOptions {
  readonly config: Config;
  readonly daemon: MonitorDaemon;
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly log: Logger;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface HostWatch {
  readonly commands: HostCommands;
  /** Ends the agents that live with the house. Never rejects. */
  close(): Promise<void>;
}

/** Looks at all hosts once, and starts the agents there are to start; that they are heard is not waited for. */
export async function watchHosts(options: WatchHostsOptions): Promise<HostWatch> {
  const { config, daemon, cloud, clock, log } = options;
  const settings = monitorSettings(config);
  const local = await localAgents(options);
  const others = otherAgents(options);
  const watcher = new HostWatcher({
    cloud,
    clock,
    log,
    timerMs: settings.managerTimerS * 1_000,
    intervalMs: settings.hostIntervalS * 1_000,
    starterFor: (host) => (isThisMachine(host, config) ? (local ?? others(host)) : others(host)),
    lastHeard: (hostId) => daemon.heard.lastHeard(hostId),
    isStanding: (hostId) => daemon.enrolment.standingOf(hostId) !== undefined,
  });
  daemon.enrolment.onChange((host) => watcher.lookAt(host));
  const unfollow = await followSimulated(options);
  await watcher.start();
  return {
    commands: hostCommands({ config, cloud, daemon, watcher, clock }),
    async close() {
      watcher.close();
      unfollow();
      await Promise.all([local?.close(), others.close()]);
    },
  };
}

/**
 * A host that this house runs VMs of on this very machine: of its own driver, and named after the machine. Hosts of an
 * imported world have the driver at most, so that ten thousand of them start no agent.
 */
export function isThisMachine(
  { imMad, name }: Pick<Host, "imMad" | "name">,
  { cloud }: Pick<Config, "cloud">,
): boolean {
  const isOurs = imMad === cloud.driver || (imMad === "qemu" && cloud.driver === "process");
  return isOurs && (name === "localhost" || name === hostname());
}

async function localAgents(options: WatchHostsOptions): Promise<AgentStarter | undefined> {
  const { config, daemon, clock, log, environment } = options;
  if (config.monitor.agents === "none") return undefined;
  const command = localAgentCommand();
  if (command === undefined) {
    log.warn(
      {},
      "The host agent is not built here, so this machine is not monitored: npm run build makes it",
    );
    return undefined;
  }
  await prepareGuestsDirectory(config, log);
  return new ChildAgents({
    name: "local",
    commandFor: async () => [...command, "house"],
    factsFor: (host) => localFacts(config, daemon, host),
    agents: daemon.agents,
    environment,
    clock,
    log,
    random: Math.random,
  });
}

/** A directory that is missing is a failure to the agent's probes, and there may be no guest yet. */
async function prepareGuestsDirectory(config: Config, log: Logger): Promise<void> {
  if (config.cloud.driver === "dummy") return;
  try {
    await prepareRunDir(guestPlace(config), guestsHaveUids());
  } catch (error) {
    log.warn({ reason: errorText(error) }, "The guests' directory cannot be used");
  }
}

function guestPlace(config: Config): string {
  return config.cloud.driver === "qemu" ? qemuDirectory(config) : guestsDirectory(config);
}

function localFacts(config: Config, { address }: MonitorDaemon, { id, imMad }: Host): AgentFacts {
  const { datastore_location: datastoreLocation, probes_dir: probesDir } = config.monitor;
  return {
    hypervisor: imMad,
    address: reachedLocally(address.host),
    port: address.port,
    periods: agentPeriods(monitorSettings(config)),
    settings: {
      datastoreLocation,
      probesDir,
      ...guestFacts(config, id, imMad),
    },
    stateDir: join(config.home, "agents", String(id)),
  };
}

/** Where an agent finds the guests of this machine. */
function guestFacts(config: Config, hostId: number, imMad: string): Partial<AgentFacts["settings"]> {
  if (imMad === "dummy") return { dummyList: dummyListPath(dummyListsOf(config), hostId) };
  return imMad === "qemu"
    ? { qemuRunDir: qemuDirectory(config) }
    : { processRunDir: guestsDirectory(config) };
}

function reachedLocally(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

function dummyListsOf({ home }: Config): string {
  return join(home, "dummy-guests");
}

/** What simulated VMs there are is told to the agents of this machine, and to no other host's. */
async function followSimulated({ config, cloud, clock, log }: WatchHostsOptions): Promise<() => void> {
  if (config.monitor.agents === "none" || config.cloud.driver !== "dummy") return () => undefined;
  const isWatched = (hostId: number): boolean => {
    const host = cloud.hosts.peek(SYSTEM, hostId);
    return host !== undefined && isThisMachine(host, config);
  };
  const onError = (error: unknown) =>
    log.warn({ err: error }, "The list of simulated VMs could not be written");
  const directory = dummyListsOf(config);
  return followDummyGuests(cloud, await cloud.vms.list(SYSTEM), { directory, clock, isWatched, onError });
}
