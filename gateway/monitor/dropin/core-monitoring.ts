/**
 * The cloud as a daemon sees it that oned started: what it tells of hosts and of states of VMs goes to oned as lines, and
 * readings go to OpenNebula's tables. oned knows the VMs and decides; only the leader says anything.
 */

import type { History } from "../../../shared/monitor/history.ts";
import { printMessage } from "../../../shared/monitor/print.ts";
import type { ExecutionsReading, VmReading } from "../../../shared/monitor/readings.ts";
import { HOST_STATE } from "../../../shared/states/host.ts";
import type { Host } from "../../cloud/model.ts";
import type {
  AppliedReadings,
  CloudMonitoring,
  HostReading,
  LatestReading,
  StateOutcome,
  StatesReport,
} from "../../cloud/monitoring.ts";
import { hostBody, vmBody } from "./bodies.ts";
import { type CoreReport, printCoreLine } from "./core-line.ts";
import type { WaitingReading } from "./first-readings.ts";
import type { Topic } from "./line-queue.ts";
import type { MonitoringRow } from "./tables.ts";
import { VmReadings } from "./vm-readings.ts";

export interface CoreMonitoringOptions {
  readonly hostOf: (hostId: number) => Host | undefined;
  /** The state that a host will have by what oned was told. */
  readonly expectState: (hostId: number, state: number) => void;
  readonly isLeader: () => boolean;
  /** @throws GatehouseError `unavailable` */
  readonly send: (line: string, topic: Topic) => void;
  readonly keep: (row: MonitoringRow) => void;
  /** Whether rows of hosts, and of VMs, are kept at all. */
  readonly keeps: Readonly<Record<MonitoringRow["kind"], boolean>>;
  /** The VM that a wild one was imported as. */
  readonly importedAs: (deployId: string) => number | undefined;
  /** Keeps a first reading until the VM's last row is known (resume); false: it goes on without. */
  readonly holdFirst: (vmId: number, reading: WaitingReading) => boolean;
}

/** What becomes of a reported state only oned knows. */
const NOT_KNOWN: StateOutcome = { changed: [], ignored: { unknown: 0, same: 0, stale: 0, deferred: 0 } };

/** oned reads one line of a reason. */
const MAX_REASON_CHARACTERS = 1_024;

export class CoreMonitoring implements CloudMonitoring {
  readonly #options: CoreMonitoringOptions;
  readonly #vms = new VmReadings();

  constructor(options: CoreMonitoringOptions) {
    this.#options = options;
  }

  async hostSystem(hostId: number, reading: HostReading, at: number): Promise<void> {
    if (!this.#isHeard(hostId)) return;
    const head = { type: "SYSTEM_HOST", status: "SUCCESS", oid: hostId, timestamp: at } as const;
    this.#tell("HOST_SYSTEM", "SUCCESS", hostId, printMessage({ ...head, reading }).payload);
    this.#options.expectState(hostId, HOST_STATE.MONITORED);
  }

  hostMonitored(hostId: number, { attributes }: HostReading, at: number): boolean {
    if (!this.#isHeard(hostId)) return this.#options.hostOf(hostId) !== undefined;
    this.#keepHost(hostId, { at, attributes });
    return true;
  }

  /** oned keeps a disabled host's state by itself, and looks to its VMs. */
  async hostFailed(hostId: number, reason: string): Promise<void> {
    if (!this.#isHeard(hostId)) return;
    const oneLine = reason.replaceAll(/\s+/g, " ").trim().slice(0, MAX_REASON_CHARACTERS);
    this.#tell("HOST_STATE", "-", hostId, `ERROR ${oneLine}`);
    this.#options.expectState(hostId, HOST_STATE.ERROR);
  }

  vmsMonitored(hostId: number, readings: readonly VmReading[], at: number): AppliedReadings {
    if (!this.#isHeard(hostId)) return { applied: [], unknown: 0 };
    const applied = readings.filter((reading) => this.#keepVm(hostId, reading, at));
    return { applied, unknown: readings.length - applied.length };
  }

  /** What holdFirst kept, with the VM's last row if it has one. */
  resume(vmId: number, last: LatestReading | undefined, waited: readonly WaitingReading[]): void {
    const [first] = waited;
    if (first !== undefined && last !== undefined) this.#vms.remember(first.hostId, vmId, last, first.at);
    for (const waiting of waited) this.#putVm(vmId, waiting);
  }

  async vmStates(hostId: number, report: StatesReport, at: number): Promise<StateOutcome> {
    if (this.#isHeard(hostId)) {
      const head = { type: "STATE_VM", status: "SUCCESS", oid: hostId, timestamp: at } as const;
      const reading = { kind: "states", ...report, more: {} } as const;
      this.#tell("VM_STATE", "-", hostId, printMessage({ ...head, reading }).payload, report.sync);
    }
    return NOT_KNOWN;
  }

  /** EXEC_VM. @throws GatehouseError `unavailable` */
  async vmExecutions(hostId: number, reading: ExecutionsReading, at: number): Promise<void> {
    if (!this.#isHeard(hostId)) return;
    const head = { type: "EXEC_VM", status: "SUCCESS", oid: hostId, timestamp: at } as const;
    this.#tell("VM_EXEC", "-", hostId, printMessage({ ...head, reading }).payload, false);
  }

  latestVm(vmId: number): LatestReading | undefined {
    return this.#vms.get(vmId);
  }

  /** Hosts, wild VMs and history are oned's to tell of, from its own tables. */
  latestHost(): LatestReading | undefined {
    return undefined;
  }

  wildsOn(): readonly string[] | undefined {
    return undefined;
  }

  async vmHistory(): Promise<History | undefined> {
    return undefined;
  }

  async hostHistory(): Promise<History | undefined> {
    return undefined;
  }

  /** An offline host is measured as nothing, so that its charts end. */
  noteOffline(hosts: readonly Host[], at: number): void {
    if (!this.#options.isLeader()) return;
    for (const { id, state } of hosts)
      if (state === HOST_STATE.OFFLINE) this.#keepHost(id, { at, attributes: {} });
  }

  /** VMs of which nothing comes any more. */
  forget(nowS: number): void {
    this.#vms.forgetOld(nowS);
  }

  /** An offline host may still have an agent that speaks; oned wants to hear nothing of it. */
  #isHeard(hostId: number): boolean {
    const { hostOf, isLeader } = this.#options;
    const host = hostOf(hostId);
    return isLeader() && host !== undefined && host.state !== HOST_STATE.OFFLINE;
  }

  #keepHost(id: number, latest: LatestReading): void {
    if (!this.#options.keeps.host) return;
    const body = hostBody(id, latest);
    if (body !== undefined) this.#options.keep({ kind: "host", id, at: latest.at, body });
  }

  #keepVm(hostId: number, reading: VmReading, at: number): boolean {
    const { keeps, importedAs, holdFirst } = this.#options;
    const id = reading.id >= 0 ? reading.id : importedAs(reading.deployId);
    if (id === undefined) return false;
    const isFirst = keeps.vm && this.#vms.get(id) === undefined;
    return (isFirst && holdFirst(id, { hostId, reading, at })) || this.#putVm(id, { hostId, reading, at });
  }

  #putVm(id: number, { hostId, reading, at }: WaitingReading): boolean {
    const { keep, keeps } = this.#options;
    const latest = this.#vms.put(hostId, id, reading, at);
    if (latest === undefined) return false;
    const body = keeps.vm ? vmBody(id, latest) : undefined;
    if (body !== undefined) keep({ kind: "vm", id, at, body });
    return true;
  }

  /** @param isWhole whether what was told of the same before, and oned did not read yet, need not be told any more. */
  #tell(type: CoreReport, status: string, hostId: number, payload: string, isWhole = true): void {
    const topic = { name: `${type} ${hostId}`, isWhole };
    this.#options.send(printCoreLine(type, status, hostId, payload), topic);
  }
}
