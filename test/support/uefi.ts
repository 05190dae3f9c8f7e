/** The UEFI firmware of this machine, for tests that boot guests by it. */

import {
  FIRMWARE_DIRECTORIES,
  type Firmware,
  findFirmware,
} from "../../gateway/cloud/embedded/drivers/qemu-firmware.ts";
import { errorText } from "../../shared/errors.ts";

/**
 * Undefined, and a warning, where none is installed.
 * @throws GatehouseError where there is none and the run must not do without it (GATEHOUSE_TEST_UEFI=required).
 */
export async function uefiFirmware(isSecure = false): Promise<Firmware | undefined> {
  try {
    return await findFirmware({ name: undefined, isSecure, needsSmm: isSecure }, FIRMWARE_DIRECTORIES);
  } catch (error) {
    if (process.env.GATEHOUSE_TEST_UEFI === "required") throw error;
    console.warn(`Guests that boot by UEFI are not tried: ${errorText(error)}`);
    return undefined;
  }
}
