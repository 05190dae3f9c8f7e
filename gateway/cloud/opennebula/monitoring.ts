/** What OpenNebula's own monitoring measured, to be read: its daemon writes it, and a house before it does not. */

import { type Clock, epochSeconds } from "../../../shared/clock.ts";
import { errorText, GatehouseError, isGatehouseError } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import type { History, HistoryQuery } from "../../../shared/monitor/history.ts";
import { elementsOf, elementText } from "../../../shared/xmlrpc/pool-answer.ts";
import { SYSTEM } from "../actor.ts";
import { hostIdOf } from "../document/vm.ts";
import type { CloudEvent } from "../event.ts";
import type { Vm } from "../model.ts";
import type { CloudMonitoring, LatestReading } from "../monitoring.ts";
import type { Core } from "./core.ts";
import { Pauses } from "./pauses.ts";
import { type ReadingOf, rawPoint, readingFrom, readingOf, readingsIn } from "./readings.ts";
import { AnswerTooLarge } from "./refusals.ts";

/** Of one.vmpool.monitoring: all that may be seen, and only the last of each. */
const ALL = -2;
const LAST = 0;

/** VMs whose latest reading is kept. */
const MAX_KEPT = 100_000;

/** A reading has some 570 bytes (recorded), and the call takes no range. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export interface RemoteMonitoringOptions {
  readonly core: Core;
  readonly clock: Clock;
  readonly log: Logger;
  readonly monitoringMs: number;
  /** A VM as it is known, however old. */
  readonly known: (vmId: number) => Vm | undefined;
  readonly tell: (event: CloudEvent) => void;
}

export class RemoteMonitoring implements CloudMonitoring {
  readonly #options: RemoteMonitoringOptions;
  readonly #latest = new Map<number, LatestReading>();
  #cancel: (() => void) | undefined;
  /** Counts up with each start and stop, so that a look from before goes on no more. */
  #era = 0;
  #isTooLarge = false;

  constructor(options: RemoteMonitoringOptions) {
    this.#options = options;
  }

  /** Looks at the latest readings from time to time, until it is stopped. */
  start(): void {
    this.#era += 1;
    if (this.#options.monitoringMs > 0) this.#again(this.#era);
  }

  stop(): void {
    this.#era += 1;
    this.#cancel?.();
  }

  /** A VM's own document carries its latest reading. */
  readonly seen = (vm: Vm): void => {
    const read = readingOf({ ...vm.monitoring, ID: String(vm.id) });
    if (read !== undefined) this.#take(vm.id, read.reading);
  };

  latestVm(vmId: number): LatestReading | undefined {
    return this.#latest.get(vmId);
  }

  /** Hosts' readings are asked for, and not kept. */
  latestHost(): undefined {
    return undefined;
  }

  wildsOn(): undefined {
    return undefined;
  }

  async vmHistory(vmId: number, query: HistoryQuery): Promise<History | undefined> {
    return await this.#history("one.vm.monitoring", vmId, query);
  }

  async hostHistory(hostId: number, query: HistoryQuery): Promise<History | undefined> {
    return await this.#history("one.host.monitoring", hostId, query);
  }

  async hostSystem(): Promise<never> {
    throw notHere();
  }

  hostMonitored(): never {
    throw notHere();
  }

  async hostFailed(): Promise<never> {
    throw notHere();
  }

  vmsMonitored(): never {
    throw notHere();
  }

  async vmStates(): Promise<never> {
    throw notHere();
  }

  /** The core keeps raw readings only, so those are what any resolution gives. */
  async #history(method: string, id: number, { from, to }: HistoryQuery): Promise<History | undefined> {
    const { core, clock } = this.#options;
    const secondsBack = Math.max(1, epochSeconds(clock) - from);
    try {
      const xml = await core.read(SYSTEM, method, id, from <= 0 ? -1 : secondsBack);
      const readings = readingsIn(xml).map(({ reading }) => reading);
      const points = readings.filter(({ at }) => at >= from && at <= to).map(rawPoint);
      return { resolution: "raw", points };
    } catch (error) {
      if (isGatehouseError(error) && error.code === "not_found") return undefined;
      throw error;
    }
  }

  #again(era: number): void {
    const { clock, monitoringMs } = this.#options;
    this.#cancel = clock.after(monitoringMs, () => {
      this.#look()
        .catch((error: unknown) => this.#failed(error))
        .finally(() => {
          if (era === this.#era) this.#again(era);
        });
    });
  }

  /** What comes again with every look is said once, loudly. */
  #failed(error: unknown): void {
    const { log } = this.#options;
    const isLoud = error instanceof AnswerTooLarge && !this.#isTooLarge;
    this.#isTooLarge ||= isLoud;
    log[isLoud ? "warn" : "debug"]({ reason: errorText(error) }, "Readings were not looked at");
  }

  /** A few at a time, so that requests are answered meanwhile. */
  async *#latestReadings(): AsyncIterable<ReadingOf> {
    const { core, clock } = this.#options;
    const method = "one.vmpool.monitoring";
    const body = await core.ask(SYSTEM, MAX_ANSWER_BYTES, method, ALL, LAST);
    const slices = elementsOf(body);
    if (slices === undefined) yield* readingsIn(core.told(SYSTEM, method, body));
    const pauses = new Pauses(clock);
    for (const slice of slices ?? []) {
      if (pauses.isDue) await pauses.next();
      const read = this.#readingFrom(elementText(body, slice));
      if (read !== undefined) yield read;
    }
  }

  /** One that nobody can read hides no other. */
  #readingFrom(xml: string): ReadingOf | undefined {
    try {
      return readingFrom(xml);
    } catch (error) {
      if (!isGatehouseError(error)) throw error;
      this.#options.log.debug({ reason: error.message }, "A reading of OpenNebula's cannot be read");
      return undefined;
    }
  }

  async #look(): Promise<void> {
    const byHost = new Map<number, { vmIds: number[]; at: number }>();
    for await (const { id, reading } of this.#latestReadings()) {
      const vm = this.#options.known(id);
      const hostId = vm && hostIdOf(vm);
      if (!this.#take(id, reading) || hostId === undefined) continue;
      const told = byHost.get(hostId) ?? { vmIds: [], at: 0 };
      told.vmIds.push(id);
      told.at = Math.max(told.at, reading.at);
      byHost.set(hostId, told);
    }
    for (const [hostId, { vmIds, at }] of byHost)
      this.#options.tell({ kind: "vms_monitored", hostId, vmIds, at });
  }

  /** False for one that is no newer. */
  #take(vmId: number, reading: LatestReading): boolean {
    const last = this.#latest.get(vmId);
    if (last !== undefined && last.at >= reading.at) return false;
    this.#latest.delete(vmId);
    const [oldest] = this.#latest.keys();
    if (this.#latest.size >= MAX_KEPT && oldest !== undefined) this.#latest.delete(oldest);
    this.#latest.set(vmId, reading);
    return true;
  }
}

function notHere(): GatehouseError {
  return new GatehouseError(
    "unavailable",
    "OpenNebula has a monitoring daemon of its own, which writes what is measured; nothing is taken in here.",
  );
}
