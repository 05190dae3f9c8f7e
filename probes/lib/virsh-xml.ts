/** libvirt's XML with its attributes, which shared/xml leaves out; nothing of XML that could surprise is let in. */

import { SaxesParser } from "saxes";

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Of this element alone, trimmed. */
  readonly text: string;
  readonly children: readonly XmlElement[];
}

/** The capabilities of a host with every machine type and CPU model are a hundredth of it. */
const MAX_CHARACTERS = 8 * 1024 * 1024;
const MAX_DEPTH = 64;

interface OpenElement extends XmlElement {
  text: string;
  readonly children: XmlElement[];
}

/** @throws Error for what is not one whole element, is too large, or has a DOCTYPE. */
export function parseXml(text: string): XmlElement {
  if (text.length > MAX_CHARACTERS)
    throw new Error(`XML from virsh is larger than the ${MAX_CHARACTERS} characters allowed.`);
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  const parser = new SaxesParser({ defaultXMLVersion: "1.0", forceXMLVersion: true });
  parser.on("doctype", () => {
    throw new Error("XML from virsh has a DOCTYPE.");
  });
  parser.on("opentag", (tag) => {
    if (open.length >= MAX_DEPTH)
      throw new Error(`XML from virsh is nested deeper than ${MAX_DEPTH} levels.`);
    const attributes = Object.entries(tag.attributes).map(([name, value]) => [name, String(value)]);
    const element: OpenElement = {
      name: tag.name,
      attributes: Object.fromEntries(attributes),
      text: "",
      children: [],
    };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  const addText = (piece: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += piece;
  };
  parser.on("text", addText);
  parser.on("cdata", addText);
  parser.on("closetag", () => {
    const element = open.pop();
    if (element !== undefined) element.text = element.text.trim();
  });
  parser.write(text).close();
  if (root === undefined) throw new Error("XML from virsh holds no element.");
  return root;
}

/** All elements at the end of a path of names below `element`, in order. */
export function elementsAt(element: XmlElement, ...path: readonly string[]): readonly XmlElement[] {
  return path.reduce<readonly XmlElement[]>(
    (found, name) => found.flatMap(({ children }) => children.filter((child) => child.name === name)),
    [element],
  );
}

/** The text of the first element at a path; undefined when there is none, or it is empty. */
export function textAt(element: XmlElement, ...path: readonly string[]): string | undefined {
  return elementsAt(element, ...path)[0]?.text || undefined;
}
