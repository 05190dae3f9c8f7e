/**
 * A kernel as QEMU takes it without anything to unpack: the ELF file inside a bzImage, which is entered by its PVH note.
 * Unpacking is what an emulated processor is slow at, and a bzImage is unpacked at every boot.
 */

import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { GatehouseError } from "../../shared/errors.ts";
import { unpackLz4 } from "./lz4.ts";

/** Of a bzImage's header (Documentation/arch/x86/boot.rst). */
const HEADER = { setupSectors: 0x1f1, magic: 0x202, payloadOffset: 0x248, payloadLength: 0x24c } as const;
const HEADER_BYTES = 0x260;
const HEADER_MAGIC = "HdrS";
const SECTOR_BYTES = 512;
const DEFAULT_SETUP_SECTORS = 4;
/** After what is packed, except by gzip, which has it itself. */
const SIZE_BYTES = 4;
const MAX_KERNEL_BYTES = 256 * 1024 * 1024;
const ELF_MAGIC = "7f454c46";

/** By the first bytes of what is packed. */
const PACKINGS = [
  {
    magic: "02214c18",
    unpack: (bytes: Buffer, size: number) => unpackLz4(bytes.subarray(0, -SIZE_BYTES), size),
  },
  {
    magic: "28b52ffd",
    unpack: (bytes: Buffer, size: number) =>
      zstdDecompressSync(bytes.subarray(0, -SIZE_BYTES), { maxOutputLength: size }),
  },
  { magic: "1f8b", unpack: (bytes: Buffer, size: number) => gunzipSync(bytes, { maxOutputLength: size }) },
] as const;

/** @throws GatehouseError `not_found` for what is no bzImage, or packed in a way that is not known here. */
export function kernelInside(bzImage: Buffer): Buffer {
  if (
    bzImage.length < HEADER_BYTES ||
    bzImage.toString("latin1", HEADER.magic, HEADER.magic + 4) !== HEADER_MAGIC
  )
    throw new GatehouseError("not_found", "The kernel package's kernel is no bzImage.");
  const sectors = bzImage.readUInt8(HEADER.setupSectors) || DEFAULT_SETUP_SECTORS;
  const start = (sectors + 1) * SECTOR_BYTES + bzImage.readUInt32LE(HEADER.payloadOffset);
  const packed = bzImage.subarray(start, start + bzImage.readUInt32LE(HEADER.payloadLength));
  const packing = PACKINGS.find(({ magic }) => packed.toString("hex", 0, magic.length / 2) === magic);
  if (packing === undefined)
    throw new GatehouseError(
      "not_found",
      "The kernel package's kernel is packed neither by LZ4 nor by Zstandard nor by gzip.",
    );
  const size = Math.min(packed.readUInt32LE(packed.length - SIZE_BYTES), MAX_KERNEL_BYTES);
  const kernel = packing.unpack(packed, size);
  if (kernel.toString("hex", 0, ELF_MAGIC.length / 2) !== ELF_MAGIC)
    throw new GatehouseError("not_found", "The kernel package's kernel is no ELF file once it is unpacked.");
  return kernel;
}
