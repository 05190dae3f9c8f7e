/** What all pools of objects can do, and how callers name rights, owners and ways to update. */

import type { Template } from "../../../shared/template/types.ts";
import type { Actor } from "../actor.ts";

/** Replace the whole template, or append: same-name attributes replaced, others kept, empty vectors remove. */
export type UpdateMode = "replace" | "append";

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

/** Templates of something: texts that are kept, copied and deleted. */
export interface TextTemplatePool<T> extends OwnedPool<T> {
  allocate(actor: Actor, template: Template): Promise<number>;
  update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void>;
  delete(actor: Actor, id: number): Promise<void>;
  clone(actor: Actor, id: number, name: string): Promise<number>;
}
