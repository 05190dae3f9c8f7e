/** A context's disc as a plain ISO 9660 image (ECMA-119) without extensions: a label, and files in its root. */

const SECTOR = 2048;
const FIRST_VOLUME_SECTOR = 16;
const ROOT_SECTOR = 20;
/** As genisoimage and xorriso end theirs; busybox knows no label of a disc that ends within its first 68 KiB. */
const PADDING_SECTORS = 150;

/** Names as the standard has them: capitals, and a version. Linux shows them in small letters, without it. */
export function contextDisc(files: Readonly<Record<string, string>>): Buffer {
  const entries: Buffer[] = [];
  const contents: Buffer[] = [];
  let sector = ROOT_SECTOR + 1;
  for (const [name, text] of Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const content = Buffer.from(text);
    entries.push(record(Buffer.from(`${name.toUpperCase()};1`), sector, content.length, 0));
    contents.push(filled(content));
    sector += Math.ceil(content.length / SECTOR);
  }
  const itself = (name: number) => record(Buffer.from([name]), ROOT_SECTOR, SECTOR, 2);
  const root = filled(Buffer.concat([itself(0), itself(1), ...entries]));
  const before = Buffer.alloc(FIRST_VOLUME_SECTOR * SECTOR);
  const gap = Buffer.alloc((ROOT_SECTOR - FIRST_VOLUME_SECTOR - 2) * SECTOR);
  const padding = Buffer.alloc(PADDING_SECTORS * SECTOR);
  const volume = primaryVolume(sector + PADDING_SECTORS);
  return Buffer.concat([before, volume, terminator(), gap, root, ...contents, padding]);
}

function primaryVolume(sectors: number): Buffer {
  const volume = Buffer.alloc(SECTOR);
  volume.write("\x01CD001\x01", 0, "latin1");
  volume.fill(" ", 8, 72).write("CONTEXT", 40, "latin1");
  bothEndian32(volume, 80, sectors);
  bothEndian16(volume, 120, 1);
  bothEndian16(volume, 124, 1);
  bothEndian16(volume, 128, SECTOR);
  record(Buffer.from([0]), ROOT_SECTOR, SECTOR, 2).copy(volume, 156);
  volume[881] = 1;
  return volume;
}

function terminator(): Buffer {
  return filled(Buffer.from("\xffCD001\x01", "latin1"));
}

/** A directory record. `flags`: 2 is a directory. */
function record(name: Buffer, sector: number, length: number, flags: number): Buffer {
  const bytes = Buffer.alloc(33 + name.length + ((name.length + 1) % 2));
  bytes[0] = bytes.length;
  bothEndian32(bytes, 2, sector);
  bothEndian32(bytes, 10, length);
  bytes[18] = 70;
  bytes[19] = 1;
  bytes[20] = 1;
  bytes[25] = flags;
  bothEndian16(bytes, 28, 1);
  bytes[32] = name.length;
  name.copy(bytes, 33);
  return bytes;
}

function bothEndian16(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt16LE(value, at);
  bytes.writeUInt16BE(value, at + 2);
}

function bothEndian32(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value, at);
  bytes.writeUInt32BE(value, at + 4);
}

/** To whole sectors. */
function filled(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((SECTOR - (bytes.length % SECTOR)) % SECTOR)]);
}
