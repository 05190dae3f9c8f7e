/** Lines from a socket, bounded: each line, and all of them together. */

/** query-block of a guest with 100 disks is a tenth of it. */
export const MAX_QMP_LINE_BYTES = 1024 * 1024;

/** A few replies and the events between them. */
export const MAX_QMP_BYTES = 4 * 1024 * 1024;

/** What reading them costs depends on their number more than on their length. */
export const MAX_QMP_LINES = 2000;

const LINE_FEED = 10;

export class LineReader {
  #pieces: Buffer[] = [];
  #lineBytes = 0;
  #bytes = 0;
  #lines = 0;

  /**
   * The lines that these bytes complete, without their ends.
   * @throws Error when one is longer than MAX_QMP_LINE_BYTES, or all are more than MAX_QMP_LINES or MAX_QMP_BYTES.
   */
  push(bytes: Buffer): readonly string[] {
    this.#bytes += bytes.length;
    if (this.#bytes > MAX_QMP_BYTES) throw new Error(`More than the ${MAX_QMP_BYTES} bytes allowed.`);
    const lines: string[] = [];
    let from = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, from)) {
      this.#keep(bytes.subarray(from, end));
      this.#lines += 1;
      if (this.#lines > MAX_QMP_LINES) throw new Error(`More than the ${MAX_QMP_LINES} lines allowed.`);
      lines.push(Buffer.concat(this.#pieces).toString("utf8"));
      this.#pieces = [];
      this.#lineBytes = 0;
      from = end + 1;
    }
    this.#keep(bytes.subarray(from));
    return lines;
  }

  #keep(piece: Buffer): void {
    this.#lineBytes += piece.length;
    if (this.#lineBytes > MAX_QMP_LINE_BYTES)
      throw new Error(`A line longer than the ${MAX_QMP_LINE_BYTES} bytes allowed.`);
    if (piece.length > 0) this.#pieces.push(piece);
  }
}
