/** `HostCommands` of a house: what is known of its hosts' agents, and what lets them speak. */

import { hostname } from "node:os";
import type { Clock } from "../../shared/clock.ts";
import { hostStateName } from "../../shared/states/host.ts";
import type { HostCommands, HostsStanding, MONITORED_BY } from "../admin/host-messages.ts";
import { SYSTEM } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { Host } from "../cloud/model.ts";
import { isLoopback } from "../config/listening.ts";
import type { Config } from "../config.ts";
import type { MonitorDaemon } from "../monitor/daemon.ts";
import { hostNamed } from "../monitor/enrol.ts";
import type { HostWatcher } from "../monitor/watcher.ts";

export interface HostCommandsOptions {
  readonly config: Pick<Config, "monitor">;
  readonly cloud: { readonly hosts: Pick<Cloud["hosts"], "list"> };
  readonly daemon: MonitorDaemon;
  readonly watcher: Pick<HostWatcher, "standingOf">;
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
      return {
        id,
        name,
        ...made,
        daemon: printed(reachedFromOthers(config, daemon)),
        loopbackOnly: isLoopback(host),
      };
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

/** Where agents on other machines reach the daemon. */
export function reachedFromOthers(
  { monitor }: Pick<Config, "monitor">,
  { address }: Pick<MonitorDaemon, "address">,
): { readonly address: string; readonly port: number } {
  const isWildcard = address.host === "0.0.0.0" || address.host === "::";
  const here = isWildcard ? hostname() : address.host;
  return { address: monitor.address === "auto" ? here : monitor.address, port: address.port };
}

function printed({ address, port }: { readonly address: string; readonly port: number }): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}
