/**
 * What a cloud is made of, as typed values. Objects are immutable snapshots: a change makes a new one with the
 * next `version`, so a reader may keep one, and caches may hang on its identity (WeakMap).
 */

import type { Template, Vector } from "../../shared/template/types.ts";

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

export type JsonObject = { readonly [name: string]: JsonValue };

/** What every object has. */
export interface Base {
  readonly id: number;
  readonly version: number;
  readonly name: string;
  /** Parts of the OpenNebula document that the house keeps as they came (quotas, BACKUPS, ...). */
  readonly extra?: JsonObject;
}

/** An object with an owner. `mode` is as in chmod: 0o600 is use and manage for the owner (u=4, m=2, a=1). */
export interface Owned extends Base {
  readonly uid: number;
  readonly gid: number;
  readonly uname: string;
  readonly gname: string;
  readonly mode: number;
}

/** What one.user.login makes: a password with an end, perhaps for one group only. */
export interface LoginToken {
  readonly token: string;
  /** Seconds since the epoch; -1: it has no end. */
  readonly expires: number;
  /** The only group a session with it has; -1: every group of the user. */
  readonly gid: number;
}

export interface User extends Base {
  readonly gid: number;
  readonly gname: string;
  /** Every group of the user, the primary one among them. */
  readonly gids: readonly number[];
  /** Hex SHA-256 of the password (spec core-xmlrpc.md 4). */
  readonly passwordHash: string;
  readonly authDriver: string;
  readonly enabled: boolean;
  readonly loginTokens?: readonly LoginToken[];
  /** TOKEN_PASSWORD lives here, as in OpenNebula. */
  readonly template: Template;
}

export interface Group extends Base {
  readonly template: Template;
  readonly adminIds: readonly number[];
}

export interface Host extends Base {
  /** HostState: 2 is MONITORED; only such a host takes VMs. */
  readonly state: number;
  readonly prevState: number;
  readonly imMad: string;
  /** Which driver runs the host's VMs: `process`, `dummy`, ... */
  readonly vmMad: string;
  readonly clusterId: number;
  readonly cluster: string;
  readonly template: Template;
}

/** A stay of a VM on a host. Times in seconds since the epoch, 0: not yet. */
export interface HistoryRecord {
  readonly seq: number;
  readonly hostName: string;
  readonly hostId: number;
  readonly clusterId: number;
  readonly vmMad: string;
  readonly tmMad: string;
  readonly datastoreId: number;
  readonly stime: number;
  readonly etime: number;
  readonly pstime: number;
  readonly petime: number;
  readonly rstime: number;
  readonly retime: number;
  readonly estime: number;
  readonly eetime: number;
  /** The action that ended it (HistoryAction), 0: none yet. */
  readonly action: number;
  /** Who asked for that action; -1: the house itself. */
  readonly uid: number;
  readonly gid: number;
}

export interface Snapshot {
  readonly id: number;
  readonly name: string;
  /** Seconds since the epoch. */
  readonly time: number;
  readonly active: boolean;
}

/** How an action comes again. Days are of the local calendar. */
export interface ActionRepeat {
  readonly unit: "weekly" | "monthly" | "yearly" | "hourly";
  /** Days of the week (0 is Sunday), of the month (from 1) or of the year (from 0); for hourly one number: the hours between. */
  readonly days: readonly number[];
}

/** When it comes no more: never, after so many times from now on, or after a moment in seconds since the epoch. */
export type RepeatEnd =
  | { readonly kind: "never" }
  | { readonly kind: "times"; readonly left: number }
  | { readonly kind: "date"; readonly at: number };

/** A SCHED_ACTION of a VM. */
export interface ScheduledAction {
  /** Unique among those of all VMs. */
  readonly id: number;
  readonly action: string;
  readonly args: string;
  /** When it is done, or done next, in seconds since the epoch. */
  readonly time: number;
  readonly repeat?: ActionRepeat | undefined;
  readonly end?: RepeatEnd | undefined;
  /** When it was last done, in seconds since the epoch. */
  readonly done?: number | undefined;
  /** Why it was refused last; empty when it was not. */
  readonly message: string;
  /** WARNING of an imported action, which is kept as it came. */
  readonly warning?: string | undefined;
}

export interface Vm extends Owned {
  /** VmState and LcmState of shared/states. */
  readonly state: number;
  readonly lcmState: number;
  readonly prevState: number;
  readonly prevLcmState: number;
  readonly resched: boolean;
  /** Seconds since the epoch. */
  readonly stime: number;
  readonly etime: number;
  readonly lastPoll: number;
  /** How the driver knows it; empty before the first deployment. */
  readonly deployId: string;
  readonly template: Template;
  readonly userTemplate: Template;
  readonly monitoring: Template;
  readonly history: readonly HistoryRecord[];
  readonly snapshots: readonly Snapshot[];
  /** Absent where there are none, as in most VMs. */
  readonly scheduledActions?: readonly ScheduledAction[] | undefined;
}

export interface VmTemplate extends Owned {
  /** Seconds since the epoch. */
  readonly registrationTime: number;
  readonly template: Template;
}

/** Who holds a lease. */
export type LeaseHolder =
  | { readonly kind: "vm"; readonly id: number }
  | { readonly kind: "network"; readonly id: number }
  | { readonly kind: "router"; readonly id: number };

export interface Lease {
  /** Offset in its address range. */
  readonly index: number;
  readonly holder: LeaseHolder;
}

/** An address range: `size` addresses from `attributes.IP`, `MAC`, `GLOBAL_PREFIX`, ... on. */
export interface AddressRange {
  readonly id: number;
  readonly size: number;
  /** Where the search for a free address goes on. */
  readonly nextIndex: number;
  /** As declared: TYPE, IP, MAC, GLOBAL_PREFIX, ULA_PREFIX, SHARED, ... */
  readonly attributes: Vector;
}

export interface Network extends Owned {
  readonly state: number;
  readonly prevState: number;
  readonly bridge: string;
  readonly vnMad: string;
  /** The network this one was reserved from. */
  readonly parentId: number | undefined;
  readonly clusterIds: readonly number[];
  readonly template: Template;
  readonly ranges: readonly AddressRange[];
}

/** A network with its leases by range id: what `VNET` documents show. */
export interface NetworkDetail {
  readonly network: Network;
  readonly leases: ReadonlyMap<number, readonly Lease[]>;
  readonly routerIds: readonly number[];
}

export interface NetworkTemplate extends Owned {
  readonly registrationTime: number;
  readonly template: Template;
}

export interface Router extends Owned {
  readonly vmIds: readonly number[];
  readonly template: Template;
}

export interface VmGroup extends Owned {
  readonly template: Template;
}

/** Service (type 100) and service template (type 101) documents keep JSON in `body`. */
export interface Document extends Owned {
  readonly type: number;
  /** TEMPLATE/BODY parsed, where there is one. */
  readonly body: JsonObject | undefined;
  /** The other attributes of TEMPLATE. */
  readonly template: Template;
}

export const DOCUMENT_TYPE = { service: 100, serviceTemplate: 101 } as const;
