import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { xmlToTree } from "../../shared/xml/parse.ts";
import { elementToXml } from "../../shared/xml/print.ts";
import type { XmlNode } from "../../shared/xml/tree.ts";
import { decodeAnswer } from "../../shared/xmlrpc/encoding.ts";
import { elementsOf, elementText } from "../../shared/xmlrpc/pool-answer.ts";
import { failure, recordedBody, success } from "../support/scripted-core.ts";

/** Each element as it is found in the bytes, as a tree. */
function found(body: string): readonly { readonly name: string; readonly node: XmlNode }[] | undefined {
  const bytes = Buffer.from(body);
  return elementsOf(bytes)?.map((slice) => xmlToTree(elementText(bytes, slice)));
}

/** The same by way of a tree of the whole answer. */
function whole(body: string): XmlNode {
  const answer = decodeAnswer(body);
  return answer.kind === "success" ? xmlToTree(String(answer.value)).node : {};
}

const escaped = (xml: string) => success(xml);
const pool = (inner: string) => escaped(`<VM_POOL>${inner}</VM_POOL>`);

describe("the elements of a pool's answer", () => {
  it.each([
    ["vmpool-infoextended", "VM", 10],
    ["vmpool-info-all", "VM", undefined],
    ["vmpool-monitoring", "MONITORING", 371],
    ["hostpool-info", "HOST", 3],
    ["document-services", "DOCUMENT", undefined],
    ["vnpool-info", "VNET", undefined],
  ])("of the recorded %s are those of its tree", (name, element, count) => {
    const body = recordedBody(name);
    const elements = found(body) ?? [];
    expect({ [element]: elements.map(({ node }) => node) }).toEqual(whole(body));
    if (count !== undefined) expect(elements).toHaveLength(count);
  });

  it("are found whatever guests wrote into them (law)", () => {
    const text = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 20 }),
      fc.constantFrom(
        "</VM>",
        "</VM><VM>",
        "]]>",
        "<![CDATA[",
        "&lt;VM&gt;",
        "&amp;",
        "]]&gt;",
        "\r\n",
        "&#13;",
        ">",
        "/",
      ),
    );
    const vm = fc.record({
      ID: fc.nat().map(String),
      USER_TEMPLATE: fc.dictionary(fc.constantFrom("A", "VM", "B"), text),
    });
    fc.assert(
      fc.property(fc.array(vm, { minLength: 2, maxLength: 5 }), (vms) => {
        const body = escaped(elementToXml("VM_POOL", { VM: vms }));
        expect({ VM: found(body)?.map(({ node }) => node) }).toEqual(whole(body));
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ["comments", "<!-- <VM> </VM></VM> -->"],
    ["a comment that looks like a section", "<!-- <![CDATA[ -->"],
    ["a section that looks like a comment", "<![CDATA[<!--]]>"],
    ["processing instructions", "<?a </VM> ?>"],
    ["ends in quotes", '<X b="/>"></X><X b="/>"></X><VM><ID>0</ID></VM><X b=">"/><X b=">"/>'],
    ["ends in single quotes", "<X b='\"/>'></X><X b='/>'></X><VM><ID>0</ID></VM><X b='>'/><X b='>\"'/>"],
    ["references in quotes", '<X b="&gt;&quot;&amp;&apos;/>"></X>'],
    ["VMs in a VM", "<VM><ID>0</ID></VM><A><VM/></A>"],
  ])("are those of its tree where one of them has %s", (_, inner) => {
    const body = pool(`<VM><ID>5</ID><A>1</A>${inner}</VM><VM><ID>4</ID></VM>`);
    const answers = [
      body,
      body
        .replaceAll('"', "&quot;")
        .replaceAll("'", "&apos;")
        .replace(/^.*?(?=<methodResponse)/s, ""),
    ];
    for (const answer of answers) expect({ VM: found(answer)?.map(({ node }) => node) }).toEqual(whole(body));
  });

  it("are none in an empty pool, and are told apart where they are empty themselves", () => {
    expect(found(escaped("<VM_POOL/>"))).toEqual([]);
    expect(found(escaped("<VM_POOL></VM_POOL>"))).toEqual([]);
    expect(found(pool("<VM/><VM></VM>\n<HOST><ID>1</ID></HOST>"))?.map(({ name }) => name)).toEqual([
      "VM",
      "VM",
      "HOST",
    ]);
  });

  it.each([
    ["a refusal", failure("one.vmpool.info", "Error", 2048)],
    ["a fault", recordedBody("unknown-method")],
    ["no XML-RPC", "<html></html>"],
    ["nothing", ""],
    ["half an answer", recordedBody("vmpool-infoextended").slice(0, 60_000)],
    ["a comment", pool("<!-- x --><VM/>")],
    ["a processing instruction", pool("<?x y?><VM/>")],
    ["a DOCTYPE", escaped("<!DOCTYPE a><VM_POOL/>")],
    ["text between elements", pool("<VM/>x<VM/>")],
    ["text after the end", escaped("<VM_POOL/>x")],
    ["two roots", escaped("<VM_POOL><VM/></VM_POOL><VM_POOL/>")],
    ["an element without end", escaped("<VM_POOL><VM>")],
    ["an end too many", escaped("</VM_POOL>")],
    ["a CDATA section without end", pool("<VM><![CDATA[</VM>")],
    ["a comment without end", pool("<VM><!-- </VM>")],
    ["a tag without end", pool('<VM a="></VM>')],
    [
      "a tag that holds a reference of whoever wrote the answer",
      pool("<VM/>").replace("VM/", "VM a=&#34;&#34;/"),
    ],
  ])("are not looked for in %s", (_, body) => {
    expect(found(body)).toBeUndefined();
  });
});
