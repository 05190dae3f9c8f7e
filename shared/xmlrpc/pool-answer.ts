/**
 * The elements of a pool in a core's answer, found in its bytes: an answer is large, and of most of its elements nothing
 * is to be known but whether they are as they were.
 */

/** Where an element begins, and where it has ended. */
export interface Slice {
  readonly from: number;
  readonly to: number;
}

/** What stands before and after the text of a successful answer is no longer than this. */
const MAX_FRAME = 1_024;
const HEAD =
  /^\s*(?:<\?xml[^?]*\?>)?\s*<methodResponse>\s*<params>\s*<param>\s*<value>\s*<array>\s*<data>\s*<value>\s*<boolean>1<\/boolean>\s*<\/value>\s*<value>\s*<string>/;
const TAIL =
  /<\/string>\s*<\/value>\s*(?:<value>\s*<[\w:]+>-?\d*<\/[\w:]+>\s*<\/value>\s*)*<\/data>\s*<\/array>\s*<\/value>\s*<\/param>\s*<\/params>\s*<\/methodResponse>\s*$/;

const [AMPERSAND, LESS, GREATER, SLASH, BANG, QUESTION] = [0x26, 0x3c, 0x3e, 0x2f, 0x21, 0x3f];
const LESS_ENTITY = bytesOf("&lt;");
const GREATER_ENTITY = bytesOf("&gt;");
const CDATA = bytesOf("![CDATA[");
const CDATA_END = bytesOf("]]");

/**
 * The children of the root element of the XML that a successful answer carries, in order. Undefined for whatever is not
 * of that form (a refusal, a fault, XML with comments): decodeAnswer says what it is.
 */
export function elementsOf(body: Buffer): readonly Slice[] | undefined {
  const head = HEAD.exec(body.toString("latin1", 0, MAX_FRAME));
  const tailFrom = Math.max(0, body.length - MAX_FRAME);
  const tail = TAIL.exec(body.toString("latin1", tailFrom));
  if (head === null || tail === null) return undefined;
  return new Scanner(body, head[0].length, tailFrom + tail.index).elements();
}

/** An element as XML: escaped once less than in the answer. */
export function elementText(body: Buffer, { from, to }: Slice): string {
  return body
    .toString("utf8", from, to)
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replace(/&#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}));/g, (reference, hex, decimal) =>
      characterOf(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16), reference),
    )
    .replaceAll("&amp;", "&");
}

/** What names no character stays, and is refused by whoever parses it. */
function characterOf(code: number, reference: string): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : reference;
}

class Scanner {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;
  #depth = 0;

  constructor(bytes: Uint8Array, from: number, end: number) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = end;
  }

  elements(): readonly Slice[] | undefined {
    const found: Slice[] = [];
    let from = 0;
    while (this.#toTag()) {
      const tagAt = this.#at;
      const depth = this.#depth;
      if (!this.#overTag()) return undefined;
      if (depth === 1 && this.#depth >= 1) from = tagAt;
      if (this.#depth === 1 && depth >= 1) found.push({ from, to: this.#at });
      if (this.#depth === 0) return this.#onlySpaceLeft() ? found : undefined;
    }
    return undefined;
  }

  /** Goes to the next tag. False where there is none, and for text around elements. */
  #toTag(): boolean {
    for (; this.#at < this.#end; this.#at += 1) {
      const byte = this.#bytes[this.#at];
      if (byte === LESS) return false;
      if (byte === AMPERSAND && this.#stands(LESS_ENTITY, this.#at)) {
        if (this.#bytes[this.#at + LESS_ENTITY.length] !== BANG) return true;
        if (!this.#overCdata()) return false;
      } else if (this.#depth < 2 && !isSpace(byte)) return false;
    }
    return false;
  }

  /** Of the depth it leads to. False for what is no plain tag. */
  #overTag(): boolean {
    const inside = this.#at + LESS_ENTITY.length;
    const first = this.#bytes[inside];
    if (first === QUESTION) return false;
    for (let at = inside; at < this.#end; at += 1) {
      const width = this.#greaterAt(at);
      if (width === 0) continue;
      this.#at = at + width;
      if (first === SLASH) this.#depth -= 1;
      else if (this.#bytes[at - 1] !== SLASH) this.#depth += 1;
      return this.#depth >= 0;
    }
    return false;
  }

  /** To the last byte of it. */
  #overCdata(): boolean {
    if (this.#depth < 2 || !this.#stands(CDATA, this.#at + LESS_ENTITY.length)) return false;
    for (let at = this.#at + LESS_ENTITY.length + CDATA.length; at < this.#end; at += 1) {
      const width = this.#stands(CDATA_END, at) ? this.#greaterAt(at + CDATA_END.length) : 0;
      if (width === 0) continue;
      this.#at = at + CDATA_END.length + width - 1;
      return true;
    }
    return false;
  }

  /** How many bytes of `>` stand there, which may be escaped: 0 when it does not. */
  #greaterAt(at: number): number {
    if (this.#bytes[at] === GREATER) return 1;
    return this.#stands(GREATER_ENTITY, at) ? GREATER_ENTITY.length : 0;
  }

  #stands(what: readonly number[], at: number): boolean {
    for (let index = 0; index < what.length; index += 1) {
      if (this.#bytes[at + index] !== what[index]) return false;
    }
    return true;
  }

  #onlySpaceLeft(): boolean {
    for (; this.#at < this.#end; this.#at += 1) if (!isSpace(this.#bytes[this.#at])) return false;
    return true;
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function bytesOf(text: string): readonly number[] {
  return [...Buffer.from(text, "latin1")];
}
