import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonObject, JsonValue } from "../../gateway/cloud/model.ts";
import { asJson } from "../../gateway/oneflow/model.ts";
import { unknownAttributes } from "../../gateway/oneflow/schema/known-attributes.ts";
import { appendTo, mergeTemplate } from "../../gateway/oneflow/schema/merge.ts";
import { parseServiceTemplate } from "../../gateway/oneflow/schema/parse.ts";
import { readTemplateBody } from "../../gateway/oneflow/schema/read.ts";
import { refusalOf, template, vmRole } from "../support/service-templates.ts";

const base = parseServiceTemplate(
  template([vmRole("a", { template_contents: { CPU: "1", NIC: [{ NETWORK_ID: "0" }] } }), vmRole("b")], {
    networks: { Private: "M|network|||", Public: "M|network|||" },
    networks_values: [{ Private: { id: "1" } }],
    registration_time: 7,
  }),
);

const merged = (merge: JsonValue | undefined) => mergeTemplate(base, merge);

describe("merge_template", () => {
  it("may be missing or empty", () => {
    for (const nothing of [undefined, null, {}]) expect(merged(nothing)).toEqual(base);
  });

  it("renames the service, and leaves when it was registered", () => {
    expect(merged({ name: "mine", registration_time: 9 })).toEqual({ ...base, name: "mine" });
  });

  it("goes into roles by their names: objects by key, arrays joined, the rest replaced", () => {
    const over = {
      name: "a",
      cardinality: "3",
      template_contents: { CPU: 2, NIC: [{ NETWORK_ID: "$Private" }] },
    };
    expect(merged({ roles: [over] }).roles).toEqual([
      vmRole("a", {
        cardinality: 3,
        template_contents: { CPU: 2, NIC: [{ NETWORK_ID: "0" }, { NETWORK_ID: "$Private" }] },
      }),
      vmRole("b"),
    ]);
  });

  it("replaces the value of a network of the same name", () => {
    const networks_values = [{ Public: { template_id: "4", extra: "x" } }, { Private: { id: 5 } }];
    expect(merged({ networks_values }).networks_values).toEqual([
      { Private: { id: 5 } },
      { Public: { template_id: "4", extra: "x" } },
    ]);
  });

  it("may use the words of older OpenNebula", () => {
    const role = { name: "b", vm_template_contents: 'CPU="4"', custom_attrs_values: { R: "r" } };
    const service = merged({ custom_attrs_values: { A: "a" }, roles: [role] });
    expect(service.user_inputs_values).toEqual({ A: "a" });
    expect(service.roles[1]).toEqual(
      vmRole("b", { user_inputs_values: { R: "r" }, template_contents: { CPU: "4" } }),
    );
  });

  it.each<[JsonValue, string]>([
    [[], "The merge_template must be a JSON object, not an array."],
    ["x", "The merge_template must be a JSON object, not text."],
    [{ user_inputs_values: [1] }, "Wrong User Inputs or User Inputs Values format"],
    [{ networks_values: { Private: { id: 0 } } }, "Wrong networks_values format"],
    [{ networks_values: [{ Private: 5 }] }, "Wrong networks_values format"],
    [{ roles: [vmRole("zz")] }, "merge_template has a role 'zz', which the service template has not."],
    [
      { roles: [5] },
      "Each role of merge_template must be an object with the name of a role of the service template.",
    ],
    [{ roles: [{ name: "a", cardinality: -4 }] }, "KEY: 'cardinality' must be greater than or equal to 0;"],
    [{ roles: [{ name: "a" }, { name: "a" }] }, "Role name 'a' is repeated"],
    [{ roles: {} }, "KEY: 'roles' must be an Array;"],
    [
      {
        roles: [
          { name: "a", parents: ["b"] },
          { name: "b", parents: ["a"] },
        ],
      },
      "roles[0].parents: roles cannot wait for one another in a cycle (a -> b -> a, each names the next as its parent).",
    ],
  ])("%j is refused: %s", (merge, sentence) => expect(refusalOf(() => merged(merge))).toBe(sentence));

  it("is bounded before it is merged", () => {
    expect(refusalOf(() => merged({ roles: Array.from({ length: 200_000 }, () => 1) }))).toContain("1000");
  });
});

describe("append", () => {
  it("adds roles that are not there, and merges into those that are", () => {
    const appended = appendTo(asJson(base), {
      description: "d",
      roles: [
        { name: "b", cooldown: 4 },
        { name: "c", vm_template: 1 },
      ],
    });
    expect(parseServiceTemplate(appended)).toEqual({
      ...base,
      description: "d",
      roles: [base.roles[0], vmRole("b", { cooldown: 4 }), vmRole("c", { template_id: 1 })],
    });
  });
});

const name = fc.constantFrom("a", "b", "c");
const contents = fc.dictionary(
  fc.constantFrom("CPU", "NIC", "constructor", "__proto__"),
  fc.oneof(fc.string(), fc.array(fc.string(), { maxLength: 3 }), fc.record({ X: fc.string() })),
  { maxKeys: 3, noNullPrototype: true },
);
const overRole = fc.record(
  { name, cardinality: fc.nat(9), template_contents: contents, extra: fc.array(fc.nat(9), { maxLength: 3 }) },
  { requiredKeys: ["name"], noNullPrototype: true },
);
const over = fc.record(
  {
    name: fc.string({ maxLength: 9 }),
    description: fc.string(),
    on_hold: fc.boolean(),
    user_inputs_values: contents,
    roles: fc.uniqueArray(overRole, { maxLength: 3, selector: (role) => role.name }),
    more: contents,
  },
  { requiredKeys: [], noNullPrototype: true },
);
const asObject = (value: unknown): JsonObject => JSON.parse(JSON.stringify(value));

describe("laws of merging", () => {
  const three = parseServiceTemplate(template([vmRole("a"), vmRole("b"), vmRole("c")]));

  it("merging twice is merging what was merged", () => {
    fc.assert(
      fc.property(over, over, (first, second) => {
        const [one, two] = [asObject(first), asObject(second)];
        const inTurn = mergeTemplate(mergeTemplate(three, one), two);
        const both = mergeTemplate(three, appendTo(one, two));
        expect(inTurn).toEqual(both);
      }),
    );
  });

  it("what is parsed parses, and reads, to itself; nothing reaches a prototype", () => {
    fc.assert(
      fc.property(over, (merge) => {
        const parsed = mergeTemplate(three, asObject(merge));
        expect(parseServiceTemplate(asJson(parsed))).toEqual(parsed);
        expect(readTemplateBody(asJson(parsed))).toEqual(parsed);
        expect(mergeTemplate(parsed, {})).toEqual(parsed);
        expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
        expect(Object.keys(Object.prototype)).toEqual([]);
        unknownAttributes(asJson(parsed));
      }),
    );
  });
});
