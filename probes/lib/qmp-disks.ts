/** What a QEMU tells of its disks, as QMP's query-blockstats and query-block reply (qapi/block-core.json). */

import { z } from "zod";
import { diskIdOf } from "./disk-size.ts";

/** Counts since QEMU began, over all disks; CD-ROMs are disks. */
export interface DiskCounts {
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly readOperations: number;
  readonly writeOperations: number;
}

/** More than any QEMU can attach. */
const MAX_DISKS = 1024;

/** 1 EiB, so that no sum of them loses a digit that matters. */
const count = z
  .number()
  .min(0)
  .max(2 ** 60);

const blockStats = z
  .array(
    z.object({
      stats: z.object({ rd_bytes: count, wr_bytes: count, rd_operations: count, wr_operations: count }),
    }),
  )
  .max(MAX_DISKS);

const image = z.object({
  filename: z.string(),
  format: z.string().optional(),
  "actual-size": count.optional(),
});

const blocks = z
  .array(
    z.object({
      inserted: z.object({ image: image.extend({ "backing-image": image.optional() }) }).optional(),
    }),
  )
  .max(MAX_DISKS);

/** What only slows a disk down stands above its file. */
const LIMIT = "throttle";

/** Undefined for a guest without disks. @throws Error when the reply has not the form. */
export function diskCounts(reply: unknown): DiskCounts | undefined {
  const all = blockStats.parse(reply).map(({ stats }) => stats);
  const sum = (one: (stats: (typeof all)[number]) => number): number =>
    Math.round(all.reduce((total, stats) => total + one(stats), 0));
  if (all.length === 0) return undefined;
  return {
    readBytes: sum((stats) => stats.rd_bytes),
    writtenBytes: sum((stats) => stats.wr_bytes),
    readOperations: sum((stats) => stats.rd_operations),
    writeOperations: sum((stats) => stats.wr_operations),
  };
}

/** Bytes that each disk's file takes on the host, by the disk's number. @throws Error when the reply has not the form. */
export function diskBytes(reply: unknown): ReadonlyMap<number, number> {
  const sizes = blocks.parse(reply).flatMap(({ inserted }): [number, number][] => {
    const above = inserted?.image;
    const file = above?.format === LIMIT ? above["backing-image"] : above;
    const id = diskIdOf(file?.filename ?? "");
    const bytes = file?.["actual-size"];
    return id === undefined || bytes === undefined ? [] : [[id, bytes]];
  });
  return new Map(sizes);
}
