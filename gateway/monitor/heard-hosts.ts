/** What the daemon itself remembers of each host it hears: when, in what order, its wild VMs and executions. In memory. */

import type { Clock } from "../../shared/clock.ts";
import type { MessageHead, MessageType } from "../../shared/monitor/message.ts";
import type { VmExecution, WildVm } from "../../shared/monitor/readings.ts";
import type { Vector } from "../../shared/template/types.ts";

/** Of one host; a list beyond them is cut. */
const MAX_WILDS = 256;
const MAX_WILD_CHARACTERS = 256 * 1024;
/** Output of one execution. */
const MAX_EXECUTION_CHARACTERS = 64 * 1024;

interface HeardHost {
  /** By Clock.elapsed, ms. */
  heardAt: number;
  /** The latest time of measuring, by type. */
  readonly latest: Map<MessageType, number>;
  wilds: readonly WildVm[];
  readonly executions: Map<number, Vector>;
}

export class HeardHosts {
  readonly #clock: Pick<Clock, "elapsed">;
  /** How far a time may lie behind the last one and be late rather than of a clock that was set back. */
  readonly #maxLateS: number;
  readonly #hosts = new Map<number, HeardHost>();

  constructor(clock: Pick<Clock, "elapsed">, maxLateS: number) {
    this.#clock = clock;
    this.#maxLateS = maxLateS;
  }

  get size(): number {
    return this.#hosts.size;
  }

  /** Any message that is taken says that its host lives. */
  heard(hostId: number): void {
    this.#of(hostId).heardAt = this.#clock.elapsed();
  }

  /** By Clock.elapsed, ms; undefined when it was not heard since the start. */
  lastHeard(hostId: number): number | undefined {
    return this.#hosts.get(hostId)?.heardAt;
  }

  /** Whether a later message of the same type came before (spec monitoring.md 5). Time 0 is not known, and never late. */
  isLate(hostId: number, { type, timestamp }: Pick<MessageHead, "type" | "timestamp">): boolean {
    const last = this.#hosts.get(hostId)?.latest.get(type) ?? 0;
    return timestamp > 0 && timestamp < last && timestamp >= last - this.#maxLateS;
  }

  noteTime(hostId: number, { type, timestamp }: Pick<MessageHead, "type" | "timestamp">): void {
    if (timestamp > 0) this.#of(hostId).latest.set(type, timestamp);
  }

  /** VMs that the host's hypervisor runs and the cloud does not know. */
  wilds(hostId: number): readonly WildVm[] {
    return this.#hosts.get(hostId)?.wilds ?? [];
  }

  keepWilds(hostId: number, wilds: readonly WildVm[]): void {
    let characters = 0;
    const kept = wilds.slice(0, MAX_WILDS).filter((wild) => {
      characters += charactersOf(wild);
      return characters <= MAX_WILD_CHARACTERS;
    });
    if (kept.length > 0 || this.#hosts.has(hostId)) this.#of(hostId).wilds = kept;
  }

  /** The latest of each VM. */
  executions(hostId: number): ReadonlyMap<number, Vector> {
    return this.#hosts.get(hostId)?.executions ?? new Map();
  }

  /** @param isThere which VMs stay on the host: what is kept of others goes. */
  keepExecutions(hostId: number, vms: readonly VmExecution[], isThere: (vmId: number) => boolean): void {
    const { executions } = this.#of(hostId);
    for (const { id, fields } of vms) {
      if (isThere(id) && vectorCharacters(fields) <= MAX_EXECUTION_CHARACTERS) executions.set(id, fields);
    }
    for (const id of executions.keys()) if (!isThere(id)) executions.delete(id);
  }

  /** Forgets hosts that are no more. */
  forget(isGone: (hostId: number) => boolean): void {
    for (const hostId of this.#hosts.keys()) if (isGone(hostId)) this.#hosts.delete(hostId);
  }

  #of(hostId: number): HeardHost {
    const known = this.#hosts.get(hostId);
    if (known !== undefined) return known;
    const made = { heardAt: this.#clock.elapsed(), latest: new Map(), wilds: [], executions: new Map() };
    this.#hosts.set(hostId, made);
    return made;
  }
}

function charactersOf({ name, deployId, importTemplate, more }: WildVm): number {
  return name.length + deployId.length + importTemplate.length + vectorCharacters(more);
}

function vectorCharacters(vector: Vector): number {
  return Object.entries(vector).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
}
