/** The boot loaders of disks, one for BIOS and one for UEFI, out of Debian's packages: they are unpacked, not installed. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { BootLoader } from "./disk.ts";
import { candidate, type DebianPackage, download, unpack } from "./packages.ts";

/** Programs that write to FAT without mounting it; BIOS's boot loader; its files; UEFI's boot loader. */
const PACKAGES = ["mtools", "syslinux", "syslinux-common", "systemd-boot-efi"] as const;

/** The packages that it would be made of now. @throws GatehouseError `not_found`, `unavailable` as for packages. */
export async function bootLoaderPackages(): Promise<readonly DebianPackage[]> {
  const found = await Promise.all(PACKAGES.map((name) => candidate(name)));
  return found.map(({ name, version }) => ({ name, version }));
}

/** @param debs where the packages' files are kept. @param folder an empty one, which they are unpacked into. */
export async function fetchBootLoader(
  packages: readonly DebianPackage[],
  debs: string,
  folder: string,
): Promise<BootLoader> {
  await mkdir(folder, { recursive: true });
  for (const each of packages) await unpack(await download(each, debs), folder);
  return {
    programs: join(folder, "usr/bin"),
    bootRecord: join(folder, "usr/lib/syslinux/mbr/mbr.bin"),
    uefiLoader: join(folder, "usr/lib/systemd/boot/efi/systemd-bootx64.efi"),
  };
}
