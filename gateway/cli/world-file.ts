/** Reads the file of a world, bounded. */

import { readFileSync, statSync } from "node:fs";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import { MAX_WORLD_BYTES } from "../main/reach-home.ts";

const STANDARD_INPUT = 0;

/** `-` is standard input. @throws GatehouseError `bad_request`, `too_large`. */
export function readWorldFile(file: string): string {
  try {
    const source = file === "-" ? STANDARD_INPUT : file;
    if (source !== STANDARD_INPUT) refuseTooLarge(file, statSync(source).size);
    const bytes = readFileSync(source);
    refuseTooLarge(file, bytes.length);
    return bytes.toString("utf8");
  } catch (error) {
    if (error instanceof GatehouseError) throw error;
    throw new GatehouseError("bad_request", `The world ${file} cannot be read: ${errorText(error)}.`, {
      cause: error,
    });
  }
}

function refuseTooLarge(file: string, size: number): void {
  if (size <= MAX_WORLD_BYTES) return;
  throw new GatehouseError(
    "too_large",
    `The world ${file} has ${size} bytes; ${MAX_WORLD_BYTES} are allowed.`,
  );
}
