/** The numbers that a sender keeps over its restarts: boot ids, and from them those of deliveries. */

import { GatehouseError } from "../errors.ts";

/** Deliveries that one boot may number. */
const DELIVERIES_PER_BOOT = 2 ** 20;

/** Boot ids are seconds or more, and times DELIVERIES_PER_BOOT still exact: this is the year 2242. */
export const MAX_BOOT_ID = 2 ** 33 - 1;

/**
 * The boot id for a start: above the one that was kept, and at least the time in seconds, so that it rises even when
 * what was kept is lost. Keep it on disk before anything is sealed with it: a boot id used twice repeats nonces.
 * @throws GatehouseError `internal` when no higher one is left.
 */
export function nextBootId(kept: number | undefined, nowSeconds: number): number {
  const time = Math.floor(nowSeconds);
  // A clock beyond all reason must not use them up.
  const bootId = Math.max((kept ?? 0) + 1, time <= MAX_BOOT_ID ? time : 0);
  if (bootId <= MAX_BOOT_ID) return bootId;
  throw new GatehouseError("internal", `No boot id is left above ${kept}: a new key is needed.`);
}

/**
 * The first delivery number of a boot; the next ones follow it by one. Numbers of a later boot are all higher, so
 * spooled messages keep theirs, and the daemon tells new from old by the highest it has applied.
 */
export function firstDelivery(bootId: number): number {
  return bootId * DELIVERIES_PER_BOOT;
}
