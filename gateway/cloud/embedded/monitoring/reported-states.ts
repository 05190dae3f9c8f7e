/** States that probes report, applied to the VMs of a host: in one transaction a report, late ones looked at again. */

import { type Clock, epochSeconds } from "../../../../shared/clock.ts";
import { errorText } from "../../../../shared/errors.ts";
import type { LogDetails } from "../../../../shared/log.ts";
import type { ReportedState } from "../../../../shared/monitor/readings.ts";
import type { Registry } from "../../../store/registry.ts";
import type { Transaction } from "../../../store/transaction.ts";
import type { Vm } from "../../model.ts";
import type { IgnoredState, StateOutcome, StatesReport } from "../../monitoring.ts";
import type { Announce } from "../events.ts";
import { VMS, vmsOnHost } from "../kinds.ts";
import { phaseOf } from "../vm-machine.ts";
import { currentStay, enterPhase } from "../vm-transition.ts";
import { isExpectedOnHost, reportedPhase, SETTLE_S, timelinessOf } from "./state-rules.ts";

export interface ReportedStatesOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly announce: Announce;
  readonly log: { warn(details: LogDetails, message: string): void };
}

/** One VM's state, as a host told it. */
interface Report {
  readonly vmId: number;
  readonly hostId: number;
  readonly state: ReportedState;
  /** Empty: not told, as of a VM that a full list misses. */
  readonly deployId: string;
  readonly at: number;
}

export class ReportedStates {
  readonly #options: ReportedStatesOptions;
  /** The last report of each VM that has not settled. */
  readonly #deferred = new Map<number, Report>();

  constructor(options: ReportedStatesOptions) {
    this.#options = options;
  }

  async apply(hostId: number, report: StatesReport, at: number): Promise<StateOutcome> {
    const listed = report.vms.map(({ id, deployId, state }) => ({ vmId: id, hostId, state, deployId, at }));
    const changed: number[] = [];
    const ignored: Record<IgnoredState, number> = { unknown: 0, same: 0, stale: 0, deferred: 0 };
    const deferred: Report[] = [];
    const settled: Report[] = [];
    await this.#options.registry.transact((tx) => {
      for (const one of [...listed, ...this.#missing(tx, hostId, report, at)]) {
        const became = this.#applyOne(tx, one);
        if (became === "changed") changed.push(one.vmId);
        else ignored[became] += 1;
        if (became === "deferred") deferred.push(one);
        else if (became === "same" || became === "changed") settled.push(one);
      }
    });
    // The last word counts: a report that waits says nothing any more once a later one has come.
    for (const { vmId, at: told } of settled) this.#settle(vmId, told);
    for (const one of deferred) this.#defer(one);
    return { changed, ignored };
  }

  /** With a full list, the VMs that it misses are told as `missingState`. */
  #missing(tx: Transaction, hostId: number, report: StatesReport, at: number): readonly Report[] {
    if (!report.sync) return [];
    const listed = new Set(report.vms.map(({ id }) => id));
    const state = report.missingState ?? "POWEROFF";
    return vmsOnHost(tx, hostId)
      .filter((vm) => !listed.has(vm.id) && isExpectedOnHost(phaseOf(vm)))
      .map((vm) => ({ vmId: vm.id, hostId, state, deployId: "", at }));
  }

  #applyOne(tx: Transaction, { vmId, hostId, state, deployId, at }: Report): IgnoredState | "changed" {
    const vm = tx.get(VMS, vmId);
    if (vm === undefined || currentStay(vm)?.hostId !== hostId) return "unknown";
    const phase = reportedPhase(phaseOf(vm), state);
    if (phase === undefined) return "same";
    const now = epochSeconds(this.#options.clock);
    const timeliness = timelinessOf(at, vm.lastPoll, now);
    if (timeliness !== "timely") return timeliness;
    const moved: Vm = {
      ...enterPhase(vm, phase, now),
      deployId: phase === "RUNNING" && deployId !== "" ? deployId : vm.deployId,
    };
    this.#options.announce(tx, { kind: "vm_state", vm: tx.put(VMS, moved), previous: vm });
    return "changed";
  }

  #settle(vmId: number, at: number): void {
    const waiting = this.#deferred.get(vmId);
    if (waiting !== undefined && waiting.at <= at) this.#deferred.delete(vmId);
  }

  #defer(report: Report): void {
    const waiting = this.#deferred.has(report.vmId);
    this.#deferred.set(report.vmId, report);
    if (!waiting) this.#options.clock.after(SETTLE_S * 1_000, () => void this.#lookAgain(report.vmId));
  }

  async #lookAgain(vmId: number): Promise<void> {
    const report = this.#deferred.get(vmId);
    this.#deferred.delete(vmId);
    if (report === undefined) return;
    try {
      const became = await this.#options.registry.transact((tx) => this.#applyOne(tx, report));
      if (became === "deferred") this.#defer(report);
    } catch (error) {
      this.#options.log.warn({ vm: vmId, reason: errorText(error) }, "a reported state could not be stored");
    }
  }
}
