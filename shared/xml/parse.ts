/** XML from outside to a tree, by OpenNebula's own rule; nothing of XML that could surprise is let in. */

import { SaxesParser } from "saxes";
import { errorText, GatehouseError, isGatehouseError } from "../errors.ts";
import { MAX_XML_BYTES, MAX_XML_DEPTH, MAX_XML_ELEMENTS, nameFromXml, type XmlNode } from "./tree.ts";

export interface XmlLimits {
  /** Default MAX_XML_BYTES. */
  readonly maxBytes?: number | undefined;
  /** Default MAX_XML_ELEMENTS. */
  readonly maxElements?: number | undefined;
}

export interface XmlDocument {
  /** Name of the root element. */
  readonly name: string;
  readonly node: XmlNode;
}

/**
 * An element with child elements is an object of them (text between them is layout, and passed over), one with text
 * a string, one with neither `{}`; elements of one name in the same place make an array, in order. Attributes,
 * comments and processing instructions are passed over.
 * @throws GatehouseError `bad_request` for malformed XML, a DOCTYPE, an entity beyond XML's own five, or XML too
 *   deep; `too_large` for too many bytes or elements.
 */
export function xmlToTree(text: string, limits: XmlLimits = {}): XmlDocument {
  const maxBytes = limits.maxBytes ?? MAX_XML_BYTES;
  if (text.length > maxBytes || Buffer.byteLength(text) > maxBytes)
    throw new GatehouseError("too_large", `The XML is larger than the ${maxBytes} bytes allowed.`);
  const builder = new Builder(limits.maxElements ?? MAX_XML_ELEMENTS);
  try {
    scan(text, builder);
  } catch (error) {
    if (isGatehouseError(error)) throw error;
    throw malformed(error);
  }
  return builder.document();
}

/** saxes writes "1:13: unclosed tag: A", without an end to how long a name in it may be. */
function malformed(cause: unknown): GatehouseError {
  const [, line, column, reason] = /^(\d+):(\d+): (.{1,200})/s.exec(errorText(cause)) ?? [];
  const place = line === undefined ? "" : ` at line ${line}, column ${column}: ${reason?.replace(/\.$/, "")}`;
  return new GatehouseError("bad_request", `The XML is malformed${place}.`, { cause });
}

function scan(text: string, builder: Builder): void {
  // Version 1.1 would let control characters in.
  const parser = new SaxesParser({ defaultXMLVersion: "1.0", forceXMLVersion: true });
  parser.on("doctype", () => {
    throw new GatehouseError("bad_request", "The XML has a DOCTYPE; only plain elements are allowed.");
  });
  parser.on("opentagstart", (tag) => builder.open(tag.name));
  parser.on("text", (piece) => builder.text(piece));
  parser.on("cdata", (piece) => builder.cdata(piece));
  parser.on("closetag", () => builder.close());
  parser.write(text).close();
}

/** An element under way. `text` holds pieces until a child shows that they were layout. */
interface Frame {
  readonly name: string;
  readonly children: Map<string, XmlNode | XmlNode[]>;
  readonly text: { readonly piece: string; readonly cdata: boolean }[];
}

class Builder {
  readonly #maxElements: number;
  readonly #open: Frame[] = [];
  #elements = 0;
  #document: XmlDocument | undefined;

  constructor(maxElements: number) {
    this.#maxElements = maxElements;
  }

  open(name: string): void {
    this.#elements += 1;
    if (this.#elements > this.#maxElements)
      throw new GatehouseError(
        "too_large",
        `The XML has more than the ${this.#maxElements} elements allowed.`,
      );
    if (this.#open.length >= MAX_XML_DEPTH)
      throw new GatehouseError(
        "bad_request",
        `The XML is nested deeper than the ${MAX_XML_DEPTH} levels allowed.`,
      );
    this.#open.push({ name: nameFromXml(name), children: new Map(), text: [] });
  }

  text(piece: string): void {
    this.#open.at(-1)?.text.push({ piece, cdata: false });
  }

  cdata(piece: string): void {
    this.#open.at(-1)?.text.push({ piece, cdata: true });
  }

  close(): void {
    const frame = this.#open.pop();
    if (frame === undefined) return;
    const node = nodeOf(frame);
    const parent = this.#open.at(-1);
    if (parent === undefined) this.#document = { name: frame.name, node };
    else addChild(parent.children, frame.name, node);
  }

  document(): XmlDocument {
    if (this.#document === undefined)
      throw new GatehouseError(
        "bad_request",
        "The XML holds no element; exactly one root element is allowed.",
      );
    return this.#document;
  }
}

function addChild(children: Map<string, XmlNode | XmlNode[]>, name: string, node: XmlNode): void {
  const there = children.get(name);
  if (there === undefined) children.set(name, node);
  else if (isMutableArray(there)) there.push(node);
  else children.set(name, [there, node]);
}

/** An element's own node is never an array, so an array under a name is the list that addChild began. */
function isMutableArray(node: XmlNode | XmlNode[]): node is XmlNode[] {
  return Array.isArray(node);
}

function nodeOf(frame: Frame): XmlNode {
  // fromEntries defines own properties: an element named __proto__ is only an element.
  if (frame.children.size > 0 || frame.text.length === 0) return Object.fromEntries(frame.children);
  const pieces = frame.text.some(({ cdata }) => cdata)
    ? frame.text.filter(({ piece, cdata }) => cdata || piece.trim() !== "")
    : frame.text;
  return pieces.map(({ piece }) => piece).join("");
}
