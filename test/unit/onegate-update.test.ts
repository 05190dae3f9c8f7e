import { beforeEach, describe, expect, it } from "vitest";
import type { Template } from "../../shared/template/types.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { type Answer, type Gate, openGate } from "../support/onegate.ts";

const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
const MAX_BODY_BYTES = 2_048;

let fake: FakeCloud;
let gate: Gate;

beforeEach(() => {
  fake = new FakeCloud();
  fake.addVm(7);
  gate = openGate(fake, { settings: { maxBodyBytes: MAX_BODY_BYTES } });
});

function put(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
  return gate.askAs(7, path, { method: "PUT", body, headers });
}

const stored = (): Template => fake.vm(7).userTemplate;

describe("an update", () => {
  it.each<[string, string, Template]>([
    ["raw text", "A=1\nB=two words", { A: "1", B: "two words" }],
    ["blanks around the equals sign (seed 003)", "APP_LOAD = 9.7", { APP_LOAD: "9.7" }],
    ["a literal \\n between attributes", "A=1\\nB=2", { A: "1", B: "2" }],
    ["an empty value", "A=", { A: "" }],
    ["commas, equals signs and base64", "A=x,y\nB=a=b=c\nC=aGk=", { A: "x,y", B: "a=b=c", C: "aGk=" }],
    ["a vector", 'V=[A="1",B=2]', { V: { A: "1", B: "2" } }],
    ["a repeated name", "D=1\nD=2", { D: ["1", "2"] }],
  ])("takes %s", async (_what, body, expected) => {
    const answer = await put("/vm", body);
    expect(answer).toMatchObject({ status: 200, body: "" });
    expect(answer.headers.get("content-type")).toBe("application/json;charset=utf-8");
    expect(stored()).toEqual(expected);
  });

  it.each([
    ["curl -d of a value with a query", "URL=http://h/?a=1&type=2", "http://h/?a=1&type=2"],
    ["curl -d of a value with a percent sign", "URL=50%", "50%"],
    ["a body that only looks like a form", "URL=x&data=B%3D1", "x&data=B%3D1"],
  ])("labelled a form is raw text for %s", async (_what, body, expected) => {
    expect((await put("/vm", body, FORM)).status).toBe(200);
    expect(stored()).toEqual({ URL: expected });
  });

  it("labelled a form without data is raw text too", async () => {
    expect((await put("/vm", "type=2", FORM)).status).toBe(200);
    expect(stored()).toEqual({ TYPE: "2" });
  });

  it.each([
    ["the client's form", "/vm", "data=A%3D1%0AB%3Dx+y&type=1", FORM],
    [
      "a form with further options and a charset",
      "/vm",
      "json=true&data=A%3D1%5CnB%3Dx%20y",
      { "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8" },
    ],
    ["the query", "/vm?data=A%3D1%0AB%3Dx+y&type=1", "", {}],
    ["query and form agreeing", "/vm?type=1", "data=A%3D1%0AB%3Dx+y&type=1", FORM],
  ])("takes its text from %s", async (_what, path, body, headers) => {
    expect((await put(path, body, headers as Record<string, string>)).status).toBe(200);
    expect(stored()).toEqual({ A: "1", B: "x y" });
  });

  it.each([
    ["another type in the query", "/vm?type=3", "A=1", {}, "it must be 1 (update) or 2 (erase)"],
    ["another type in a form", "/vm", "data=A&type=0", FORM, "it must be 1 (update) or 2 (erase)"],
    ["an empty type", "/vm?type=", "A=1", {}, "it must be 1 (update) or 2 (erase)"],
    ["two types", "/vm?type=1&type=2", "A", {}, "Parameter type is given 2 times"],
    ["types that disagree", "/vm?type=1", "data=A&type=2", FORM, "Parameter type differs"],
    ["data that disagree", "/vm?data=B%3D1", "data=A%3D1", FORM, "Parameter data differs"],
    ["two data in a form", "/vm", "data=A%3D1&data=B%3D2", FORM, "Parameter data is given 2 times"],
    [
      "bad encoding in a form",
      "/vm",
      "data=A%3D%zz",
      FORM,
      "Invalid query parameters: invalid %-encoding (A%3D%zz)",
    ],
    ["bad encoding in the query", "/vm?data=%4", "", {}, "Invalid query parameters: invalid %-encoding (%4)"],
    ["encoded bytes that are not UTF-8", "/vm?data=A%3D%ff", "", {}, "not UTF-8"],
    ["bytes that are not UTF-8", "/vm", new Uint8Array([65, 61, 0xff]), {}, "not valid UTF-8"],
    ["no attributes at all", "/vm", "JUSTAWORD", {}, "="],
    ["a bad second line", "/vm", "GOOD=1\nA-B=2", {}, "names are made of"],
  ])("is refused as a whole for %s", async (_what, path, body, headers, text) => {
    const answer = await put(path, body, headers as Record<string, string>);
    expect(answer.status).toBe(400);
    expect(answer.body).toContain(text);
    expect(fake.vm(7).version).toBe(1);
  });

  it.each(["", "\n", "# only a comment\n"])("of nothing, %j, changes nothing", async (body) => {
    expect(await put("/vm", body)).toMatchObject({ status: 200, body: "" });
    expect(fake.vm(7).version).toBe(1);
  });

  it("over the bound is refused, and says the bound", async () => {
    const body = `A=${"x".repeat(MAX_BODY_BYTES)}`;
    const answer = await put("/vm", body);
    expect(answer).toMatchObject({
      status: 413,
      body: "The body is too large: at most 2048 bytes are taken.",
    });
    expect((await put("/vm", `A=${"x".repeat(MAX_BODY_BYTES - 2)}`)).status).toBe(200);
  });
});

describe("an erase", () => {
  beforeEach(() => {
    fake.vms.set(7, { ...fake.vm(7), userTemplate: { A: "1", V: { X: "1", Y: "2" }, SERVICE_ID: "5" } });
  });

  it.each([
    ["/vm?type=2", "A", {}, { V: { X: "1", Y: "2" }, SERVICE_ID: "5" }],
    ["/vm?type=2", "a\n", {}, { V: { X: "1", Y: "2" }, SERVICE_ID: "5" }],
    ["/vm", "data=A&type=2", FORM, { V: { X: "1", Y: "2" }, SERVICE_ID: "5" }],
    ["/vm?type=2", "V/X", {}, { A: "1", V: { Y: "2" }, SERVICE_ID: "5" }],
  ])("%s of %j", async (path, body, headers, left) => {
    expect(await put(path, body, headers as Record<string, string>)).toMatchObject({ status: 200, body: "" });
    expect(stored()).toEqual(left);
  });

  it.each([
    ["NOTHERE", 404],
    ["A/B", 404],
    ["", 400],
    ["*", 400],
    ["*[1]", 400],
    ['A="1"', 400],
    ["A B", 400],
    ["V/X/Y", 400],
  ])("of %j is refused with %i", async (body, status) => {
    expect((await put("/vm?type=2", body)).status).toBe(status);
    expect(fake.vm(7).version).toBe(1);
  });

  it.each(["SERVICE_ID", "service_id", " SERVICE_ID \n", "SERVICE_ID/X"])(
    "of the restricted %j is refused",
    async (body) => {
      const spelled = `Attribute (${body.trim()}) cannot be deleted`;
      expect(await put("/vm?type=2", body)).toMatchObject({ status: 403, body: spelled });
    },
  );
});
