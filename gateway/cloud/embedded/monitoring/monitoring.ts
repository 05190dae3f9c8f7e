/** What the daemon tells the embedded cloud: hosts and their capacity, readings of VMs, reported states. */

import { epochSeconds } from "../../../../shared/clock.ts";
import type { History, HistoryQuery } from "../../../../shared/monitor/history.ts";
import { HOST_STATE } from "../../../../shared/states/host.ts";
import type { SeriesStore, Stay } from "../../../store/series.ts";
import type { Transaction } from "../../../store/transaction.ts";
import type { CloudEvent } from "../../event.ts";
import type { Host, Vm } from "../../model.ts";
import type {
  AppliedReadings,
  CloudMonitoring,
  HostReading,
  LatestReading,
  StateOutcome,
  StatesReport,
  VmReading,
} from "../../monitoring.ts";
import { checkHostTemplate } from "../bounds.ts";
import { HOSTS, VMS, vmsOnHost } from "../kinds.ts";
import { missing } from "../pool.ts";
import { phaseOf } from "../vm-machine.ts";
import { currentStay, enterPhase } from "../vm-transition.ts";
import { LatestReadings } from "./latest.ts";
import { ReportedStates, type ReportedStatesOptions } from "./reported-states.ts";

export interface MonitoringOptions extends ReportedStatesOptions {
  /** Told at once: readings are not durable. */
  readonly tell: (event: CloudEvent) => void;
  /** Where history is read; undefined when none is kept. */
  readonly series?: Pick<SeriesStore, "vmHistory" | "hostHistory"> | undefined;
}

/** States in which a host is expected to be heard, and in which hearing or not hearing it says something. */
const HEARD: readonly number[] = [HOST_STATE.INIT, HOST_STATE.MONITORED, HOST_STATE.ERROR];

export class EmbeddedMonitoring implements CloudMonitoring {
  readonly #options: MonitoringOptions;
  readonly #states: ReportedStates;
  readonly #vms = new LatestReadings();
  readonly #hosts = new Map<number, LatestReading>();
  readonly #wilds = new Map<number, readonly string[]>();

  constructor(options: MonitoringOptions) {
    this.#options = options;
    this.#states = new ReportedStates(options);
    options.registry.onCommit((committed) => {
      for (const { before, after } of committed.of(HOSTS))
        if (before !== undefined && after === undefined) this.#forgetHost(before.id);
    });
  }

  async hostSystem(hostId: number, { attributes, wilds }: HostReading): Promise<void> {
    await this.#editHost(hostId, (host) => {
      const { ERROR: _, ...template } = { ...host.template, ...attributes };
      return {
        ...host,
        template: checkHostTemplate(template, host.template),
        ...(HEARD.includes(host.state) ? inState(host, HOST_STATE.MONITORED) : {}),
      };
    });
    this.#wilds.set(
      hostId,
      wilds.map(({ name, deployId }) => name || deployId),
    );
  }

  hostMonitored(hostId: number, { attributes }: HostReading, at: number): boolean {
    if (this.#options.registry.collection(HOSTS).get(hostId) === undefined) return false;
    const before = this.#hosts.get(hostId);
    if (before === undefined || before.at <= at) this.#hosts.set(hostId, { at, attributes });
    return true;
  }

  async hostFailed(hostId: number, reason: string): Promise<void> {
    const { clock } = this.#options;
    await this.#editHost(hostId, (host, tx) => {
      if (!HEARD.includes(host.state)) return host;
      for (const vm of vmsOnHost(tx, hostId)) this.#loseSight(tx, vm.id);
      const when = new Date(clock.now()).toUTCString();
      const error = `${when} : Error monitoring Host ${host.name} (${host.id}): ${reason}`;
      return { ...host, template: { ...host.template, ERROR: error }, ...inState(host, HOST_STATE.ERROR) };
    });
  }

  vmsMonitored(hostId: number, readings: readonly VmReading[], at: number): AppliedReadings {
    const vms = this.#options.registry.collection(VMS);
    const vmIds: number[] = [];
    const applied: VmReading[] = [];
    for (const reading of readings) {
      const vm = vms.get(reading.id);
      if (vm === undefined || currentStay(vm)?.hostId !== hostId) continue;
      applied.push(reading);
      if (this.#vms.put(vm.id, reading, at)) vmIds.push(vm.id);
    }
    if (vmIds.length > 0) this.#options.tell({ kind: "vms_monitored", hostId, vmIds, at });
    return { applied, unknown: readings.length - applied.length };
  }

  async vmStates(hostId: number, report: StatesReport, at: number): Promise<StateOutcome> {
    return await this.#states.apply(hostId, report, at);
  }

  latestVm(vmId: number): LatestReading | undefined {
    return this.#vms.get(vmId);
  }

  latestHost(hostId: number): LatestReading | undefined {
    return this.#hosts.get(hostId);
  }

  wildsOn(hostId: number): readonly string[] | undefined {
    return this.#wilds.get(hostId);
  }

  async vmHistory(vmId: number, query: HistoryQuery): Promise<History | undefined> {
    const vm = this.#options.registry.collection(VMS).get(vmId);
    return vm && (await this.#options.series?.vmHistory(vmId, staysOf(vm), query));
  }

  async hostHistory(hostId: number, query: HistoryQuery): Promise<History | undefined> {
    return await this.#options.series?.hostHistory(hostId, query);
  }

  /** A VM that ended is measured no more. */
  readonly react = (event: CloudEvent): void => {
    if (event.kind === "vm_state" && phaseOf(event.vm) === "DONE") this.#vms.delete(event.vm.id);
  };

  #forgetHost(hostId: number): void {
    this.#hosts.delete(hostId);
    this.#wilds.delete(hostId);
  }

  #loseSight(tx: Transaction, vmId: number): void {
    const vm = tx.get(VMS, vmId);
    if (vm === undefined || phaseOf(vm) !== "RUNNING") return;
    const lost = tx.put(VMS, enterPhase(vm, "UNKNOWN", epochSeconds(this.#options.clock)));
    this.#options.announce(tx, { kind: "vm_state", vm: lost, previous: vm });
  }

  async #editHost(hostId: number, change: (host: Host, tx: Transaction) => Host): Promise<void> {
    const { registry, announce } = this.#options;
    await registry.transact((tx) => {
      const host = tx.get(HOSTS, hostId);
      if (host === undefined) throw missing({ noun: "host", label: "HOST" }, hostId);
      const wanted = change(host, tx);
      if (wanted === host) return;
      const changed = tx.put(HOSTS, wanted);
      if (changed.state !== host.state) announce(tx, { kind: "host_state", host: changed });
    });
  }
}

function inState(host: Host, state: number): Pick<Host, "state" | "prevState"> {
  return host.state === state ? { state, prevState: host.prevState } : { state, prevState: host.state };
}

/** When the VM was where: what other hosts tell of it, or this one at other times, is not about it. */
function staysOf(vm: Vm): readonly Stay[] {
  return vm.history.map(({ hostId, stime, etime }) => ({
    hostId,
    from: stime,
    to: etime === 0 ? Number.POSITIVE_INFINITY : etime,
  }));
}
