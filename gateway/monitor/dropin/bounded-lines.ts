/** Lines of a stream that goes on after one that is too long: it is left out whole, and said to have come. */

const NEWLINE = 10;

/** In the place of a line that was left out. */
export const TOO_LONG = Symbol("a line that is too long");

export class BoundedLines {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #skips = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that end in this piece, without their ends; empty ones are passed over. */
  push(piece: Buffer): readonly (Buffer | typeof TOO_LONG)[] {
    const lines: (Buffer | typeof TOO_LONG)[] = [];
    let from = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, from)) {
      this.#hold(piece.subarray(from, end));
      if (this.#skips) lines.push(TOO_LONG);
      else if (this.#bytes > 0) lines.push(Buffer.concat(this.#pieces));
      this.#drop();
      this.#skips = false;
      from = end + 1;
    }
    this.#hold(piece.subarray(from));
    return lines;
  }

  #hold(piece: Buffer): void {
    if (this.#skips || piece.length === 0) return;
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes <= this.#maxBytes) return;
    this.#drop();
    this.#skips = true;
  }

  #drop(): void {
    this.#pieces = [];
    this.#bytes = 0;
  }
}
