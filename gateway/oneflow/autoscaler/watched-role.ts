/** One role that may scale by itself: its policies, what its VMs say, and when it is looked at next. */

import { isDeepStrictEqual } from "node:util";
import type { Vm } from "../../cloud/model.ts";
import type { CloudMonitoring } from "../../cloud/monitoring.ts";
import { type DecideSettings, type Decision, decide } from "../elasticity/decide.ts";
import type { ElasticRole } from "../elasticity/policy.ts";
import { RoleReadings } from "../elasticity/readings.ts";
import type { Recommendation } from "../elasticity/stabilization.ts";
import { wakeAt } from "../elasticity/wake.ts";
import type { VmRole } from "../model.ts";
import { observed } from "./observed-vm.ts";
import { NotedPolicies, type PolicyLists } from "./policies.ts";
import { RoleSamples, type Spoken } from "./role-samples.ts";

/** What time it is. */
export interface Moment {
  /** House time, ms since the epoch: never goes back. */
  readonly now: number;
  /** What the wall clock says, by which schedules go. */
  readonly wall: number;
}

export interface LookSettings extends Pick<DecideSettings, "texts" | "defaultCooldown"> {
  /** The interval of the auto-scaler, in seconds. */
  readonly pace: number;
}

/** Why nothing may happen now. */
export interface Blocked {
  readonly state: string;
  /** Seconds since the epoch. */
  readonly until: number | undefined;
}

const SILENCE: Spoken = { guest: false, agent: false };

export class WatchedRole {
  /** For queues. */
  readonly key: number;
  readonly #settings: LookSettings;
  readonly #noted = new NotedPolicies();
  #role: VmRole;
  #vmIds: readonly number[] = [];
  /** Undefined while no policy asks for values. */
  #readings: RoleReadings | undefined;
  #samples: RoleSamples | undefined;
  /** VMs of which something was heard since they were last read. */
  readonly #news = new Map<number, Spoken>();
  #unsampled: number[] = [];
  #recommended: readonly Recommendation[] = [];
  /** Something noted is not in the document, because it could not be written. */
  #owes = false;

  constructor(key: number, role: VmRole, settings: LookSettings) {
    this.key = key;
    this.#settings = settings;
    this.#role = role;
    this.#noted.read(role);
    this.#openReadings();
    this.#setVms(role);
  }

  get name(): string {
    return this.#role.name;
  }

  get vmIds(): readonly number[] {
    return this.#vmIds;
  }

  /** Whether time alone may change something. */
  get hasPolicies(): boolean {
    const { elasticity_policies = [], scheduled_policies = [] } = this.#role;
    return elasticity_policies.length + scheduled_policies.length > 0;
  }

  /** Whether reports of its VMs matter. */
  get readsVms(): boolean {
    return this.#readings !== undefined;
  }

  /** VMs whose history is to be read before the role is looked at. */
  get hasUnsampled(): boolean {
    return this.#unsampled.length > 0;
  }

  /** The role is so in the document now. */
  become(role: VmRole): void {
    const before = this.#role;
    this.#role = role;
    this.#noted.read(role);
    if (asksOtherwise(before, role)) this.#openReadings();
    this.#setVms(role);
  }

  /** A VM of the role was heard of. */
  hear(vmId: number, { guest, agent }: Spoken): void {
    if (this.#readings === undefined) return;
    const known = this.#news.get(vmId) ?? SILENCE;
    this.#news.set(vmId, { guest: guest || known.guest, agent: agent || known.agent });
  }

  /**
   * Reads the VMs of which something was heard.
   * @param find the VM as it is now; undefined for one that is not the service's own, or is gone
   * @returns VMs that could not be read without waiting
   */
  absorb(
    find: (vmId: number) => Vm | "later" | undefined,
    monitoring: Pick<CloudMonitoring, "latestVm">,
    now: number,
  ): readonly number[] {
    const later: number[] = [];
    for (const [vmId, spoken] of this.#news) {
      const vm = find(vmId);
      if (vm === "later") {
        later.push(vmId);
        continue;
      }
      this.#news.delete(vmId);
      if (vm === undefined) {
        this.#readings?.remove(vmId);
        this.#samples?.forget(vmId);
        continue;
      }
      const seen = observed(vm, monitoring.latestVm(vmId));
      this.#readings?.set(seen);
      if (!this.hasUnsampled) this.#samples?.note(seen, spoken, now);
    }
    return later;
  }

  /** Reads what history has of the VMs that are new here. */
  async preload(
    find: (vmId: number) => Vm | "later" | undefined,
    monitoring: Pick<CloudMonitoring, "latestVm" | "vmHistory">,
    now: number,
  ): Promise<void> {
    const samples = this.#samples;
    for (const vmId of this.#unsampled) {
      const vm = find(vmId);
      if (vm === undefined || vm === "later") continue;
      await samples?.preload(observed(vm, monitoring.latestVm(vmId)), now, monitoring);
    }
    // With other policies meanwhile, there are others to read.
    if (samples === this.#samples) this.#unsampled = [];
  }

  /** Nothing of it is kept until `took`. */
  look(
    { now, wall }: Moment,
    options: { readonly blocked?: Blocked; readonly thorough?: boolean } = {},
  ): Decision {
    const { blocked, thorough } = options;
    const given = {
      role: this.present,
      vmIds: this.#vmIds,
      recommended: this.#recommended,
      blocked,
    };
    const readings = this.#readings ?? new RoleReadings();
    const decision = decide(given, readings, now, { ...this.#settings, wallMs: wall, thorough });
    return this.#owes ? { ...decision, mustKeep: true } : decision;
  }

  /** What a look made is kept in memory. */
  took({ noted, recommended }: Decision): void {
    this.#noted.note(noted);
    this.#recommended = recommended;
  }

  /** Whether what was noted is in the document. */
  wrote(isWritten: boolean): void {
    this.#owes = !isWritten;
  }

  scaled(): void {
    this.#recommended = [];
  }

  /** The role with what was noted of its policies. */
  get present(): ElasticRole {
    return { ...this.#role, ...this.#noted.present };
  }

  /** What is noted of its policies. */
  get policies(): PolicyLists {
    return this.#noted.present;
  }

  /** Lists of the role's policies with what is in memory alone. */
  notedOver(lists: PolicyLists): PolicyLists {
    return this.#noted.over(lists);
  }

  /**
   * When a look may find something else though nothing was heard, in house time; undefined: never.
   * @param noted what the last look made of the policies
   */
  nextLook({ now, wall }: Moment, { noted }: Pick<Decision, "noted">): number | undefined {
    const { texts, pace } = this.#settings;
    const { elasticity_policies: _, ...scheduled } = { ...this.present, ...noted };
    const { scheduled_policies: _1, ...elastic } = { ...this.present, ...noted };
    const occurs = wakeAt(scheduled, Math.floor(wall / 1000), texts);
    const rests = wakeAt(elastic, Math.floor(now / 1000), texts, pace);
    const known = [occurs && occurs * 1000 - wall + now, rests && rests * 1000].filter(
      (moment) => moment !== undefined,
    );
    return known.length === 0 ? undefined : Math.min(...known);
  }

  #openReadings(): void {
    const { elasticity_policies = [], guest_metrics, scale_in, scale_in_protection } = this.#role;
    const chooses = scale_in !== undefined || scale_in_protection === true;
    const isRead = elasticity_policies.length > 0 || (chooses && this.hasPolicies);
    this.#samples = RoleSamples.of(elasticity_policies, guest_metrics, this.#settings.texts);
    const history = this.#samples?.history;
    this.#readings = isRead ? new RoleReadings({ guestMetrics: guest_metrics, history }) : undefined;
    this.#vmIds = [];
    this.#unsampled = [];
    this.#news.clear();
  }

  #setVms({ nodes = [] }: VmRole): void {
    const vmIds = nodes.map(({ deploy_id }) => deploy_id);
    const present = new Set(vmIds);
    const before = new Set(this.#vmIds);
    this.#vmIds = vmIds;
    for (const vmId of before) {
      if (present.has(vmId)) continue;
      this.#readings?.remove(vmId);
      this.#samples?.forget(vmId);
      this.#news.delete(vmId);
    }
    const added = vmIds.filter((vmId) => !before.has(vmId));
    for (const vmId of added) this.hear(vmId, SILENCE);
    if (this.#samples !== undefined)
      this.#unsampled = [...this.#unsampled, ...added].filter((id) => present.has(id));
  }
}

/** Whether the values that policies go by are to be read anew. */
function asksOtherwise(before: VmRole, after: VmRole): boolean {
  return !isDeepStrictEqual(asked(before), asked(after));
}

function asked(role: VmRole): readonly unknown[] {
  const { elasticity_policies = [], scheduled_policies = [], guest_metrics } = role;
  const expressions = elasticity_policies.map(({ expression }) => expression);
  const { scale_in, scale_in_protection } = role;
  return [expressions, scheduled_policies.length > 0, guest_metrics, scale_in, scale_in_protection];
}
