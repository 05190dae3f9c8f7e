/** Who may do what with an object: owner, group and others, each with use, manage and admin (spec core-xmlrpc.md 1). */

import { GatehouseError } from "../../shared/errors.ts";
import type { Actor, OwnerFilter, PermissionBits } from "./cloud.ts";
import type { Owned } from "./model.ts";

export type Right = "USE" | "MANAGE" | "ADMIN";

/** Bits of one digit of a mode, as in `chmod 640`. */
const RIGHT_BIT = { USE: 4, MANAGE: 2, ADMIN: 1 } as const satisfies Record<Right, number>;

/** OpenNebula's default umask (177) leaves use and manage to the owner. */
export const DEFAULT_MODE = 0o600;

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

/** @throws GatehouseError `forbidden` in OpenNebula's words; `label` is its name for the kind (VM, NET, ...). */
export function authorize(
  actor: Actor,
  object: Pick<Owned, "id" | "uid" | "gid" | "mode">,
  right: Right,
  label: string,
): void {
  if (!isAllowed(actor, object, right)) throw notAuthorized(actor, right, label, object.id);
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
