import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GatehouseError } from "../../shared/errors.ts";
import { appendTemplate, eraseAttribute, parseAttributePath } from "../../shared/template/edit.ts";
import { parseAttributes } from "../../shared/template/parse.ts";
import { restrictedNames } from "../../shared/template/restricted.ts";
import { legalTemplate } from "../support/templates.ts";

describe("appendTemplate", () => {
  it("replaces all values of a name and keeps the other names", () => {
    const base = { A: ["1", "2"], B: { C: "3", D: "4" }, E: "5" };
    expect(appendTemplate(base, { A: "6", B: { C: "7" } })).toEqual({ A: "6", B: { C: "7" }, E: "5" });
  });

  it("removes a name whose only value is the empty vector", () => {
    expect(appendTemplate({ A: "1", B: "2" }, { A: {}, C: {} })).toEqual({ B: "2" });
    expect(appendTemplate({ A: "1" }, { A: [{}, "2"] })).toEqual({ A: [{}, "2"] });
    expect(appendTemplate({ A: "1" }, { A: "" })).toEqual({ A: "" });
  });

  it("leaves both templates as they were, and changes nothing the second time", () => {
    fc.assert(
      fc.property(legalTemplate, legalTemplate, (base, changes) => {
        const before = structuredClone([base, changes]);
        const once = appendTemplate(base, changes);
        expect([base, changes]).toEqual(before);
        expect(appendTemplate(once, changes)).toEqual(once);
      }),
    );
  });
});

describe("parseAttributePath", () => {
  it.each([
    ["FOO", ["FOO"]],
    [" foo\n", ["FOO"]],
    ["V1/k1", ["V1", "K1"]],
  ])("reads %j", (text, path) => {
    expect(parseAttributePath(text)).toEqual(path);
  });

  it.each(["", " ", "*", "*[1]", 'FOO2="bar"', "A/B/C", "/A", "A/", "A B", "A /B", "..", "ß", "ı"])(
    "refuses %j",
    (text) => {
      expect(() => parseAttributePath(text)).toThrow(GatehouseError);
    },
  );
});

describe("eraseAttribute", () => {
  const template = { A: "1", NIC: [{ IP: "x", MAC: "y" }, "text", { IP: "z" }], V: { K: "1", L: "2" } };

  it("removes every value of a name", () => {
    expect(eraseAttribute(template, ["NIC"])).toEqual({ A: "1", V: { K: "1", L: "2" } });
  });

  it("removes an inner name from every vector of a name", () => {
    expect(eraseAttribute(template, ["V", "K"])).toEqual({ ...template, V: { L: "2" } });
    expect(eraseAttribute(template, ["NIC", "IP"])?.NIC).toEqual([{ MAC: "y" }, "text", {}]);
  });

  it("tells when nothing was there", () => {
    for (const path of [["B"], ["V", "M"], ["A", "K"], ["B", "K"]] as const)
      expect(eraseAttribute(template, path)).toBeUndefined();
  });

  it("does not take for an attribute what objects inherit", () => {
    expect(eraseAttribute(template, ["toString"])).toBeUndefined();
    expect(eraseAttribute(template, ["V", "toString"])).toBeUndefined();
  });
});

describe("restrictedNames", () => {
  const restricted = new Set(["SCHED_REQUIREMENTS", "service_id", "ROLE_NAME", "NIC/MAC"]);
  const inGuestText = (text: string) =>
    restrictedNames(parseAttributes(text, { unquoted: "line" }), restricted);

  it.each([
    ["SERVICE_ID=99", "SERVICE_ID"],
    ['role_name="x"', "role_name"],
    ['OK1="x"\nSCHED_REQUIREMENTS="ID=1"', "SCHED_REQUIREMENTS"],
    [' SERVICE_ID="99"', "SERVICE_ID"],
    ["SERVICE_ID =5", "SERVICE_ID"],
    ['A="1" Service_Id=5', "Service_Id"],
    ["A=1\\nSERVICE_ID=5", "SERVICE_ID"],
    ["SERVICE_ID=[]", "SERVICE_ID"],
    ["A=[B=c] SERVICE_ID=5", "SERVICE_ID"],
    ['Nic=[IP="x"]\nNic=[mac="y"]', "Nic/MAC"],
  ])("finds the restricted name in %j, as it is spelled", (text, name) => {
    expect(inGuestText(text)).toBe(name);
  });

  it.each([
    "A=SERVICE_ID=5",
    'A="\nSERVICE_ID=5"',
    "V=[SERVICE_ID=5]",
    "# SERVICE_ID=5",
    "MY_SERVICE_ID=5",
    "NIC=[IP=x]",
  ])("finds none in %j, which sets none", (text) => {
    expect(inGuestText(text)).toBeUndefined();
  });
});
