/**
 * Watches hosts: has agents started, notices who falls silent, and tells the cloud (spec monitoring.md 5). Which hosts:
 * those whose agent somebody starts, those with an agent of their own that enrolled, and whoever was heard once. Others,
 * such as the hosts of an imported world, are left alone.
 */

import type { Clock } from "../../shared/clock.ts";
import { errorText, isGatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { HOST_STATE } from "../../shared/states/host.ts";
import { SYSTEM } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { CloudEvent } from "../cloud/event.ts";
import type { Host } from "../cloud/model.ts";
import { FewAtATime } from "./few-at-a-time.ts";
import type { AgentStarter, StarterChoice, StarterName } from "./starter.ts";
import {
  heardWatch,
  newWatch,
  onWatchEvent,
  onWatchTimer,
  silenceS,
  type Watch,
  type Watched,
  type WatchPhase,
} from "./watch.ts";

export interface WatcherOptions {
  readonly cloud: Pick<Cloud, "subscribe"> & {
    readonly hosts: Pick<Cloud["hosts"], "list">;
    readonly monitoring: Pick<Cloud["monitoring"], "hostFailed">;
  };
  readonly clock: Clock;
  readonly log: Logger;
  /** MANAGER_TIMER. */
  readonly timerMs: number;
  /** MONITORING_INTERVAL_HOST. */
  readonly intervalMs: number;
  readonly starterFor: StarterChoice;
  /** When anything of the host came last, by Clock.elapsed; undefined: not since the house started. */
  readonly lastHeard: (hostId: number) => number | undefined;
  /** Has an agent of its own that is started on the host. */
  readonly isStanding: (hostId: number) => boolean;
}

/** A host as people are told of it. */
export interface WatchedHost {
  readonly phase: WatchPhase;
  readonly starter: StarterName | undefined;
  readonly reason: string | undefined;
}

interface Entry {
  host: Host;
  watch: Watch;
  readonly starter: AgentStarter | undefined;
  /** What was heard up to here is known, or came before the watch began. */
  heardUntil: number;
  /** Why it failed. */
  reason: string | undefined;
  /** The cloud knows that it failed. */
  told: boolean;
  /** Starts that its starter has not answered yet: it may have many hosts to see to. */
  starts: number;
}

const STANDS_ALONE = "its agent is started on the host itself, and is silent";

/**
 * Hosts that the cloud is told of at one time. Each takes the sight of all its VMs, and where a network fails all hosts fall
 * silent at once: 10,000 of 20 VMs told together held the event loop for 4 s, and 1.2 GB.
 */
const FAILING_AT_ONCE = 32;

/** A failed host in one of these was enabled by somebody: it is as at the beginning. */
const ENABLED: readonly number[] = [HOST_STATE.INIT, HOST_STATE.MONITORED];

export class HostWatcher {
  readonly #options: WatcherOptions;
  readonly #entries = new Map<number, Entry>();
  readonly #failing = new FewAtATime(FAILING_AT_ONCE);
  #unsubscribe: () => void = () => undefined;
  #cancelTimer: () => void = () => undefined;
  #closed = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  /** Starts the agents there are to start, and looks again each MANAGER_TIMER. */
  async start(): Promise<void> {
    this.#unsubscribe = this.#options.cloud.subscribe(this.#react);
    await this.#look();
  }

  /** Starts no agent any more; those that run are their starters' to end. */
  close(): void {
    this.#closed = true;
    this.#unsubscribe();
    this.#cancelTimer();
  }

  /** Undefined for a host that is not watched. */
  standingOf(hostId: number): WatchedHost | undefined {
    const entry = this.#entries.get(hostId);
    if (entry === undefined) return undefined;
    const { watch, starter, reason, heardUntil } = entry;
    // The timer has yet to see what came since its last look.
    const heardSince = (this.#options.lastHeard(hostId) ?? heardUntil) > heardUntil;
    if (heardSince) return { phase: "heard", starter: starter?.name, reason: undefined };
    return { phase: watch.phase, starter: starter?.name, reason };
  }

  /** Looks at one host at once: it, or what is known of its agent, has changed. */
  lookAt(host: Host): void {
    const { starterFor, isStanding, lastHeard } = this.#options;
    if (this.#closed) return;
    const entry = this.#entries.get(host.id);
    const stands = isStanding(host.id);
    const starter = stands ? undefined : starterFor(host);
    const expected = starter !== undefined || stands || lastHeard(host.id) !== undefined;
    if (host.state === HOST_STATE.OFFLINE || !expected) this.#drop(host.id);
    else if (entry !== undefined && entry.starter === starter) entry.host = host;
    else {
      this.#drop(host.id);
      this.#watch(host, starter);
    }
  }

  /** Starts a host's agent now, whatever is known of it; nothing for a host that is not watched. */
  startAgain(hostId: number): void {
    const entry = this.#entries.get(hostId);
    if (entry !== undefined && !this.#closed) this.#begin(entry);
  }

  readonly #react = (event: CloudEvent): void => {
    if (event.kind === "host_state") this.lookAt(event.host);
  };

  async #look(): Promise<void> {
    const { cloud, clock, log, timerMs } = this.#options;
    try {
      const hosts = await cloud.hosts.list(SYSTEM);
      const there = new Set(hosts.map(({ id }) => id));
      for (const id of this.#entries.keys()) if (!there.has(id)) this.#drop(id);
      for (const host of hosts) this.lookAt(host);
      for (const entry of this.#entries.values()) this.#lookAgain(entry);
    } catch (error) {
      log.warn({ reason: errorText(error) }, "Hosts could not be looked at");
    }
    if (!this.#closed) this.#cancelTimer = clock.after(timerMs, () => void this.#look());
  }

  #lookAgain(entry: Entry): void {
    const { clock, lastHeard, intervalMs } = this.#options;
    const heardAt = lastHeard(entry.host.id);
    if (heardAt !== undefined && heardAt > entry.heardUntil) {
      entry.heardUntil = heardAt;
      entry.reason = undefined;
      entry.told = false;
      entry.watch = onWatchEvent(entry.watch, "heard", heardAt).watch;
    }
    if (entry.told && ENABLED.includes(entry.host.state)) this.#begin(entry);
    else if (entry.starts === 0) this.#apply(entry, onWatchTimer(entry.watch, clock.elapsed(), intervalMs));
  }

  #watch(host: Host, starter: AgentStarter | undefined): void {
    const fresh = { watch: newWatch(), heardUntil: 0, reason: undefined, told: false, starts: 0 };
    const entry: Entry = { host, starter, ...fresh };
    this.#entries.set(host.id, entry);
    this.#begin(entry);
  }

  /** At first, and of a host that failed and was enabled again. */
  #begin(entry: Entry): void {
    const { clock, intervalMs } = this.#options;
    const now = clock.elapsed();
    entry.heardUntil = now;
    entry.reason = undefined;
    entry.told = false;
    const begun = entry.starter === undefined ? heardWatch(now) : newWatch();
    this.#apply(entry, onWatchTimer(begun, now, intervalMs));
  }

  #drop(hostId: number): void {
    const entry = this.#entries.get(hostId);
    if (entry === undefined) return;
    this.#entries.delete(hostId);
    void entry.starter?.stop(entry.host);
  }

  #apply(entry: Entry, { watch, effects }: Watched): void {
    const silentS = silenceS(entry.watch, this.#options.clock.elapsed());
    entry.watch = watch;
    for (const effect of effects) {
      if (effect === "start") void this.#start(entry);
      else void this.#fail(entry, `nothing was heard from it for ${silentS} s`);
    }
  }

  async #start(entry: Entry): Promise<void> {
    const { clock, log } = this.#options;
    const { host, starter } = entry;
    entry.starts += 1;
    try {
      if (starter === undefined) throw new Error(STANDS_ALONE);
      log.info({ host: host.id, name: host.name, how: starter.name }, "Starting the agent of a host");
      await starter.start(host);
      // From here on it has its time to be heard.
      entry.watch = { ...entry.watch, startedAt: clock.elapsed() };
    } catch (error) {
      const known = this.#entries.get(host.id) === entry && !this.#closed;
      if (!known) return;
      const after = onWatchEvent(entry.watch, "start_failed", clock.elapsed());
      // One that stands alone was not started: its next silence counts at once, too.
      entry.watch = starter === undefined ? { ...after.watch, startedAt: undefined } : after.watch;
      if (after.effects.includes("fail")) await this.#fail(entry, errorText(error));
    } finally {
      entry.starts -= 1;
    }
  }

  /** The same reason is told once, until the host is heard again. */
  async #fail(entry: Entry, reason: string): Promise<void> {
    const { log } = this.#options;
    if (this.#closed || entry.reason === reason) return;
    entry.reason = reason;
    const { id, name } = entry.host;
    log.warn({ host: id, name, reason }, "A host cannot be monitored");
    try {
      await this.#failing.run(() => this.#tell(entry, reason));
    } catch (error) {
      entry.reason = undefined;
      if (!isGatehouseError(error) || error.code !== "not_found")
        log.error({ host: id, err: error }, "That a host cannot be monitored could not be noted");
    }
  }

  /** Unless it came back, or there is something else to say of it, while this waited. */
  async #tell(entry: Entry, reason: string): Promise<void> {
    const { cloud, lastHeard } = this.#options;
    const { id } = entry.host;
    const isBack = (lastHeard(id) ?? entry.heardUntil) > entry.heardUntil;
    if (this.#closed || isBack || entry.reason !== reason || this.#entries.get(id) !== entry) return;
    await cloud.monitoring.hostFailed(id, reason);
    entry.told = entry.reason === reason;
  }
}
