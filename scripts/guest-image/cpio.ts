/**
 * An archive in the "newc" form of cpio, which is what Linux unpacks as its initial file system: the same bytes for the
 * same entries, whatever the machine, its clock and its user.
 */

export type CpioEntry =
  | { readonly path: string; readonly kind: "directory" }
  | { readonly path: string; readonly kind: "link"; readonly target: string }
  | {
      readonly path: string;
      readonly kind: "file";
      readonly content: Uint8Array;
      readonly executable: boolean;
    };

/** Type and permissions, as stat(2) has them in st_mode. */
const MODE = { directory: 0o040755, link: 0o120777, program: 0o100755, file: 0o100644 } as const;
const TRAILER = "TRAILER!!!";

/** Everything belongs to root and dates from 1970. Entries come sorted by path, with the folders above them added. */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  const byPath = new Map<string, CpioEntry>();
  for (const entry of entries) {
    for (const path of foldersAbove(entry.path)) byPath.set(path, { path, kind: "directory" });
  }
  for (const entry of entries) byPath.set(entry.path, entry);
  const sorted = [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  const parts = sorted.map((entry, index) => record(entry.path, modeOf(entry), contentOf(entry), index + 1));
  return Buffer.concat([...parts, record(TRAILER, 0, Buffer.alloc(0), 0)]);
}

function foldersAbove(path: string): readonly string[] {
  const names = path.split("/").slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join("/"));
}

function modeOf(entry: CpioEntry): number {
  if (entry.kind !== "file") return MODE[entry.kind];
  return entry.executable ? MODE.program : MODE.file;
}

function contentOf(entry: CpioEntry): Uint8Array {
  if (entry.kind === "directory") return Buffer.alloc(0);
  return entry.kind === "link" ? Buffer.from(entry.target) : entry.content;
}

/** A header of hexadecimal fields, the name, the content; both filled up to four bytes. */
function record(path: string, mode: number, content: Uint8Array, inode: number): Buffer {
  const name = Buffer.from(`${path}\0`);
  // ino, mode, uid, gid, nlink, mtime, filesize, device and special device (major, minor each), namesize, check.
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
  return Buffer.concat([filled(Buffer.concat([Buffer.from(header), name])), filled(content)]);
}

function filled(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
