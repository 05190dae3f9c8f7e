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
const [DOUBLE_QUOTE, SINGLE_QUOTE] = [0x22, 0x27];
const LESS_ENTITY = bytesOf("&lt;");
const GREATER_ENTITY = bytesOf("&gt;");
const AMPERSAND_ENTITY = bytesOf("&amp;");
const DOUBLE_QUOTE_ENTITY = bytesOf("&quot;");
const SINGLE_QUOTE_ENTITY = bytesOf("&apos;");
/** What is no tag, and may hold what looks like one: how it begins after `<`, and ends before `>`. */
const SECTIONS = [
  { begin: bytesOf("![CDATA["), end: bytesOf("]]") },
  { begin: bytesOf("!--"), end: bytesOf("--") },
  { begin: bytesOf("?"), end: bytesOf("?") },
];

/**
 * The children of the root element of the XML that a successful answer carries, in order. Undefined for whatever is not
 * of that form (a refusal, a fault, comments between its elements): decodeAnswer says what it is.
 *
 * oned writes values into CDATA sections as they are, so a guest whose value holds `]]>` writes XML of its own there:
 * whatever is well-formed must be passed over as an XML parser does, or it could end its own element and begin another's.
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
        const first = this.#bytes[this.#at + LESS_ENTITY.length];
        if (first !== BANG && first !== QUESTION) return true;
        if (!this.#overSection()) return false;
      } else if (this.#depth < 2 && !isSpace(byte)) return false;
    }
    return false;
  }

  /** Of the depth it leads to. False for what is no tag. */
  #overTag(): boolean {
    const inside = this.#at + LESS_ENTITY.length;
    let quote = 0;
    for (let at = inside; at < this.#end; at += 1) {
      // Letters are passed over at once: what is looked for comes before them.
      if ((this.#bytes[at] ?? 0) > GREATER) continue;
      const mark = this.#quoteAt(at);
      if (mark !== 0 && (quote === 0 || quote === mark)) {
        quote = quote === 0 ? mark : 0;
      } else if (quote === 0 && this.#greaterAt(at) > 0) {
        this.#at = at + this.#greaterAt(at);
        if (this.#bytes[inside] === SLASH) this.#depth -= 1;
        else if (this.#bytes[at - 1] !== SLASH) this.#depth += 1;
        return this.#depth >= 0;
      } else if (mark === 0 && this.#isUnknown(at)) return false;
    }
    return false;
  }

  /** The quote that stands there, which may be escaped: 0 when none does. */
  #quoteAt(at: number): number {
    const byte = this.#bytes[at];
    if (byte === DOUBLE_QUOTE || byte === SINGLE_QUOTE) return byte;
    if (byte !== AMPERSAND) return 0;
    if (this.#stands(DOUBLE_QUOTE_ENTITY, at)) return DOUBLE_QUOTE;
    return this.#stands(SINGLE_QUOTE_ENTITY, at) ? SINGLE_QUOTE : 0;
  }

  /** A reference that may stand for a quote, or for what no tag holds. */
  #isUnknown(at: number): boolean {
    return this.#bytes[at] === AMPERSAND && this.#greaterAt(at) === 0 && !this.#stands(AMPERSAND_ENTITY, at);
  }

  /** To the last byte of it. */
  #overSection(): boolean {
    const inside = this.#at + LESS_ENTITY.length;
    const section = SECTIONS.find(({ begin }) => this.#stands(begin, inside));
    if (this.#depth < 2 || section === undefined) return false;
    const { begin, end } = section;
    for (let at = inside + begin.length; at < this.#end; at += 1) {
      const width = this.#stands(end, at) ? this.#greaterAt(at + end.length) : 0;
      if (width === 0) continue;
      this.#at = at + end.length + width - 1;
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
