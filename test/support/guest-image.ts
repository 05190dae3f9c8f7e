/** The guest that scripts/guest-image builds, for tests that boot it; or what this machine lacks for that. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { requireQemu } from "../../gateway/main/test-guest.ts";
import { type BuiltGuest, buildGuest } from "../../scripts/guest-image/build.ts";
import { errorText } from "../../shared/errors.ts";

export const QEMU = "qemu-system-x86_64";
/** A boot takes 3.3 s of a processor; a test's machine may be busy. */
export const BOOT_TIMEOUT_MS = 90_000;

const DIRECTORY = join(import.meta.dirname, "../../dist/qemu-guest");

export type GuestImage = Pick<BuiltGuest, "kernel" | "initrd"> & { readonly directory: string };

/**
 * The image, built first where it is old or missing; else undefined, and a warning that says what is missing.
 * @throws GatehouseError where it is missing and the run must not do without it (GATEHOUSE_TEST_REAL_GUESTS=required).
 */
export async function guestImage(): Promise<GuestImage | undefined> {
  try {
    requireQemu();
    mkdirSync(DIRECTORY, { recursive: true });
    return { ...(await buildGuest(DIRECTORY, () => {})), directory: DIRECTORY };
  } catch (error) {
    if (process.env.GATEHOUSE_TEST_REAL_GUESTS === "required") throw error;
    console.warn(`Real guests are not tried: ${errorText(error)}`);
    return undefined;
  }
}
