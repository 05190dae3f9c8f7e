/** `HostCommands` of a house: what is known of its hosts' agents, and what lets them speak. */

import { hostname } from "node:os";
import type { Clock } from "../../shared/clock.ts";
import { hostStateName } from "../../shared/states/host.ts";
import type { HostCommands, HostsStanding, MONITORED_BY } from "../admin/host-messages.ts";
import { type Cloud, SYSTEM } from "../cloud/cloud.ts";
import type { Host } from "../cloud/model.ts";
import { isLoopback } from "../config/listening.ts";
import type { Config } from "../config.ts";
import type { MonitorDaemon } from "../monitor/daemon.ts";
import { hostNamed } from "../monitor/enrol.ts";
import type { HostWatcher } from "../monitor/watcher.ts";

export interface HostCommandsOptions {
  readonly config: Pick<Config, "monitor">;
  readonly cloud: Pick<Cloud, "hosts">;
  readonly daemon: MonitorDaemon;
  readonly watcher: HostWatcher;
  readonly clock: Clock;
}

type Standing = HostsStanding["hosts"][number];

export function hostCommands(options: HostCommandsOptions): HostCommands {
  const { config, cloud, daemon } = options;
  const named = async (text: string): Promise<Host> => hostNamed(await cloud.hosts.list(SYSTEM), text);
  return {
    async enrol(text, lifetimeMs) {
      const { id, name } = await named(text);
      const made = await daemon.enrolment.makeCode(id, lifetimeMs);
      const { host } = daemon.address;
      return { id, name, ...made, daemon: reachedAt(config, daemon), loopbackOnly: isLoopback(host) };
    },
    async list() {
      const hosts = (await cloud.hosts.list(SYSTEM)).map((host) => standingOf(host, options));
      const refusals = [...daemon.counts.refusals]
        .filter(([, count]) => count > 0)
        .map(([reason, count]) => ({ reason, count }));
      return { hosts, refusals };
    },
    forget: async (text) => await daemon.enrolment.forget(await named(text)),
  };
}

function standingOf(host: Host, { daemon, watcher, clock }: HostCommandsOptions): Standing {
  const watched = watcher.standingOf(host.id);
  const heardAt = daemon.heard.lastHeard(host.id);
  const [key] = daemon.agents.ofHost(host.id);
  return {
    id: host.id,
    name: host.name,
    state: hostStateName(host.state),
    imMad: host.imMad,
    by: monitoredBy(host, { daemon, watcher }),
    agent: watched?.phase ?? null,
    keyId: key?.keyId ?? null,
    heardAgoS: heardAt === undefined ? null : Math.round((clock.elapsed() - heardAt) / 1_000),
    reason: watched?.reason ?? null,
  };
}

function monitoredBy(
  { id }: Host,
  { daemon, watcher }: Pick<HostCommandsOptions, "daemon" | "watcher">,
): (typeof MONITORED_BY)[number] {
  if (daemon.enrolment.standingOf(id) !== undefined) return "enrolled";
  const watched = watcher.standingOf(id);
  return watched === undefined ? "none" : (watched.starter ?? "heard");
}

/** What to tell an agent on another machine. */
function reachedAt({ monitor }: Pick<Config, "monitor">, { address }: MonitorDaemon): string {
  const isWildcard = address.host === "0.0.0.0" || address.host === "::";
  const host = monitor.address !== "auto" ? monitor.address : isWildcard ? hostname() : address.host;
  return `${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}
