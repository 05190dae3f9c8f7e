import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { GatehouseError } from "../../shared/errors.ts";
import { templateFromJson } from "../../shared/template/json.ts";
import { xmlToTree } from "../../shared/xml/parse.ts";
import { elementToXml, templateToXml } from "../../shared/xml/print.ts";
import { MAX_XML_DEPTH, type XmlNode } from "../../shared/xml/tree.ts";
import { legalTemplate } from "../support/templates.ts";

const recordedVm = readFileSync(new URL("../fixtures/xml/vm.xml", import.meta.url), "utf8");

/** What XML 1.0 has no way to hold, and what stands for it. */
const holdable = (text: string) =>
  text.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD");

function holdableTree(node: XmlNode): XmlNode {
  if (typeof node === "string") return holdable(node);
  if (Array.isArray(node)) return node.map(holdableTree);
  return Object.fromEntries(Object.entries(node).map(([name, child]) => [name, holdableTree(child)]));
}

describe("elementToXml", () => {
  it.each<[string, XmlNode, string]>([
    ["A", "42", "<A>42</A>"],
    ["A", "dummyhost2:standalone", "<A>dummyhost2:standalone</A>"],
    ["A", 'a "q" <x> & é', '<A><![CDATA[a "q" <x> & é]]></A>'],
    ["A", "", "<A><![CDATA[]]></A>"],
    ["A", {}, "<A/>"],
    ["A", [], ""],
    ["A", ["1", {}, "2"], "<A>1</A><A/><A>2</A>"],
    [
      "VM",
      { ID: "1", NIC: [{ IP: "x" }, { IP: "y" }] },
      "<VM><ID>1</ID><NIC><IP>x</IP></NIC><NIC><IP>y</IP></NIC></VM>",
    ],
    ["A", "x]]>&y", "<A>x]]&gt;&amp;y</A>"],
    ["A", "l1\r\nl2", "<A>l1&#13;\nl2</A>"],
    ["A", "a\u0001b\ud800c\uffff", "<A><![CDATA[a\uFFFDb\uFFFDc\uFFFD]]></A>"],
    ["1A", "x", "<_x0031_A>x</_x0031_A>"],
  ])("writes %s %j", (name, node, xml) => {
    expect(elementToXml(name, node)).toBe(xml);
  });

  it.each(["", "A B", "A>", "<", "é", "-A", "A\n"])("refuses the name %j", (name) => {
    expect(() => elementToXml(name, "x")).toThrow(GatehouseError);
    expect(() => elementToXml("A", { [name]: "x" })).toThrow(GatehouseError);
  });

  it("bounds depth", () => {
    let node: XmlNode = "x";
    for (let depth = 0; depth < MAX_XML_DEPTH; depth += 1) node = { A: node };
    expect(() => elementToXml("A", node)).toThrow(/64 levels/);
  });
});

describe("xmlToTree", () => {
  it.each<[string, string, XmlNode]>([
    ["text", "<A>x</A>", "x"],
    ["blank text", "<A> </A>", " "],
    ["CDATA", "<A><![CDATA[<x> & ]]></A>", "<x> & "],
    ["layout around CDATA", "<A>\n <![CDATA[x]]>\n</A>", "x"],
    ["text beside CDATA", "<A>x<![CDATA[ y]]></A>", "x y"],
    ["split CDATA", "<A><![CDATA[]]]]><![CDATA[>]]></A>", "]]>"],
    ["an empty CDATA section", "<A><![CDATA[]]></A>", ""],
    ["an empty element", "<A></A>", {}],
    ["a closed element", "<A/>", {}],
    ["children", "<A>\n <B>1</B>\n <C/>\n</A>", { B: "1", C: {} }],
    ["repeated children", "<A><B>1</B><C/><B>2</B><B/></A>", { B: ["1", "2", {}], C: {} }],
    ["the five entities", "<A>&lt;&gt;&amp;&quot;&apos;</A>", "<>&\"'"],
    ["character references", "<A>&#233;&#x1F600;&#13;</A>", "é😀\r"],
    ["attributes and comments", '<?xml version="1.0"?><!-- c --><A b="c"><!-- d -->x</A>', "x"],
    ["a digit first", "<A><_x0031_A>x</_x0031_A></A>", { "1A": "x" }],
  ])("reads %s", (_, xml, node) => {
    expect(xmlToTree(xml)).toEqual({ name: "A", node });
  });

  it.each([
    ["", /malformed|no element/],
    ["<A>", /^The XML is malformed at line 1, column \d+: .+\.$/],
    ["<A><B></A></B>", /malformed/],
    ["<A/><B/>", /malformed/],
    ["x", /malformed/],
    ["<A>&foo;</A>", /malformed/],
    ["<A>&constructor;</A>", /malformed/],
    ["<A>&#0;</A>", /malformed/],
    ["<A>\u0001</A>", /malformed/],
    ['<?xml version="1.1"?><A>\u0001</A>', /malformed/],
    ["<!DOCTYPE A><A/>", /DOCTYPE/],
    ['<!DOCTYPE A [<!ENTITY x "y">]><A>&x;</A>', /DOCTYPE/],
  ])("refuses %j", (xml, message) => {
    expect(() => xmlToTree(xml)).toThrow(GatehouseError);
    expect(() => xmlToTree(xml)).toThrow(message);
  });

  it("bounds bytes, elements and depth", () => {
    expect(() => xmlToTree("<A>é</A>", { maxBytes: 8 })).toThrow(/8 bytes/);
    expect(xmlToTree("<A>é</A>", { maxBytes: 9 }).node).toBe("é");
    expect(() => xmlToTree("<A><B/><B/></A>", { maxElements: 2 })).toThrow(/2 elements/);
    const nested = (depth: number) => "<A>".repeat(depth) + "</A>".repeat(depth);
    expect(xmlToTree(nested(MAX_XML_DEPTH)).name).toBe("A");
    expect(() => xmlToTree(nested(MAX_XML_DEPTH + 1))).toThrow(/64 levels/);
  });

  it("takes an element named __proto__ for an element", () => {
    const { node } = xmlToTree("<A><__proto__><x>1</x></__proto__></A>");
    expect(Object.keys(node)).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(node)).toBe(Object.prototype);
  });

  it("reads a VM as OpenNebula prints it, and writes it so that it reads the same", () => {
    const document = xmlToTree(recordedVm);
    const Vm = z.object({
      ID: z.string(),
      SCHED_ACTIONS: z.strictObject({}),
      TEMPLATE: z.object({
        SECURITY_GROUP_RULE: z.array(z.unknown()),
        CONTEXT: z.object({ ETH0_IP6: z.string() }),
      }),
      USER_TEMPLATE: z.unknown(),
    });
    const vm = Vm.parse(document.node);
    expect([document.name, vm.ID, vm.TEMPLATE.CONTEXT.ETH0_IP6]).toEqual(["VM", "0", ""]);
    expect(vm.TEMPLATE.SECURITY_GROUP_RULE).toHaveLength(2);
    expect(vm.USER_TEMPLATE).toEqual({ NLX: "l1\nl2", SPC: 'a "q" <x> & é \\\\ b', XC: "only" });
    expect(xmlToTree(elementToXml(document.name, document.node))).toEqual(document);
  });

  it("gives every template back that templateToXml wrote", () => {
    fc.assert(
      fc.property(legalTemplate, (template) => {
        const { name, node } = xmlToTree(templateToXml("TEMPLATE", template));
        expect(name).toBe("TEMPLATE");
        expect(node).toEqual(holdableTree(template));
        expect(templateFromJson(node)).toEqual(holdableTree(template));
      }),
      { numRuns: 1000 },
    );
  });
});
