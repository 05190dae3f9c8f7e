/** How much a guest may read and write of a disk: OpenNebula's attributes of a DISK, as QEMU's throttle groups have them. */

import type { Vector } from "../../../../shared/template/types.ts";
import { refused, whole } from "./qemu-values.ts";

/** By their names in QEMU's ThrottleLimits: bytes or operations a second, bursts, and seconds that these last. */
export type DiskLimits = Readonly<Record<string, number>>;

const DIRECTIONS = ["total", "read", "write"] as const;
const UNITS = [
  { attribute: "BYTES_SEC", limit: "bps" },
  { attribute: "IOPS_SEC", limit: "iops" },
] as const;
/** THROTTLE_VALUE_MAX of QEMU. */
const MAX_A_SECOND = 1_000_000_000_000_000;
const MAX_BURST_S = 1_000_000;
/** Of an operation that counts as one. */
const MAX_OPERATION_BYTES = 1024 * 1024 * 1024;

/** Undefined: as much as it can. @throws GatehouseError `bad_request` for values that QEMU would not take together. */
export function limitsOf(disk: Vector): DiskLimits | undefined {
  const limits: Record<string, number> = {};
  for (const { attribute, limit } of UNITS) {
    for (const direction of DIRECTIONS) {
      const name = `${direction.toUpperCase()}_${attribute}`;
      Object.assign(limits, oneLimit(disk, name, `${limit}-${direction}`));
    }
    if (
      limits[`${limit}-total`] !== undefined &&
      (limits[`${limit}-read`] ?? limits[`${limit}-write`]) !== undefined
    )
      throw refused(
        `DISK/TOTAL_${attribute} stands alone: not together with READ_${attribute} or WRITE_${attribute}`,
      );
  }
  const size = wholeOrNone(disk, "SIZE_IOPS_SEC", MAX_OPERATION_BYTES);
  if (Object.keys(limits).length === 0) return undefined;
  // As OpenNebula has it, a size without a limit of operations means nothing; QEMU would refuse it.
  const isCounted = Object.keys(limits).some((name) => name.startsWith("iops"));
  return size === undefined || !isCounted ? limits : { ...limits, "iops-size": size };
}

/** A limit, its burst, and how long that may last. */
function oneLimit(disk: Vector, name: string, limit: string): DiskLimits {
  const least = wholeOrNone(disk, name, MAX_A_SECOND);
  const burst = wholeOrNone(disk, `${name}_MAX`, MAX_A_SECOND);
  const lengthS = wholeOrNone(disk, `${name}_MAX_LENGTH`, MAX_BURST_S);
  if (burst !== undefined && (least === undefined || burst < least))
    throw refused(`DISK/${name}_MAX is at least DISK/${name}, which must be there`);
  if (lengthS !== undefined && burst === undefined)
    throw refused(`DISK/${name}_MAX_LENGTH goes with DISK/${name}_MAX`);
  return {
    ...(least === undefined ? {} : { [limit]: least }),
    ...(burst === undefined ? {} : { [`${limit}-max`]: burst }),
    ...(lengthS === undefined ? {} : { [`${limit}-max-length`]: lengthS }),
  };
}

/** Nothing and 0: no limit. */
function wholeOrNone(disk: Vector, name: string, most: number): number | undefined {
  return whole(`DISK/${name}`, disk[name] || "0", 0, most) || undefined;
}
