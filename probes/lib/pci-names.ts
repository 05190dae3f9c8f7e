/** What PCI ids mean, from the file pci.ids that distributions ship. */

import { readText } from "./read.ts";

/** Where pci.ids is: Red Hat and newer Debian; Debian; what update-pciids wrote. */
const PLACES = ["/usr/share/hwdata/pci.ids", "/usr/share/misc/pci.ids", "/var/lib/pciutils/pci.ids"] as const;

/** Names by `vendor`, `vendor:device`, `C class` (two digits) and `C class` (four). */
export type PciNames = ReadonlyMap<string, string>;

/** The names of all ids of the file, or of the first one found; empty when there is none. */
export function readPciNames(file: string | undefined, wanted: ReadonlySet<string>): PciNames {
  const text = (file === undefined ? PLACES : [file]).map(readText).find((found) => found !== undefined);
  return text === undefined ? new Map() : parsePciNames(text, wanted);
}

/**
 * A line without a tab begins a vendor, or with `C ` a class; with one tab it is a device or subclass of it; subsystems
 * and programming interfaces have two. Only the `wanted` of some 25,000 are kept.
 */
export function parsePciNames(text: string, wanted: ReadonlySet<string>): PciNames {
  const names = new Map<string, string>();
  let head = "";
  for (const [, tab = "", id = "", name = ""] of text.matchAll(
    /^(\t?)(C [\da-f]{2}|[\da-f]{2,4}) {2}(.+)$/gm,
  )) {
    if (tab === "") head = id;
    const key = tab === "" ? id : head.startsWith("C ") ? head + id : `${head}:${id}`;
    if (wanted.has(key)) names.set(key, name.trim());
  }
  return names;
}
