/** The guest that scripts/guest-image builds as a disk, for tests that boot it by its firmware. */

import { type BuiltDisk, buildDisk } from "../../scripts/guest-image/build-disk.ts";
import { errorText } from "../../shared/errors.ts";
import type { GuestImage } from "./guest-image.ts";

/**
 * Beside the image; else undefined, and a warning that says what is missing.
 * @throws GatehouseError as guestImage does.
 */
export async function guestDisk(image: GuestImage | undefined): Promise<BuiltDisk | undefined> {
  if (image === undefined) return undefined;
  try {
    return await buildDisk(image.directory, () => {});
  } catch (error) {
    if (process.env.GATEHOUSE_TEST_REAL_GUESTS === "required") throw error;
    console.warn(`Guests that boot from disks are not tried: ${errorText(error)}`);
    return undefined;
  }
}
