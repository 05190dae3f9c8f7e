/** Inflating what strangers sent: never beyond a bound, however small the bytes that came. */

import { constants, inflateRawSync, inflateSync } from "node:zlib";
import { MonitorRefusal } from "./refusal.ts";

/**
 * The output buffer of one step. Payloads of 20 VMs inflate to 1 to 3 KB when sealed; zlib's default of 16 KB costs
 * as much again as the work.
 */
const CHUNK_BYTES = 4096;

export interface Inflating {
  /** "zlib": with the head and checksum of RFC 1950; "raw": bare. */
  readonly format: "zlib" | "raw";
  readonly maxBytes: number;
  /** What is inflated, for the refusal: "The payload of LOG of 3". */
  readonly what: () => string;
}

/** @throws MonitorRefusal `too_large` above `maxBytes`, `malformed` for what is damaged or cut off. */
export function inflateBounded(bytes: Uint8Array, { format, maxBytes, what }: Inflating): Buffer {
  const inflate = format === "zlib" ? inflateSync : inflateRawSync;
  try {
    return inflate(bytes, {
      maxOutputLength: maxBytes,
      chunkSize: CHUNK_BYTES,
      finishFlush: constants.Z_FINISH,
    });
  } catch (cause) {
    throw isTooLong(cause)
      ? new MonitorRefusal("too_large", `${what()} inflates beyond the ${maxBytes} bytes allowed.`, { cause })
      : new MonitorRefusal("malformed", `${what()} is not compressed as it must be (${format}).`, { cause });
  }
}

function isTooLong(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}
