/** What all owned objects' documents begin with: id, owner, name and permissions. */

import { z } from "zod";
import type { JsonObject, Owned } from "../model.ts";
import { DEFAULT_MODE } from "../permissions.ts";
import { flag, id, text, type Unversioned } from "./fields.ts";
import { printFlag } from "./json-form.ts";

/** In the order of the mode's bits, from the highest. */
const BITS = [
  ["OWNER_U", 0o400],
  ["OWNER_M", 0o200],
  ["OWNER_A", 0o100],
  ["GROUP_U", 0o040],
  ["GROUP_M", 0o020],
  ["GROUP_A", 0o010],
  ["OTHER_U", 0o004],
  ["OTHER_M", 0o002],
  ["OTHER_A", 0o001],
] as const;

const bit = flag.default(false);

const permissions = z
  .object(
    {
      OWNER_U: bit,
      OWNER_M: bit,
      OWNER_A: bit,
      GROUP_U: bit,
      GROUP_M: bit,
      GROUP_A: bit,
      OTHER_U: bit,
      OTHER_M: bit,
      OTHER_A: bit,
    },
    { error: "must be an object of OWNER_U, OWNER_M, ... OTHER_A" },
  )
  .transform((given) => BITS.reduce((mode, [name, mask]) => (given[name] ? mode | mask : mode), 0))
  .default(DEFAULT_MODE);

/** Fields for an owned object's schema. No owner means oneadmin; an empty UNAME or GNAME is for the reader to fill. */
export const ownedShape = {
  ID: id,
  UID: id.default(0),
  GID: id.default(0),
  UNAME: text.default(""),
  GNAME: text.default(""),
  NAME: text.default(""),
  PERMISSIONS: permissions,
} as const;

interface OwnedFields {
  readonly ID: number;
  readonly UID: number;
  readonly GID: number;
  readonly UNAME: string;
  readonly GNAME: string;
  readonly NAME: string;
  readonly PERMISSIONS: number;
}

/** The model's part of these fields; `defaultName` for kinds that OpenNebula names itself. */
export function ownedFrom(read: OwnedFields, defaultName = ""): Unversioned<Owned> {
  return {
    id: read.ID,
    name: read.NAME === "" ? defaultName : read.NAME,
    uid: read.UID,
    gid: read.GID,
    uname: read.UNAME,
    gname: read.GNAME,
    mode: read.PERMISSIONS,
  };
}

/** ID to NAME, and PERMISSIONS. */
export function printOwned(object: Unversioned<Owned>): JsonObject {
  return {
    ID: String(object.id),
    UID: String(object.uid),
    GID: String(object.gid),
    UNAME: object.uname,
    GNAME: object.gname,
    NAME: object.name,
    PERMISSIONS: Object.fromEntries(
      BITS.map(([name, mask]) => [name, printFlag((object.mode & mask) !== 0)]),
    ),
  };
}

/** The head of most owned documents' order. */
export const OWNED_ORDER = ["ID", "UID", "GID", "UNAME", "GNAME", "NAME"] as const;
