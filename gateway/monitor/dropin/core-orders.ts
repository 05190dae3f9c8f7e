/** What oned says, done: hosts come and go, agents are started and stopped, and only the leader watches. */

import type { Clock } from "../../../shared/clock.ts";
import type { Logger } from "../../../shared/log.ts";
import type { MonitorDaemon } from "../daemon.ts";
import type { MonitorSettings } from "../settings.ts";
import type { DriverAgents } from "../start-driver.ts";
import { HostWatcher, type WatchedHost } from "../watcher.ts";
import type { CoreLine } from "./core-line.ts";
import type { CoreMonitoring } from "./core-monitoring.ts";
import { readHosts, readStoppedHost } from "./host-document.ts";
import type { KnownHosts } from "./known-hosts.ts";

export interface CoreOrdersOptions {
  readonly hosts: KnownHosts;
  readonly drivers: DriverAgents;
  readonly monitoring: CoreMonitoring;
  readonly daemon: Pick<MonitorDaemon, "heard" | "enrolment">;
  /** Told when this front-end leads no more, if it did. */
  readonly onFollow: () => void;
  readonly settings: MonitorSettings;
  readonly clock: Clock;
  readonly log: Logger;
}

/** States of the Raft cluster in which this front-end monitors. */
const LEADING = ["LEADER", "SOLO"];

export class CoreOrders {
  readonly #options: CoreOrdersOptions;
  /** While this front-end leads. */
  #watcher: HostWatcher | undefined;
  /** IM_MADs that no driver has the name of, and that were told. */
  readonly #unknownDrivers = new Set<string>();

  constructor(options: CoreOrdersOptions) {
    this.#options = options;
    const { hosts, daemon } = options;
    daemon.enrolment.onChange(({ id }) => {
      const host = hosts.get(id);
      if (host !== undefined) this.#watcher?.lookAt(host);
    });
  }

  get isLeader(): boolean {
    return this.#watcher !== undefined;
  }

  /** @throws GatehouseError for a payload that cannot be read. */
  async take({ type, oid, payload }: CoreLine): Promise<void> {
    const { hosts } = this.#options;
    switch (type) {
      case "HOST_LIST":
        hosts.replace(await readHosts(payload));
        return;
      case "UPDATE_HOST":
        for (const host of await readHosts(payload)) hosts.put(host);
        return;
      case "DEL_HOST":
        await this.#delete(oid);
        return;
      case "START_MONITOR":
        this.#watcher?.startAgain(oid);
        return;
      case "STOP_MONITOR":
        this.#stop(oid, payload);
        return;
      case "RAFT_STATUS":
        await this.#lead(payload.trim());
        return;
      default:
        return;
    }
  }

  /** Agents go on, and speak to the next daemon. */
  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** As its watcher has it; undefined for a host that is not watched, and where another front-end leads. */
  standingOf(hostId: number): WatchedHost | undefined {
    return this.#watcher?.standingOf(hostId);
  }

  /** Its id is given to no other host, and its agent's key lets nobody in any more. */
  async #delete(hostId: number): Promise<void> {
    const { hosts, daemon } = this.#options;
    const host = hosts.get(hostId);
    hosts.delete(hostId);
    if (host !== undefined && daemon.enrolment.standingOf(hostId) !== undefined)
      await daemon.enrolment.forget(host);
  }

  #stop(hostId: number, payload: string): void {
    const { hosts, drivers } = this.#options;
    const host = hosts.get(hostId) ?? readStoppedHost(hostId, payload);
    if (this.isLeader && host !== undefined) void drivers.stop(host);
  }

  async #lead(status: string): Promise<void> {
    const { log } = this.#options;
    const leads = LEADING.includes(status);
    log.info(
      { status: status.slice(0, 32) },
      leads ? "This front-end monitors" : "Another front-end monitors",
    );
    if (!leads) {
      if (this.isLeader) this.#options.onFollow();
      this.close();
    } else if (this.#watcher === undefined) {
      this.#watcher = this.#newWatcher();
      await this.#watcher.start();
    }
  }

  #newWatcher(): HostWatcher {
    const { hosts, drivers, monitoring, daemon, settings, clock, log } = this.#options;
    return new HostWatcher({
      cloud: { hosts, monitoring, subscribe: (listener) => hosts.subscribe(listener) },
      clock,
      log,
      timerMs: settings.managerTimerS * 1_000,
      intervalMs: settings.hostIntervalS * 1_000,
      starterFor: (host) => {
        if (drivers.knows(host)) return drivers;
        this.#noteUnknownDriver(host.imMad);
        return undefined;
      },
      lastHeard: (hostId) => daemon.heard.lastHeard(hostId),
      isStanding: (hostId) => daemon.enrolment.standingOf(hostId) !== undefined,
    });
  }

  #noteUnknownDriver(imMad: string): void {
    if (this.#unknownDrivers.has(imMad)) return;
    this.#unknownDrivers.add(imMad);
    this.#options.log.warn(
      { driver: imMad },
      "No IM_MAD of monitord.conf has this name: its hosts are not started",
    );
  }
}
