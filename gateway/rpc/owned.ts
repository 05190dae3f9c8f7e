/** The methods that every kind of owned object has: rename, chmod, chown, lock and unlock. */

import { z } from "zod";
import { isGatehouseError } from "../../shared/errors.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { LockLevel, OwnedPool, PermissionBits } from "../cloud/pools/pool.ts";
import { CORE_CODE, CoreRefusal } from "./codes.ts";
import { flag, integer, type Methods, method, text } from "./method.ts";

const bits = z.tuple([integer, integer, integer, integer, integer, integer, integer, integer, integer]);

/** `object` as in `one.vm.rename`: vm. Each gives the object's id. */
export function ownedMethods(object: string, poolOf: (cloud: Cloud) => OwnedPool<unknown>): Methods {
  return {
    [`one.${object}.rename`]: method(z.tuple([integer, text]), async ({ cloud, actor }, [id, name]) => {
      await renamed(poolOf(cloud).rename(actor, id, name));
      return id;
    }),
    [`one.${object}.chmod`]: method(z.tuple([integer, ...bits.def.items]), async (call, [id, ...given]) => {
      await poolOf(call.cloud).chmod(call.actor, id, permissionBits(given));
      return id;
    }),
    [`one.${object}.chown`]: method(z.tuple([integer, integer, integer]), async (call, [id, uid, gid]) => {
      const owner = { uid: uid < 0 ? undefined : uid, gid: gid < 0 ? undefined : gid };
      await poolOf(call.cloud).chown(call.actor, id, owner);
      return id;
    }),
    [`one.${object}.lock`]: method(
      z.tuple([integer, integer.default(1), flag.default(false)]),
      async (call, [id, level]) => {
        await poolOf(call.cloud).lock(call.actor, id, lockLevel(level));
        return id;
      },
    ),
    [`one.${object}.unlock`]: method(z.tuple([integer]), async ({ cloud, actor }, [id]) => {
      await poolOf(cloud).unlock(actor, id);
      return id;
    }),
  };
}

function permissionBits(given: PermissionBits): PermissionBits {
  if (given.every((bit) => bit === -1 || bit === 0 || bit === 1)) return given;
  throw new CoreRefusal(CORE_CODE.XML_RPC_API, "New permissions must be -1, 0 or 1.");
}

/** 4 is "all", which is what 1 is. */
function lockLevel(level: number): LockLevel {
  if (level === 1 || level === 4) return 1;
  if (level === 2 || level === 3) return level;
  throw new CoreRefusal(CORE_CODE.ACTION, `Wrong lock level specified: ${level}; 1 to 4 are known.`);
}

/** A name that no object can have is ACTION here, as one that another has. */
async function renamed(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (isGatehouseError(error) && error.code === "bad_request")
      throw new CoreRefusal(CORE_CODE.ACTION, error.message);
    throw error;
  }
}
