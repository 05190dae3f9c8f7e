/** Writing and reading of bytes: whole numbers of 0 to 6 bytes, of as many as they need, doubles and texts. */

/** The widest whole number that is written with a fixed width, in bytes. */
export const MAX_WIDTH = 6;

const FIRST_SIZE = 4_096;
const CONTINUED = 0x80;
const WORD = 2 ** 32;

/** Bytes that `value`, not negative, takes; more than MAX_WIDTH when it does not fit. */
export function widthOf(value: number): number {
  if (value === 0) return 0;
  if (value < 0x100) return 1;
  if (value < 0x1_0000) return 2;
  if (value < 0x100_0000) return 3;
  if (value < WORD) return 4;
  if (value < 2 ** 40) return 5;
  return value < 2 ** 48 ? MAX_WIDTH : MAX_WIDTH + 1;
}

export class ByteWriter {
  #buffer: Buffer<ArrayBuffer>;
  #length = 0;

  constructor(size = FIRST_SIZE) {
    this.#buffer = Buffer.from(new ArrayBuffer(size));
  }

  get length(): number {
    return this.#length;
  }

  /** What was written; it shares the writer's memory. */
  bytes(): Buffer<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Forgets what was written behind `length`. */
  cut(length: number): void {
    this.#length = length;
  }

  /** A whole number of `width` bytes, not negative, lowest byte first. */
  fixed(value: number, width: number): void {
    const at = this.#take(width);
    if (width > 4) {
      this.#low(at, value >>> 0, 4);
      this.#low(at + 4, Math.floor(value / WORD), width - 4);
    } else this.#low(at, value, width);
  }

  /** Writes a number that fits 32 bits over what stands there. */
  patch(at: number, value: number): void {
    this.#low(at, value, 4);
  }

  #low(at: number, value: number, width: number): void {
    let rest = value;
    for (let index = 0; index < width; index++) {
      this.#buffer[at + index] = rest & 0xff;
      rest >>>= 8;
    }
  }

  /** A whole number up to 2^53, not negative: seven bits a byte. */
  varint(value: number): void {
    let rest = value;
    while (rest >= CONTINUED) {
      this.fixed((rest % CONTINUED) + CONTINUED, 1);
      rest = Math.floor(rest / CONTINUED);
    }
    this.fixed(rest, 1);
  }

  double(value: number): void {
    const at = this.#take(8);
    this.#buffer.writeDoubleLE(value, at);
  }

  /** UTF-8, its length before it. */
  text(text: string): void {
    const size = Buffer.byteLength(text);
    this.varint(size);
    const at = this.#take(size);
    this.#buffer.write(text, at, size, "utf8");
  }

  /** Where so many bytes go; the buffer may be another one afterwards. */
  #take(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.from(new ArrayBuffer(Math.max(this.#length, this.#buffer.length * 2)));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }
}

/** Reading beyond the end gives RangeError: the bytes are damaged then. */
export class ByteReader {
  readonly #buffer: Buffer;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.#buffer.length;
  }

  fixed(width: number): number {
    const at = this.at;
    this.#pass(width);
    return this.fixedAt(at, width);
  }

  /** As `fixed`, elsewhere. */
  fixedAt(at: number, width: number): number {
    if (width === 0) return 0;
    return width === 1 ? this.#buffer.readUInt8(at) : this.#buffer.readUIntLE(at, width);
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= CONTINUED) {
      const byte = this.fixed(1);
      value += (byte % CONTINUED) * factor;
      if (byte < CONTINUED) return value;
    }
  }

  double(): number {
    return this.doubleAt(this.#pass(8));
  }

  doubleAt(at: number): number {
    return this.#buffer.readDoubleLE(at);
  }

  text(): string {
    const size = this.varint();
    const at = this.#pass(size);
    return this.#buffer.toString("utf8", at, at + size);
  }

  /** Passes over so many bytes; where they began. */
  skip(size: number): number {
    return this.#pass(size);
  }

  /** The bytes from one place to another. */
  slice(from: number, to: number): Buffer {
    return this.#buffer.subarray(from, to);
  }

  #pass(size: number): number {
    const at = this.at;
    if (at + size > this.#buffer.length) throw new RangeError("The bytes end too early.");
    this.at = at + size;
    return at;
  }
}
