import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { parseJsonText } from "../../gateway/oneflow/schema/json-text.ts";
import { parseServiceTemplate } from "../../gateway/oneflow/schema/parse.ts";
import { readServiceBody, readTemplateBody } from "../../gateway/oneflow/schema/read.ts";
import { parseServiceUpdate, parseTemplateUpdate } from "../../gateway/oneflow/schema/update.ts";
import { refusalOf } from "../support/service-templates.ts";

const jsonObject = z.record(z.string(), z.json());
const documentSchema = z.object({
  ID: z.string(),
  TYPE: z.string(),
  TEMPLATE: z.object({ BODY: jsonObject }),
});
const exchangeSchema = z.object({
  name: z.string(),
  request: z.object({ method: z.string(), path: z.string(), body: z.string().nullable() }),
  response: z.object({ status: z.int(), body: z.string() }),
});

const recording = new URL("../fixtures/oneflow.jsonl", import.meta.url);
const exchanges = readFileSync(recording, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => exchangeSchema.parse(JSON.parse(line)));

function exchange(name: string) {
  const found = exchanges.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no exchange ${name}`);
  return { ...found, body: found.request.body ?? "" };
}

function documentsIn(text: string) {
  if (!text.startsWith("{")) return [];
  const answer = z
    .object({
      DOCUMENT: documentSchema.optional(),
      DOCUMENT_POOL: z.object({ DOCUMENT: z.array(documentSchema).optional() }).optional(),
    })
    .parse(JSON.parse(text));
  return [...(answer.DOCUMENT ? [answer.DOCUMENT] : []), ...(answer.DOCUMENT_POOL?.DOCUMENT ?? [])];
}

function bodyIn(text: string) {
  const [document] = documentsIn(text);
  if (document === undefined) throw new Error("no document");
  return document.TEMPLATE.BODY;
}

/** What we answer where the original does not; docs/compatibility.md. */
const DEPARTURES: Readonly<Record<string, string>> = {
  "stpl-create-json-array": "The service template must be a JSON object, not an array.",
  "stpl-create-json-string": "The service template must be a JSON object, not text.",
  "stpl-create-json-null": "The service template must be a JSON object, not null.",
  "stpl-create-role-unknown-parent":
    "roles[0].parents[0]: role 'r1' names the parent 'zz', which is no role of the service; did you mean 'r1'?",
  "stpl-create-role-self-parent": "roles[0].parents[0]: role 'r1' cannot be its own parent.",
  "stpl-create-role-cyclic-parents":
    "roles[0].parents: roles cannot wait for one another in a cycle (r1 -> r2 -> r1, each names the next as its parent).",
};

/** The reason is in our own words; that there is one, and where it starts, is as recorded. */
const PARSE_ERRORS: Readonly<Record<string, string>> = {
  "stpl-create-role-bad-expression": "Role 'r1', elasticity policy #0 'expression' parse error: Column 6: ",
  "stpl-create-role-lower-case-expression":
    "Role 'r1', elasticity policy #0 'expression' parse error: Column 9: ",
};

/** The original failed over its name, which the schema has nothing against. */
const NOT_OF_THE_SCHEMA = "stpl-create-desc-with-specials";

const creations = exchanges.filter(
  ({ request, name }) =>
    request.method === "POST" && request.path === "/service_template" && name !== NOT_OF_THE_SCHEMA,
);

describe("recorded service templates", () => {
  it("are many", () => expect(creations.length).toBeGreaterThan(55));

  it.each(creations.map((one) => [one.name, one] as const))("%s", (name, { request, response }) => {
    const parse = () => parseServiceTemplate(parseJsonText(request.body ?? ""));
    const departure = DEPARTURES[name];
    if (departure !== undefined) expect(refusalOf(parse)).toBe(departure);
    else if (PARSE_ERRORS[name] !== undefined) expect(refusalOf(parse)).toContain(PARSE_ERRORS[name]);
    else if (response.status !== 201) expect(refusalOf(parse)).toBe(response.body);
    else {
      const { registration_time: _, ...stored } = bodyIn(response.body);
      expect(JSON.stringify(parse())).toBe(JSON.stringify(stored));
    }
  });
});

describe("recorded documents", () => {
  const documents = exchanges.flatMap(({ name, response }) =>
    documentsIn(response.body).map((document) => [`${name} ${document.ID}`, document] as const),
  );

  it("are many", () => expect(documents.length).toBeGreaterThan(100));

  it.each(documents)("%s is read as it stands", (_, { TYPE, TEMPLATE: { BODY } }) => {
    // A forced scale left the original with a cardinality of -1: no VM is what that means.
    const sound: unknown = JSON.parse(
      JSON.stringify(BODY, (key, value: unknown) =>
        key === "cardinality" ? Math.max(0, Number(value)) : value,
      ),
    );
    expect(TYPE === "100" ? readServiceBody(BODY) : readTemplateBody(BODY)).toEqual(sound);
  });
});

describe("recorded updates", () => {
  const template = readTemplateBody(bodyIn(exchange("stpl-create").response.body));

  it("of a template keep its registration time", () => {
    const { body, response } = exchange("stpl-update");
    expect(parseTemplateUpdate(template, parseJsonText(body))).toEqual(bodyIn(response.body));
  });

  it.each(["stpl-update-bad", "stpl-update-immutable"])("%s is refused as recorded", (name) => {
    const { body, response } = exchange(name);
    expect(refusalOf(() => parseTemplateUpdate(template, parseJsonText(body)))).toBe(response.body);
  });

  it.each([
    "service-update-bad",
    "service-update-notjson",
    "service-update-immutable",
    "service-update-cardinality",
  ])("%s is refused as recorded", (name) => {
    const { body, response } = exchange(name);
    expect(refusalOf(() => parseServiceUpdate(running, parseJsonText(body)))).toBe(response.body);
  });

  const running = readServiceBody(parseObject(exchange("service-update-same").body));

  it.each(["service-update-same", "service-update-desc", "service-update-maxvms"])(
    "%s is taken, though a parent is gone",
    (name) => {
      const { body } = exchange(name);
      expect(parseServiceUpdate(running, parseJsonText(body))).toEqual(JSON.parse(body));
    },
  );
});

function parseObject(text: string) {
  return jsonObject.parse(JSON.parse(text));
}
