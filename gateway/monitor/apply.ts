/** What a message does, once it is known who sent it: readings at once and in memory, the rest through the host's mailbox. */

import { GatehouseError, isGatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { isFailure, type Message, type MessageType, mustArrive } from "../../shared/monitor/message.ts";
import type { ExecutionsReading, StatesReading, VmsReading } from "../../shared/monitor/readings.ts";
import { SYSTEM } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { MonitorCounts } from "./counts.ts";
import type { HeardHosts } from "./heard-hosts.ts";
import type { HostLogs } from "./host-logs.ts";
import type { Mailboxes } from "./mailboxes.ts";
import type { Samples } from "./samples.ts";

/** Work of one host that waits for the store, of messages that nobody sends again. */
const MAX_WAITING = 64;

/** What agents send; the other types go between OpenNebula's own daemons and drivers. */
const FROM_AGENTS: readonly MessageType[] = [
  "BEACON_HOST",
  "MONITOR_HOST",
  "SYSTEM_HOST",
  "MONITOR_VM",
  "STATE_VM",
  "EXEC_VM",
  "LOG",
];

/** Types whose failure makes the host ERROR (spec monitoring.md 5); a failing probe of VMs costs only their data. */
const TELL_OF_HOST: readonly MessageType[] = ["BEACON_HOST", "MONITOR_HOST", "SYSTEM_HOST"];

export function isFromAgents(type: MessageType): boolean {
  return FROM_AGENTS.includes(type);
}

/** What the daemon asks of a cloud. */
export interface MonitoredCloud {
  readonly monitoring: Cloud["monitoring"];
  readonly vms: Pick<Cloud["vms"], "peek">;
  readonly hosts: Pick<Cloud["hosts"], "peek">;
}

/** Told of EXEC_VM, where somebody beyond the daemon wants it. Must not throw. */
export type ExecutionsListener = (hostId: number, reading: ExecutionsReading, at: number) => void;

export interface ApplyOptions {
  readonly cloud: MonitoredCloud;
  readonly onExecutions?: ExecutionsListener | undefined;
  readonly samples: Samples | undefined;
  readonly counts: MonitorCounts;
  readonly heard: HeardHosts;
  readonly mailboxes: Mailboxes;
  readonly logs: HostLogs;
  readonly log: Logger;
}

export class Applier {
  readonly #options: ApplyOptions;
  /** Hosts whose failure waits to be stored: one is enough. */
  readonly #failing = new Set<number>();

  constructor(options: ApplyOptions) {
    this.#options = options;
  }

  isKnownHost(hostId: number): boolean {
    return this.#options.cloud.hosts.peek(SYSTEM, hostId) !== undefined;
  }

  /**
   * A message that nobody acknowledges, of a host that may send it. `at`: when it was measured, seconds since the epoch by
   * our clock. What must be stored is stored later, or counted when it cannot be: the promise never rejects. Too much of
   * it for one host is counted, unless whoever brings it waits for the promise before the next (`waits`).
   */
  take(hostId: number, message: Message, at: number, waits = false): Promise<void> | undefined {
    const { counts, heard, mailboxes } = this.#options;
    counts.message(message.type);
    heard.heard(hostId);
    if (!this.#isDurable(message)) this.#applyNow(hostId, message, at);
    else if (waits || mailboxes.waitingFor(hostId) < MAX_WAITING)
      return this.#storeLater(hostId, message, at);
    else counts.refuse("host_queue_full");
    return undefined;
  }

  /**
   * A message that is acknowledged; to be called in the host's mailbox, durable when it resolves. What can never be done
   * (its host is gone) is counted, and done with: to send it again would change nothing.
   * @throws GatehouseError `unavailable` and the like when it is to be sent again.
   */
  async store(hostId: number, message: Message, at: number): Promise<void> {
    const { counts, heard } = this.#options;
    counts.message(message.type);
    heard.heard(hostId);
    try {
      if (this.#isDurable(message)) await this.#applyDurably(hostId, message, at);
      else this.#applyNow(hostId, message, at);
    } catch (error) {
      if (!isGatehouseError(error) || error.code !== "not_found") throw error;
      counts.refuse("unknown_host");
    }
  }

  #isDurable({ type, status }: Message): boolean {
    return mustArrive(type) || (isFailure(status) && TELL_OF_HOST.includes(type));
  }

  async #storeLater(hostId: number, message: Message, at: number): Promise<void> {
    const { counts, mailboxes, log } = this.#options;
    const isFailing = message.reading.kind === "failure";
    if (isFailing && this.#failing.has(hostId)) return;
    if (isFailing) this.#failing.add(hostId);
    try {
      await mailboxes.run(hostId, () => this.#applyDurably(hostId, message, at));
    } catch (error) {
      const isGone = isGatehouseError(error) && error.code === "not_found";
      counts.refuse(isGone ? "unknown_host" : "not_stored");
      if (!isGone)
        log.warn({ host: hostId, type: message.type, err: error }, "A message could not be stored");
    } finally {
      if (isFailing) this.#failing.delete(hostId);
    }
  }

  async #applyDurably(hostId: number, { type, reading }: Message, at: number): Promise<void> {
    const { monitoring } = this.#options.cloud;
    switch (reading.kind) {
      case "host":
        await monitoring.hostSystem(hostId, reading, at);
        this.#options.heard.keepWilds(hostId, reading.wilds);
        return;
      case "states":
        await this.#applyStates(hostId, reading, at);
        return;
      case "failure":
        await this.#fail(hostId, type, reading.text);
        return;
      default:
        throw new GatehouseError("internal", `A reading of ${reading.kind} is not stored.`);
    }
  }

  async #applyStates(hostId: number, reading: StatesReading, at: number): Promise<void> {
    const { cloud, counts } = this.#options;
    const { changed, ignored } = await cloud.monitoring.vmStates(hostId, reading, at);
    counts.statesChanged += changed.length;
    counts.statesIgnored += ignored.unknown + ignored.same + ignored.stale + ignored.deferred;
  }

  async #fail(hostId: number, type: MessageType, text: string): Promise<void> {
    this.#noteFailure(hostId, type, text);
    if (TELL_OF_HOST.includes(type)) await this.#options.cloud.monitoring.hostFailed(hostId, text);
  }

  #applyNow(hostId: number, { type, reading }: Message, at: number): void {
    const { cloud, counts, heard, logs, samples } = this.#options;
    switch (reading.kind) {
      case "vms":
        this.#applyVms(hostId, reading, at);
        return;
      case "host":
        if (cloud.monitoring.hostMonitored(hostId, reading, at)) samples?.appendHost(hostId, at, reading);
        else counts.refuse("unknown_host");
        return;
      case "log":
        if (!logs.write(hostId, reading.level, reading.text)) counts.refuse("log_rate");
        return;
      case "executions":
        heard.keepExecutions(hostId, reading.vms, (vmId) => this.#isOnHost(vmId, hostId));
        this.#options.onExecutions?.(hostId, reading, at);
        return;
      case "failure":
        this.#noteFailure(hostId, type, reading.text);
        return;
      default:
        return;
    }
  }

  #applyVms(hostId: number, { vms }: VmsReading, at: number): void {
    const { cloud, counts, samples } = this.#options;
    const { applied, unknown } = cloud.monitoring.vmsMonitored(hostId, vms, at);
    counts.vmsApplied += applied.length;
    counts.vmsUnknown += unknown;
    if (applied.length > 0) samples?.appendVms(hostId, at, applied);
  }

  #noteFailure(hostId: number, type: MessageType, text: string): void {
    this.#options.counts.probeFailures += 1;
    const said = this.#options.logs.write(hostId, "warning", `${type} failed: ${text}`);
    if (!said) this.#options.counts.refuse("log_rate");
  }

  #isOnHost(vmId: number, hostId: number): boolean {
    const stay = this.#options.cloud.vms.peek(SYSTEM, vmId)?.history.at(-1);
    return stay !== undefined && stay.hostId === hostId && stay.etime === 0;
  }
}
