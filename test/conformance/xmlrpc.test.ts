import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { xmlToTree } from "../../shared/xml/parse.ts";
import type { XmlNode } from "../../shared/xml/tree.ts";
import type { RpcAnswer } from "../support/xmlrpc.ts";
import { type RpcReplayed, recordedCalls, replayCalls } from "../support/xmlrpc-replay.ts";
import { RPC_DEPARTURES } from "./xmlrpc-departures.ts";

const CALLS = recordedCalls();

let replayed: ReadonlyMap<string, RpcReplayed>;

beforeAll(async () => {
  replayed = new Map((await replayCalls()).map((one) => [one.exchange.name, one]));
});

function replayOf(name: string): RpcReplayed {
  const found = replayed.get(name);
  if (found === undefined) throw new Error(`${name} was not replayed`);
  return found;
}

const departureOf = (name: string) => RPC_DEPARTURES.find(({ exchange }) => exchange === name);

/** What lies below these is the world's own, and theirs was another. */
const FREE: ReadonlySet<string> = new Set([
  ...["TEMPLATE", "USER_TEMPLATE", "MONITORING", "NETWORK_QUOTA", "VM_QUOTA"],
]);
/** In the short pool these are chosen by the core, not by the user. */
const SHORT_POOLS = ["vmpool-info-all", "vmpool-info-mine"];

/** These objects are the same in both worlds, or were made by the exchanges themselves. */
const SAME_TO_THE_LETTER = ["template-info", "template-info-extended", "vrouter-info", "document-info"];

/** Names of elements and their order, of repeated ones the first. */
function shapeOf(name: string, node: XmlNode, isFree: (name: string) => boolean): unknown {
  if (Array.isArray(node)) return shapeOf(name, node[0] ?? {}, isFree);
  if (typeof node === "string" || isFree(name) || Object.keys(node).length === 0) return name;
  return [name, ...Object.entries(node).map(([child, inner]) => shapeOf(child, inner, isFree))];
}

function documentShape(xml: string, exchange: string): unknown {
  const { name, node } = xmlToTree(xml);
  const isShort = SHORT_POOLS.includes(exchange);
  return shapeOf(name, node, (inner) => FREE.has(inner) && !(isShort && inner === "TEMPLATE"));
}

/** Documents by their shape, everything else as it is. */
function comparable(answer: RpcAnswer, exchange: string): unknown {
  if ("fault" in answer) return answer;
  return answer.values.map(([type, text]) => [
    type,
    text.startsWith("<") ? documentShape(text, exchange) : text,
  ]);
}

describe("XML-RPC answers as recorded:", () => {
  it.each(CALLS.map(({ name }) => [name]))("%s", (name) => {
    const { answer, expected, status, contentType } = replayOf(name);
    const departure = departureOf(name);
    expect([status, contentType]).toEqual([200, "text/xml; charset=utf-8"]);
    if (departure === undefined) expect(comparable(answer, name)).toEqual(comparable(expected, name));
    else {
      const values = "values" in answer ? answer.values : [];
      expect(values.map(([type]) => type)).toEqual(["boolean", "string", "i4", "i4", "i8"]);
      expect(values[1]?.[1]).toMatch(departure.message);
      expect([values[0]?.[1], values[2]?.[1]]).toEqual(["0", String(departure.code)]);
    }
  });

  it.each(SAME_TO_THE_LETTER)("%s, with every value", (name) => {
    const values = (answer: RpcAnswer) => ("values" in answer ? xmlToTree(answer.values[1]?.[1] ?? "") : {});
    const { answer, expected } = replayOf(name);
    // REGTIME is when each world was made.
    const timeless = (value: unknown) => JSON.stringify(value).replace(/"REGTIME":"\d+"/, "");
    expect(timeless(values(answer))).toBe(timeless(values(expected)));
  });

  it.each(["system-version", "vm-update-append", "unknown-method", "bad-auth"])(
    "%s, byte by byte",
    (name) => {
      const { body, exchange } = replayOf(name);
      expect(body).toBe(exchange.response.body);
    },
  );
});

describe("what a write of the recording stored", () => {
  const userTemplateIn = (name: string) => {
    const { answer } = replayOf(name);
    const [, [, xml = ""] = []] = "values" in answer ? answer.values : [];
    return /<USER_TEMPLATE>(.*)<\/USER_TEMPLATE>/s.exec(xml)?.[1];
  };

  it("is all of a user template after a replace", () => {
    expect(userTemplateIn("vm-info-after-replace")).toBe("<XC>only</XC>");
  });

  it("keeps quotes, angle brackets, ampersands, accents and line breaks", () => {
    const { answer } = replayOf("vmpool-infoextended");
    const xml = "values" in answer ? (answer.values[1]?.[1] ?? "") : "";
    expect(xml).toContain('<NLX><![CDATA[l1\nl2]]></NLX><SPC><![CDATA[a "q" <x> & é \\\\ b]]></SPC>');
  });

  it("is a document's text and XML templates alike", () => {
    const { answer } = replayOf("document-info-after");
    const xml = "values" in answer ? (answer.values[1]?.[1] ?? "") : "";
    expect(xml).toContain(
      '<TEMPLATE><BODY><![CDATA[{"a":3}]]></BODY><LABELS><![CDATA[x,y]]></LABELS></TEMPLATE>',
    );
  });
});

describe("a document", () => {
  it("shows its lock while it has one, as recorded but for the time and the request", () => {
    const { answer, expected } = replayOf("document-info-locked");
    const timeless = (one: RpcAnswer) => {
      const xml = "values" in one ? (one.values[1]?.[1] ?? "") : "";
      return JSON.stringify(xmlToTree(xml)).replace(/"TIME":"\d+","REQ_ID":"-?\d+"/, "");
    };
    expect(timeless(answer)).toBe(timeless(expected));
  });
});

describe("departures from the recording", () => {
  it.each(RPC_DEPARTURES.map(({ exchange }) => [exchange]))("%s is one", (name) => {
    const { answer, expected } = replayOf(name);
    expect(comparable(answer, name)).not.toEqual(comparable(expected, name));
  });

  it("are each named in docs/compatibility.md", () => {
    const page = readFileSync(new URL("../../docs/compatibility.md", import.meta.url), "utf8");
    expect(RPC_DEPARTURES.filter(({ exchange }) => !page.includes(`\`${exchange}\``))).toEqual([]);
  });
});
