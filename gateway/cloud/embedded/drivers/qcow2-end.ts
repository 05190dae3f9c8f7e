/**
 * Whether a qcow2 image is all there. QEMU opens one whose end is missing, as after a download that broke off, and its
 * guest reads zeros where its system should be: it would hang at boot without a word.
 */

import { type FileHandle, open } from "node:fs/promises";
import { GatehouseError } from "../../../../shared/errors.ts";

/** Offsets of fields of the header, and bounds, as QEMU's docs/interop/qcow2 has them. */
const HEADER_BYTES = 104;
const MIN_CLUSTER_BITS = 9;
const MAX_CLUSTER_BITS = 21;
const MAX_REFCOUNT_ORDER = 6;
/** Of version 2, which has no field for it: counts of 16 bits. */
const REFCOUNT_ORDER = 4;
/** QEMU opens no image with a longer table (QCOW_MAX_REFTABLE_SIZE). */
const MAX_TABLE_BYTES = 8 * 1024 * 1024;
/** The low nine bits of an entry are reserved. */
const OFFSET_MASK = ~0x1ffn;

interface Counts {
  readonly clusterBytes: number;
  /** Of one count. */
  readonly bits: number;
  readonly tableOffset: bigint;
  readonly tableBytes: number;
}

/**
 * Looks at the last cluster that is counted as used: it must lie in the file. Counts are few: two small reads do.
 * @param what as the caller knows the image, as "DISK 0".
 * @throws GatehouseError `bad_request` for an image that is cut short, or whose header is no qcow2 header.
 */
export async function requireWhole(what: string, path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    const counts = await readHeader(what, file);
    const { size } = await file.stat();
    const lastUsed = await lastUsedCluster(file, counts, BigInt(size));
    if (lastUsed !== undefined && lastUsed * BigInt(counts.clusterBytes) < BigInt(size)) return;
  } finally {
    await file.close();
  }
  throw new GatehouseError(
    "bad_request",
    `${what} is a qcow2 image whose end is missing: copy it again, or see what qemu-img check says of it.`,
  );
}

async function readHeader(what: string, file: FileHandle): Promise<Counts> {
  const header = Buffer.alloc(HEADER_BYTES);
  await file.read(header, 0, HEADER_BYTES, 0);
  const clusterBits = header.readUInt32BE(20);
  const order = header.readUInt32BE(4) >= 3 ? header.readUInt32BE(96) : REFCOUNT_ORDER;
  const clusterBytes = 2 ** clusterBits;
  const tableBytes = header.readUInt32BE(56) * clusterBytes;
  const isClusterKnown = clusterBits >= MIN_CLUSTER_BITS && clusterBits <= MAX_CLUSTER_BITS;
  if (!isClusterKnown || order > MAX_REFCOUNT_ORDER || tableBytes > MAX_TABLE_BYTES)
    throw new GatehouseError("bad_request", `${what} is not a qcow2 image that QEMU can read.`);
  return { clusterBytes, bits: 2 ** order, tableOffset: header.readBigUInt64BE(48), tableBytes };
}

/** Its number; undefined when the counts themselves are not all in the file. */
async function lastUsedCluster(file: FileHandle, counts: Counts, size: bigint): Promise<bigint | undefined> {
  const { clusterBytes, bits, tableOffset, tableBytes } = counts;
  if (tableOffset + BigInt(tableBytes) > size) return undefined;
  const table = Buffer.alloc(tableBytes);
  await file.read(table, 0, tableBytes, tableOffset);
  for (let index = tableBytes / 8 - 1; index >= 0; index -= 1) {
    const offset = table.readBigUInt64BE(index * 8) & OFFSET_MASK;
    if (offset === 0n) continue;
    if (offset + BigInt(clusterBytes) > size) return undefined;
    const block = Buffer.alloc(clusterBytes);
    await file.read(block, 0, clusterBytes, offset);
    const lastByte = block.findLastIndex((byte) => byte !== 0);
    if (lastByte < 0) continue;
    // Of several counts in one byte the first is taken: an image is not refused that may be whole.
    const inBlock = Math.floor((lastByte * 8) / bits);
    return BigInt(index) * BigInt((clusterBytes * 8) / bits) + BigInt(inBlock);
  }
  return undefined;
}
