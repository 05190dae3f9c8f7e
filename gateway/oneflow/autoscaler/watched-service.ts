/** One service with roles that may scale: what its document says now, and what its roles ask for. */

import { ROLE_STATE } from "../../../shared/states/role.ts";
import { SERVICE_STATE, serviceStateName } from "../../../shared/states/service.ts";
import { SYSTEM } from "../../cloud/actor.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import type { Document, Vm } from "../../cloud/model.ts";
import type { CloudMonitoring } from "../../cloud/monitoring.ts";
import type { Decision } from "../elasticity/decide.ts";
import { withServiceDefaults } from "../elasticity/policy.ts";
import { flowOf } from "../engine/service-document.ts";
import { isDone } from "../engine/sight.ts";
import type { VmRole } from "../model.ts";
import type { Spoken } from "./role-samples.ts";
import { type Blocked, type LookSettings, type Moment, WatchedRole } from "./watched-role.ts";

/** What one look at a service found. */
export interface Looked {
  readonly role: WatchedRole;
  readonly decision: Decision;
}

/** What it reads of a cloud. */
export interface ServiceCloud extends Pick<Cloud, "vms"> {
  readonly monitoring: Pick<CloudMonitoring, "latestVm" | "vmHistory">;
}

/** Whether anything of the role may ever scale by itself. */
export function mayScale(role: VmRole): boolean {
  const { min_vms, elasticity_policies = [], scheduled_policies = [] } = role;
  return min_vms !== undefined || elasticity_policies.length + scheduled_policies.length > 0;
}

export class WatchedService {
  readonly id: number;
  readonly #cloud: ServiceCloud;
  readonly #settings: LookSettings;
  readonly #nextKey: () => number;
  #document: Document | undefined;
  #roles: ReadonlyMap<string, WatchedRole> = new Map();
  #blocked: Blocked | undefined;
  /** Roles that do not run though the service does. */
  #resting: ReadonlySet<string> = new Set();
  /** VMs that could not be read without waiting. */
  readonly #missing = new Set<number>();
  readonly #fetched = new Map<number, Vm | undefined>();
  /** Roles that want a look. */
  readonly #wanting = new Set<WatchedRole>();

  constructor(id: number, cloud: ServiceCloud, settings: LookSettings, nextKey: () => number) {
    this.id = id;
    this.#cloud = cloud;
    this.#settings = settings;
    this.#nextKey = nextKey;
  }

  get roles(): Iterable<WatchedRole> {
    return this.#roles.values();
  }

  role(name: string): WatchedRole | undefined {
    return this.#roles.get(name);
  }

  get isRunning(): boolean {
    return this.#blocked === undefined;
  }

  /** Why no role of it may scale now. */
  get blocked(): Blocked | undefined {
    return this.#blocked;
  }

  /**
   * Reads its document.
   * @throws GatehouseError `bad_request` when it holds no service
   */
  read(document: Document): void {
    const { body, progress } = flowOf(document);
    const isAnothers = this.#document !== undefined && this.#document.uid !== document.uid;
    this.#document = document;
    const isRunning = body.state === SERVICE_STATE.RUNNING;
    const until = progress.cooldown?.until;
    this.#blocked = isRunning
      ? undefined
      : { state: serviceStateName(body.state), until: until && Math.ceil(until / 1000) };
    const elastic = body.roles
      .filter((role) => role.type === "vm")
      .filter(mayScale)
      .map((role) => withServiceDefaults(role, body));
    this.#roles = new Map(elastic.map((role) => [role.name, this.#roleOf(role)]));
    this.#resting = new Set(
      elastic.filter(({ state }) => state !== ROLE_STATE.RUNNING).map(({ name }) => name),
    );
    for (const role of this.#wanting) if (this.#roles.get(role.name) !== role) this.#wanting.delete(role);
    for (const role of this.roles) {
      this.want(role);
      if (isAnothers) for (const vmId of role.vmIds) role.hear(vmId, { guest: false, agent: false });
    }
  }

  #roleOf(role: VmRole): WatchedRole {
    const known = this.#roles.get(role.name);
    known?.become(role);
    return known ?? new WatchedRole(this.#nextKey(), role, this.#settings);
  }

  hear(role: WatchedRole, vmId: number, spoken: Spoken): void {
    role.hear(vmId, spoken);
    this.want(role);
  }

  want(role: WatchedRole): void {
    this.#wanting.add(role);
  }

  /** Reads what was heard; whether something is still to be fetched before it can be looked at. */
  absorb(now: number): boolean {
    this.#missing.clear();
    for (const role of this.#roles.values()) {
      for (const vmId of role.absorb(this.#find, this.#cloud.monitoring, now)) this.#missing.add(vmId);
    }
    this.#fetched.clear();
    return this.#missing.size > 0 || [...this.#roles.values()].some(({ hasUnsampled }) => hasUnsampled);
  }

  /** Fetches what a look needs and is not in memory. */
  async fetch(now: number): Promise<void> {
    for (const vmId of this.#missing) {
      this.#fetched.set(vmId, await this.#cloud.vms.get(SYSTEM, vmId).catch(() => undefined));
    }
    for (const role of this.#roles.values()) {
      if (role.hasUnsampled) await role.preload(this.#find, this.#cloud.monitoring, now);
    }
  }

  /** Looks at the roles that want it, until one scales: the others wait until that is over. */
  look(moment: Moment): readonly Looked[] {
    if (!this.isRunning) {
      this.#wanting.clear();
      return [];
    }
    const looked: Looked[] = [];
    for (const role of this.#wanting) {
      this.#wanting.delete(role);
      if (this.#resting.has(role.name)) continue;
      const decision = role.look(moment);
      looked.push({ role, decision });
      if (decision.scaling !== undefined) break;
    }
    return looked;
  }

  /** Only a VM of the service's owner tells anything: a document may name whatever its owner likes. */
  readonly #find = (vmId: number): Vm | "later" | undefined => {
    const vm = this.#cloud.vms.peek(SYSTEM, vmId) ?? this.#fetched.get(vmId);
    if (vm === undefined) return this.#fetched.has(vmId) ? undefined : "later";
    return vm.uid === this.#document?.uid && !isDone(vm) ? vm : undefined;
  };
}
