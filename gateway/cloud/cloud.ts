/**
 * The one interface to what runs VMs. OneGate and OneFlow see only this; behind it stands the embedded cloud or a
 * real OpenNebula. Every call says who asks (`Actor`) and is authorised on the object.
 *
 * All calls may throw GatehouseError: `not_found` ("Error getting virtual machine [99]."), `forbidden`
 * ("User [3] : Not authorized to perform MANAGE VM [7]."), `wrong_state`, `bad_request`, `unavailable`.
 * Texts are OpenNebula's where the spec has them (core-xmlrpc.md 1), without the `[one.vm.info]` head.
 */

import { GatehouseError } from "../../shared/errors.ts";
import type { Template, Vector } from "../../shared/template/types.ts";
import type {
  Document,
  Group,
  Host,
  JsonObject,
  LoginToken,
  Network,
  NetworkDetail,
  NetworkTemplate,
  Router,
  ScheduledAction,
  User,
  Vm,
  VmGroup,
  VmTemplate,
} from "./model.ts";
import type { CloudMonitoring } from "./monitoring.ts";

/** Who asks. `uid` 0 and members of group 0 (oneadmin) may do everything. */
export interface Actor {
  readonly uid: number;
  readonly name: string;
  readonly gid: number;
  readonly gids: readonly number[];
}

/** The house itself. */
export const SYSTEM: Actor = { uid: 0, name: "oneadmin", gid: 0, gids: [0] };

/** Who a user acts as, with all groups. */
export function actorOf({ id, name, gid, gids }: User): Actor {
  return { uid: id, name, gid, gids };
}

/** one.vm.action's names, and what the house adds none to (spec core-xmlrpc.md 2). */
export const VM_ACTIONS = [
  "terminate",
  "terminate-hard",
  "undeploy",
  "undeploy-hard",
  "poweroff",
  "poweroff-hard",
  "reboot",
  "reboot-hard",
  "hold",
  "release",
  "stop",
  "suspend",
  "resume",
  "resched",
  "unresched",
] as const;

export type VmAction = (typeof VM_ACTIONS)[number];

/** one.vm.recover's operations, in the order of their numbers (spec core-xmlrpc.md 2). */
export const RECOVER_OPERATIONS = ["failure", "success", "retry", "delete", "recreate", "delete-db"] as const;

export type RecoverOperation = (typeof RECOVER_OPERATIONS)[number];

/** Replace the whole template, or append: same-name attributes replaced, others kept, empty vectors remove. */
export type UpdateMode = "replace" | "append";

/**
 * What a caller asks of an update, in the same transaction; each may throw, and nothing is then written. A cloud that
 * is reached over a wire and has no such transaction must let no update of its own of the same VM pass between reading
 * and writing; what others write in that gap it cannot notice.
 */
export interface UpdateChecks {
  /** Asked first, of the VM as it is: when it says no, the call throws `precondition_failed`. */
  readonly precondition?: ((vm: Vm) => boolean) | undefined;
  /** Told the user template as it is, and as it would become. */
  readonly becomes?: (before: Template, after: Template) => void;
}

/** @throws GatehouseError `precondition_failed` */
export function requirePrecondition(vm: Vm, { precondition }: Pick<UpdateChecks, "precondition">): void {
  if (precondition === undefined || precondition(vm)) return;
  throw new GatehouseError(
    "precondition_failed",
    `VM ${vm.id} is not as If-Match has it: read it again, and send the ETag it has now.`,
  );
}

/** Three octal digits of new permissions; -1 keeps a bit (one.*.chmod): owner u,m,a, group u,m,a, other u,m,a. */
export type PermissionBits = readonly [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

/** What a lock refuses, as one.*.lock numbers it: 1 and 2 what takes MANAGE or ADMIN, 3 what takes ADMIN; nothing refuses USE. */
export type LockLevel = 1 | 2 | 3;

/** New owner and group ids; undefined keeps. */
export interface Ownership {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** Which objects of a pool: everything the actor may USE, or a narrower set (core-xmlrpc.md "Pool filter flags"). */
export type OwnerFilter =
  | { readonly kind: "all" }
  | { readonly kind: "mine" }
  | { readonly kind: "mine_and_groups" }
  | { readonly kind: "primary_group" }
  | { readonly kind: "user"; readonly uid: number };

/** What every pool of owned objects can do. */
export interface Pool<T> {
  /** USE right needed. */
  get(actor: Actor, id: number): Promise<T>;
  /**
   * What `get` would give, without waiting, where the cloud has it in memory. Undefined says nothing: the cloud must
   * be asked, or there is no such object, or it is not the actor's to see; `get` tells which.
   */
  peek(actor: Actor, id: number): T | undefined;
  list(actor: Actor, filter?: OwnerFilter): Promise<readonly T[]>;
}

export interface OwnedPool<T> extends Pool<T> {
  rename(actor: Actor, id: number, name: string): Promise<void>;
  chmod(actor: Actor, id: number, bits: PermissionBits): Promise<void>;
  chown(actor: Actor, id: number, owner: Ownership): Promise<void>;
  /** From then on changes are refused with `locked`, whoever asks. */
  lock(actor: Actor, id: number, level: LockLevel): Promise<void>;
  /** For whoever locked it, and administrators. */
  unlock(actor: Actor, id: number): Promise<void>;
}

export interface VmPool extends OwnedPool<Vm> {
  /**
   * Those of these that are there and that the actor may see, in any order. What is measured of them may be older than
   * `get` has it.
   */
  several(actor: Actor, ids: readonly number[]): Promise<readonly Vm[]>;
  /** Makes a VM from template text already parsed; returns its id. PENDING, or HOLD when asked. */
  allocate(actor: Actor, template: Template, options?: { hold?: boolean }): Promise<number>;
  updateUserTemplate(
    actor: Actor,
    id: number,
    template: Template,
    mode: UpdateMode,
    checks?: UpdateChecks,
  ): Promise<void>;
  /** Removes `NAME`, or one inner attribute `NAME/INNER`, from the user template. `not_found` when it is not there. */
  eraseUserAttribute(
    actor: Actor,
    id: number,
    path: readonly [string] | readonly [string, string],
    checks?: Pick<UpdateChecks, "precondition">,
  ): Promise<void>;
  act(actor: Actor, id: number, action: VmAction): Promise<void>;
  deploy(actor: Actor, id: number, hostId: number): Promise<void>;
  /** `bad_request` for operations that this cloud has no use for. */
  recover(actor: Actor, id: number, operation: RecoverOperation): Promise<void>;
  attachNic(actor: Actor, id: number, template: Template): Promise<number>;
  detachNic(actor: Actor, id: number, nicId: number): Promise<void>;
  createSnapshot(actor: Actor, id: number, name: string): Promise<number>;
  revertSnapshot(actor: Actor, id: number, snapshotId: number): Promise<void>;
  deleteSnapshot(actor: Actor, id: number, snapshotId: number): Promise<void>;
  /**
   * Has an action done at a time, or again and again, as the VM's owner at that time; returns the action's id, which no
   * other VM's has. It takes the right that the action takes. `bad_request` for what this cloud cannot do at a time.
   */
  schedule(actor: Actor, id: number, action: ActionSchedule): Promise<number>;
  /** Changes what is given of a scheduled action; a later time revives one that was done. */
  reschedule(actor: Actor, id: number, actionId: number, changes: Partial<ActionSchedule>): Promise<void>;
  /** `not_found` ("Error getting scheduled action [3].") when the VM has no such action. */
  unschedule(actor: Actor, id: number, actionId: number): Promise<void>;
}

/** An action on a VM at a time, as one.vm.schedadd takes it. SCHED_ACTIONs of a VM's template (charters) are the same. */
export interface ActionSchedule extends Pick<ScheduledAction, "repeat" | "end"> {
  /** One of VM_ACTIONS, snapshot-create, snapshot-revert or snapshot-delete. */
  readonly action: string;
  /** The name of the snapshot to create, or the id of the one to revert to or delete. */
  readonly args?: string;
  /** Seconds since the epoch, or seconds after the VM was made (its STIME). */
  readonly time: number | { readonly sinceStart: number };
}

export interface TemplatePool extends OwnedPool<VmTemplate> {
  allocate(actor: Actor, template: Template): Promise<number>;
  update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void>;
  delete(actor: Actor, id: number): Promise<void>;
  clone(actor: Actor, id: number, name: string): Promise<number>;
  /**
   * USE on the template is enough. Every name in `extra` replaces all values of that name, vectors and arrays as a
   * whole, as one.template.instantiate does; `name` may hold %i for the VM's id. Returns the VM id.
   */
  instantiate(
    actor: Actor,
    id: number,
    options: { name?: string; hold?: boolean; extra?: Template; routerId?: number },
  ): Promise<number>;
}

export interface NetworkPool extends OwnedPool<Network> {
  detail(actor: Actor, id: number): Promise<NetworkDetail>;
  /** Template with AR vectors, as `onevnet create` takes it. */
  allocate(actor: Actor, template: Template): Promise<number>;
  update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void>;
  /** Refused while it has leases. */
  delete(actor: Actor, id: number): Promise<void>;
  /** Lends a run of free addresses to a network of the actor's own; returns that network's id. */
  reserve(actor: Actor, id: number, options: Reservation): Promise<number>;
  /** Keeps an address from being given to anybody. */
  hold(actor: Actor, id: number, address: LeaseAddress): Promise<void>;
  /** Ends a hold. */
  release(actor: Actor, id: number, address: LeaseAddress): Promise<void>;
  /** An AR vector, as in a network's template; returns the range's id. */
  addRange(actor: Actor, id: number, range: Vector): Promise<number>;
  /** Refused while it has leases. */
  removeRange(actor: Actor, id: number, rangeId: number): Promise<void>;
}

/** One address of a network, by either of its names. */
export type LeaseAddress = { readonly ip: string } | { readonly mac: string };

/** What one.vn.reserve takes: NAME, SIZE, AR_ID, IP or MAC, NETWORK_ID. */
export interface Reservation {
  /** Of the new network; needed unless there is one already (`networkId`). */
  readonly name?: string;
  /** How many addresses, in a row. */
  readonly size: number;
  /** The only range to take them from. */
  readonly rangeId?: number;
  /** The first of them. */
  readonly first?: LeaseAddress;
  /** A reservation of the same network, to which they are added. It takes MANAGE on that. */
  readonly networkId?: number;
}

/** Templates of networks. Only administrators make them. */
export interface NetworkTemplatePool extends OwnedPool<NetworkTemplate> {
  allocate(actor: Actor, template: Template): Promise<number>;
  update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void>;
  delete(actor: Actor, id: number): Promise<void>;
  clone(actor: Actor, id: number, name: string): Promise<number>;
  /**
   * USE on the template is enough to have a network of one's own. Every name in `extra` replaces all values of that
   * name; restricted ones (BRIDGE, VN_MAD, VLAN_ID, ...) are refused to all but administrators. Without `name`, the NAME
   * in `extra`, else the template's name. Returns the network's id.
   */
  instantiate(
    actor: Actor,
    id: number,
    options: { readonly name?: string; readonly extra?: Template },
  ): Promise<number>;
}

export interface RouterPool extends OwnedPool<Router> {
  /** A NIC with FLOATING_IP="YES" takes an address for the router itself, which its NIC then shows as VROUTER_IP. */
  allocate(actor: Actor, template: Template): Promise<number>;
  update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void>;
  /** Gives the router, and each of its VMs, one more NIC, to all or to none; returns its id. They must run, or be powered off. */
  attachNic(actor: Actor, id: number, template: Template): Promise<number>;
  detachNic(actor: Actor, id: number, nicId: number): Promise<void>;
  /** Ends its VMs, whatever they do, and gives its floating addresses back. */
  delete(actor: Actor, id: number): Promise<void>;
  /**
   * Makes `count` VMs, all or none, with the router's NICs in the place of the template's: each has addresses of its
   * own, and knows the floating ones as VROUTER_IP. `name` may hold %i for the VM's number in the router, from 0 on;
   * without a name it is `vr-<router>-%i`. `extra` as for VM templates. Returns the VMs' ids.
   */
  instantiate(
    actor: Actor,
    id: number,
    options: { count: number; templateId: number; name?: string; hold?: boolean; extra?: Template },
  ): Promise<readonly number[]>;
}

export interface DocumentPool extends OwnedPool<Document> {
  allocate(
    actor: Actor,
    document: { type: number; name: string; body?: JsonObject; template?: Template },
  ): Promise<number>;
  /** With `template`, the attributes beside BODY are replaced in the same write; without it they stay. */
  update(actor: Actor, id: number, body: JsonObject, template?: Template): Promise<void>;
  /** The same for the whole TEMPLATE, in which BODY is text (document/document.ts, `documentTemplate`). */
  updateTemplate(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void>;
  clone(actor: Actor, id: number, name: string): Promise<number>;
  delete(actor: Actor, id: number): Promise<void>;
}

export interface HostPool extends Pool<Host> {
  allocate(actor: Actor, host: { name: string; imMad: string; vmMad: string }): Promise<number>;
  rename(actor: Actor, id: number, name: string): Promise<void>;
  update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void>;
  setState(actor: Actor, id: number, state: "enabled" | "disabled" | "offline"): Promise<void>;
  delete(actor: Actor, id: number): Promise<void>;
}

export interface UserPool extends Pool<User> {
  allocate(
    actor: Actor,
    user: { name: string; password: string; driver?: string; gids?: readonly number[] },
  ): Promise<number>;
  update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void>;
  setPassword(actor: Actor, id: number, password: string): Promise<void>;
  /**
   * `core` keeps a password of its own, `server_cipher` and `server_x509` are a server's (the latter's password is the
   * subject of its certificate); with a driver may come a new password.
   */
  setDriver(actor: Actor, id: number, driver: string, password?: string): Promise<void>;
  setEnabled(actor: Actor, id: number, enabled: boolean): Promise<void>;
  /** The primary group. */
  setGroup(actor: Actor, id: number, gid: number): Promise<void>;
  joinGroup(actor: Actor, id: number, gid: number): Promise<void>;
  /** Refused for the primary group. */
  leaveGroup(actor: Actor, id: number, gid: number): Promise<void>;
  /**
   * Without a token one is made; returns it. Tokens that have ended go. `bad_request` when the user is in no such
   * group, or has too many tokens.
   */
  addLoginToken(
    actor: Actor,
    id: number,
    token: Omit<LoginToken, "token"> & { readonly token?: string | undefined },
  ): Promise<string>;
  /** One token, or every one. `not_found` when the user has no such token. */
  removeLoginTokens(actor: Actor, id: number, token?: string): Promise<void>;
  delete(actor: Actor, id: number): Promise<void>;
  /** The actor of a user id; undefined when there is no such user. */
  actor(uid: number): Promise<Actor | undefined>;
  /** The same without waiting, as `peek`. */
  peekActor(uid: number): Actor | undefined;
  /** The user of a name, with hash and tokens: for what proves who asks, and never for an answer. */
  named(name: string): Promise<User | undefined>;
  /** The actor a name and password prove; undefined when they prove nobody. */
  authenticate(name: string, password: string): Promise<Actor | undefined>;
}

export interface GroupPool extends Pool<Group> {
  allocate(actor: Actor, name: string): Promise<number>;
  update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void>;
  delete(actor: Actor, id: number): Promise<void>;
}

/**
 * What happened, told after it is durable, in the order in which it became so. A change of owner, name or permissions
 * is a change like any other. `previous` is undefined for what was made; what was deleted is undefined itself.
 */
export type CloudEvent =
  | { readonly kind: "vm_state"; readonly vm: Vm; readonly previous: Vm | undefined }
  | { readonly kind: "vm_updated"; readonly vm: Vm; readonly previous: Vm }
  | { readonly kind: "host_state"; readonly host: Host }
  /** New readings, which are not durable; `at` in seconds since the epoch, when they were measured. */
  | {
      readonly kind: "vms_monitored";
      readonly hostId: number;
      readonly vmIds: readonly number[];
      readonly at: number;
    }
  | {
      readonly kind: "document_changed";
      readonly id: number;
      readonly document: Document | undefined;
      readonly previous: Document | undefined;
    }
  | {
      readonly kind: "router_changed";
      readonly id: number;
      readonly router: Router | undefined;
      readonly previous: Router | undefined;
    }
  /** Also when only its leases are others; then both snapshots are the same. */
  | {
      readonly kind: "network_changed";
      readonly id: number;
      readonly network: Network | undefined;
      readonly previous: Network | undefined;
    };

export interface Cloud {
  readonly vms: VmPool;
  readonly templates: TemplatePool;
  readonly networks: NetworkPool;
  readonly networkTemplates: NetworkTemplatePool;
  readonly routers: RouterPool;
  readonly documents: DocumentPool;
  readonly hosts: HostPool;
  readonly users: UserPool;
  readonly groups: GroupPool;
  readonly vmGroups: Pool<VmGroup>;
  readonly monitoring: CloudMonitoring;
  /** Listeners are called synchronously and must not throw; the returned function unsubscribes. */
  subscribe(listener: (event: CloudEvent) => void): () => void;
}
