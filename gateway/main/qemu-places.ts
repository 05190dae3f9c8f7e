/** Where the qemu driver keeps its guests, and where images may lie. */

import { join } from "node:path";
import { FIRMWARE_DIRECTORIES } from "../cloud/embedded/drivers/qemu-firmware.ts";
import type { Config } from "../config.ts";
import { houseId } from "./house-id.ts";

/** What root's houses keep on the machine. */
export const ROOTS = "/var/lib/gatehouse";

/** Guests of a house that is root have user ids of their own. */
export function guestsHaveUids(): boolean {
  return process.getuid?.() === 0;
}

/** Outside the home for root, whose guests may not go through that. */
export function qemuDirectory({ home, cloud }: Pick<Config, "home" | "cloud">): string {
  return cloud.qemu.run_dir ?? (guestsHaveUids() ? join(ROOTS, "qemu", houseId(home)) : join(home, "qemu"));
}

export function imageDirectories({ home, cloud }: Pick<Config, "home" | "cloud">): readonly string[] {
  if (cloud.qemu.image_dirs.length > 0) return cloud.qemu.image_dirs;
  return [guestsHaveUids() ? join(ROOTS, "images") : join(home, "images")];
}

export function firmwareDirectories({ cloud }: Pick<Config, "cloud">): readonly string[] {
  return cloud.qemu.firmware_dirs.length > 0 ? cloud.qemu.firmware_dirs : FIRMWARE_DIRECTORIES;
}
