/** Who may do what with an object: owner, group and others, each with use, manage and admin (spec core-xmlrpc.md 1). */

import { GatehouseError } from "../../shared/errors.ts";
import type { Actor } from "./actor.ts";
import type { Owned } from "./model.ts";
import type { OwnerFilter, PermissionBits } from "./pools/pool.ts";

export type Right = "USE" | "MANAGE" | "ADMIN";

/** Bits of one digit of a mode, as in `chmod 640`. */
const RIGHT_BIT = { USE: 4, MANAGE: 2, ADMIN: 1 } as const satisfies Record<Right, number>;

/** OpenNebula's default umask (177) leaves use and manage to the owner. */
export const DEFAULT_MODE = 0o600;

/** OpenNebula's other word for a kind. */
const NOUNS: Readonly<Record<string, string>> = {
  VM: "virtual machine",
  TEMPLATE: "virtual machine template",
  NET: "virtual network",
  VNTEMPLATE: "virtual network template",
  VROUTER: "virtual router",
  DOCUMENT: "document",
};

const ADMIN_UID = 0;
const ADMIN_GID = 0;

/** oneadmin and the members of its group may do everything. */
export function isAdmin(actor: Actor): boolean {
  return actor.uid === ADMIN_UID || actor.gids.includes(ADMIN_GID);
}

/** True when the actor has the right on the object. */
export function isAllowed(actor: Actor, object: Pick<Owned, "uid" | "gid" | "mode">, right: Right): boolean {
  if (isAdmin(actor)) return true;
  const bit = RIGHT_BIT[right];
  if (object.uid === actor.uid && (object.mode >> 6) & bit) return true;
  if (actor.gids.includes(object.gid) && (object.mode >> 3) & bit) return true;
  return (object.mode & bit) !== 0;
}

/**
 * `label` is OpenNebula's name for the kind (VM, NET, ...).
 * @throws GatehouseError in OpenNebula's words: `forbidden`, or `locked` when a lock refuses it to everybody.
 */
export function authorize(
  actor: Actor,
  object: Pick<Owned, "id" | "uid" | "gid" | "mode" | "extra">,
  right: Right,
  label: string,
): void {
  if (!isAllowed(actor, object, right)) throw notAuthorized(actor, right, label, object.id);
  if (isLocked(object, right)) {
    const noun = NOUNS[label] ?? label;
    throw new GatehouseError("locked", `The resource ${noun} is locked. [${object.id}].`);
  }
}

/** For what only administrators may do. @throws GatehouseError `forbidden`. */
export function authorizeAdmin(actor: Actor, right: Right | "CREATE", label: string, id?: number): void {
  if (!isAdmin(actor)) throw notAuthorized(actor, right, label, id);
}

function notAuthorized(actor: Actor, right: string, label: string, id?: number): GatehouseError {
  const object = id === undefined ? label : `${label} [${id}]`;
  return new GatehouseError(
    "forbidden",
    `User [${actor.uid}] : Not authorized to perform ${right} ${object}.`,
  );
}

/** A lock of one.*.lock, kept with the object in OpenNebula's own form. */
export function lockOf(object: Pick<Owned, "extra">): { level: number; owner: number } | undefined {
  const lock = object.extra?.LOCK;
  if (typeof lock !== "object" || lock === null || !("LOCKED" in lock)) return undefined;
  return { level: Number(lock.LOCKED), owner: Number(lock.OWNER) };
}

/** Reading and using goes on under every lock; level 3 leaves MANAGE free too. */
function isLocked(object: Pick<Owned, "extra">, right: Right): boolean {
  const level = right === "USE" ? 0 : (lockOf(object)?.level ?? 0);
  return right === "ADMIN" ? level > 0 : level === 1 || level === 2;
}

/** The mode after a chmod, -1 keeping a bit. */
export function applyBits(mode: number, bits: PermissionBits): number {
  return bits.reduce<number>((result, bit, position) => {
    const mask = 1 << (8 - position);
    if (bit < 0) return result;
    return bit === 0 ? result & ~mask : result | mask;
  }, mode);
}

const ADMIN_BITS = 0o111;

/** Turning an admin bit on or off takes ADMIN, everything else MANAGE. */
export function rightForChmod(mode: number, bits: PermissionBits): Right {
  return (mode ^ applyBits(mode, bits)) & ADMIN_BITS ? "ADMIN" : "MANAGE";
}

/** Does the object belong into a pool listed with this filter? USE is needed besides. */
export function matchesFilter(actor: Actor, object: Owned, filter: OwnerFilter): boolean {
  switch (filter.kind) {
    case "all":
      return true;
    case "mine":
      return object.uid === actor.uid;
    case "mine_and_groups":
      return object.uid === actor.uid || actor.gids.includes(object.gid);
    case "primary_group":
      return object.gid === actor.gid;
    case "user":
      return object.uid === filter.uid;
  }
}
