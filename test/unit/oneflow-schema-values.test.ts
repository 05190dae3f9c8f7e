import { describe, expect, it } from "vitest";
import type { JsonObject, JsonValue } from "../../gateway/cloud/model.ts";
import { parseServiceTemplate } from "../../gateway/oneflow/schema/parse.ts";
import { requireRoleValues, requireValues } from "../../gateway/oneflow/schema/required-values.ts";
import { refusalOf, template, vmRole } from "../support/service-templates.ts";

const instantiate = (more: JsonObject, role: JsonObject = {}) =>
  requireValues(parseServiceTemplate(template([vmRole("r1", role)], more)));
const refusal = (more: JsonObject, role: JsonObject = {}) => refusalOf(() => instantiate(more, role));

const NO_VALUES = "The Service template specifies User Inputs but no values have been found";
const NO_VALUES_OF_ROLE =
  "The Service template specifies User Inputs for the role r1 but no values have been found";
const MISSING = "Verify that every User Input have its corresponding value defined";
const WRONG = "Wrong User Inputs or User Inputs Values format";

describe("user inputs of a service", () => {
  it.each<[string, JsonObject, JsonObject | undefined, string | undefined]>([
    ["none given", { A: "M|text|D" }, undefined, NO_VALUES],
    ["one of two given", { A: "M|text|D", B: "M|text|D" }, { A: "x" }, MISSING],
    ["null given", { A: "M|text|D" }, { A: null }, MISSING],
    ["no declaration", { A: 5 }, { A: "x" }, WRONG],
    ["neither M nor O", { A: "text" }, { A: "x" }, WRONG],
    ["an object given", { A: "M|text|D" }, { A: {} }, WRONG],
    ["an array given", { A: "M|text|D" }, { A: ["x"] }, WRONG],
    ["an optional one missing", { A: "O|text|D" }, undefined, undefined],
    ["an optional one empty", { A: "O|number|D" }, { A: "" }, undefined],
    ["more given than asked", { A: "M|text|D" }, { A: "x", Z: "y" }, undefined],
  ])("%s", (_, inputs, values, sentence) => {
    const given = values === undefined ? {} : { user_inputs_values: values };
    expect(refusal({ user_inputs: inputs, ...given })).toBe(sentence);
  });

  it.each<[string, JsonValue, string | undefined]>([
    ["M|number|D", "12", undefined],
    ["M|number|D", -12, undefined],
    ["M|number|D", "1.5", 'a whole number, not "1.5"'],
    ["M|number-float|D", "1.5", undefined],
    ["M|number-float|D", "x", 'a number, not "x"'],
    ["M|range||512..8192|2048", 512, undefined],
    ["M|range||512..8192|2048", "8192", undefined],
    ["M|range||512..8192|2048", "9000", 'a whole number from 512 to 8192, not "9000"'],
    ["M|range||512..8192|2048", "many", 'a whole number from 512 to 8192, not "many"'],
    ["M|range||odd", "7", undefined],
    ["M|range-float||0.5..1.5|1", "1.6", 'a number from 0.5 to 1.5, not "1.6"'],
    ["M|list||0.5,1,2,4|1", "2", undefined],
    ["M|list||0.5,1,2,4|1", "3", 'one of 0.5, 1, 2, 4, not "3"'],
    ["M|list-multiple||a, b, c|", "a,c", undefined],
    ["M|list-multiple||a, b, c|", "a,d", 'some of a, b, c, with commas between them, not "a,d"'],
    ["M|boolean|D", "YES", undefined],
    ["M|boolean|D", true, undefined],
    ["M|boolean|D", "perhaps", 'YES or NO, not "perhaps"'],
    ["O|fixed|| |2", "2", undefined],
    ["O|fixed|| |2", "3", '2, which is fixed, not "3"'],
    ["M|text64|D", "aGVsbG8=", undefined],
    ["M|text64|D", "%%", 'text in base64, not "%%"'],
    ["M|password|D", "s3cret", undefined],
    ["M|whatever|D", "x", undefined],
  ])("%s takes %j: %s", (input, value, rule) => {
    const sentence = refusal({ user_inputs: { A: input }, user_inputs_values: { A: value } });
    expect(sentence).toBe(rule === undefined ? undefined : `User Input A must be ${rule}.`);
  });

  it("are looked at once, however long: quadratic ways take minutes here", () => {
    const many = Array.from({ length: 40_000 }, (_, index) => index).join(",");
    expect(
      refusal({ user_inputs: { A: `M|list-multiple||${many}` }, user_inputs_values: { A: many } }),
    ).toBeUndefined();
    const blanks = `${"A".repeat(400_000)}${" ".repeat(400_000)}!`;
    expect(refusal({ user_inputs: { A: "M|text64|D" }, user_inputs_values: { A: blanks } })).toContain(
      "base64",
    );
  });

  it("take their defaults, which must fit too", () => {
    const user_inputs = { A: "O|fixed|| |2", B: "M|list||0.5,1|1", C: "O|text|D||" };
    expect(instantiate({ user_inputs }).user_inputs_values).toEqual({ A: "2", B: "1" });
    expect(instantiate({ user_inputs, user_inputs_values: { B: "0.5" } }).user_inputs_values).toEqual({
      B: "0.5",
      A: "2",
    });
    expect(refusal({ user_inputs: { A: "M|number|D||many" } })).toBe(
      'User Input A must be a whole number, not "many".',
    );
  });
});

describe("user inputs of a role", () => {
  const inputs = { user_inputs: { B: "M|list||1,2,3,4|2" } };

  it("take the role's value, then the role's default, before the service's value", () => {
    const service = { user_inputs: { B: "M|list||0.5,1|1" }, user_inputs_values: { B: "0.5" } };
    expect(instantiate(service, inputs).roles[0]?.user_inputs_values).toEqual({ B: "2" });
    const own = { ...inputs, user_inputs_values: { B: "4" } };
    expect(instantiate(service, own).roles[0]?.user_inputs_values).toEqual({ B: "4" });
  });

  it("take the service's value where the role has none, and look at it by the role's rule", () => {
    const asking = { user_inputs: { B: "M|number|D" } };
    expect(
      instantiate({ user_inputs_values: { B: "7" } }, asking).roles[0]?.user_inputs_values,
    ).toBeUndefined();
    expect(refusal({ user_inputs_values: { B: "x" } }, asking)).toBe(
      `Role 'r1', User Input B must be a whole number, not "x".`,
    );
  });

  it.each<[JsonObject, string]>([
    [{ user_inputs: { B: "M|text|D" } }, NO_VALUES_OF_ROLE],
    [
      { user_inputs: { B: "M|text|D", C: "M|text|D" }, user_inputs_values: { C: "" } },
      "Verify that every User Input of role 'r1' have its corresponding value defined: B",
    ],
    [{ user_inputs: { B: [] } }, "Wrong User Inputs or User Inputs Values format in role 'r1'"],
    [{ user_inputs: { constructor: "M|text|D" } }, NO_VALUES_OF_ROLE],
  ])("%j is refused: %s", (role, sentence) => expect(refusal({}, role)).toBe(sentence));

  it("that joins later are asked for as well", () => {
    const [role] = parseServiceTemplate(template([vmRole("x", { user_inputs: { B: "M|text|D" } })])).roles;
    if (role === undefined) throw new Error("no role");
    expect(refusalOf(() => requireRoleValues(role, {}))).toContain("no values have been found");
    expect(requireRoleValues(role, { user_inputs_values: { B: "b" } })).toEqual(role);
  });
});

describe("networks of a service", () => {
  const network = "M|network|Private net| |";
  const NOT_ALL = "Every network key must have its value defined at networks_value";

  it.each<[string, JsonObject, string | undefined]>([
    ["no values", { networks: { A: network } }, "Missing networks_values"],
    ["another's value", { networks: { A: network }, networks_values: [{ B: { id: 0 } }] }, NOT_ALL],
    ["one of two", { networks: { A: network, B: network }, networks_values: [{ B: { id: 0 } }] }, NOT_ALL],
    ["no text", { networks: { A: 5 } }, "Wrong networks format"],
    ["no network", { networks: { A: "M|text||" } }, "Wrong networks format"],
    ["an optional one", { networks: { A: "O|network|| |" } }, undefined],
    ["its id", { networks: { A: network }, networks_values: [{ A: { id: "999" } }] }, undefined],
    [
      "a stranger's value",
      { networks: { A: network }, networks_values: [{ A: { id: 0 } }, { B: { id: 0 } }] },
      'networks_values has a value for the network "B", which "networks" does not declare.',
    ],
  ])("with %s", (_, more, sentence) => expect(refusal(more)).toBe(sentence));

  it("need a value when an interface names them, optional or not", () => {
    const role = { template_contents: { NIC: [{ NETWORK_ID: "$A" }] } };
    expect(refusal({ networks: { A: "O|network|| |" } }, role)).toBe("Missing networks_values");
  });

  it("take their defaults", () => {
    const networks = {
      A: "M|network|x| |id:0",
      B: "M|network|||template_id:3",
      C: "M|network|||reserve_from:4",
    };
    expect(instantiate({ networks, networks_values: [{ B: { id: 9 } }] }).networks_values).toEqual([
      { B: { id: 9 } },
      { A: { id: "0" } },
      { C: { reserve_from: "4" } },
    ]);
  });

  it.each([
    ['"NAME=RESERVATION\nSIZE=5"', "NAME=RESERVATION\nSIZE=5"],
    ['NAME=\\"R S\\"', 'NAME="R S"'],
    ['NAME="R"', 'NAME="R"'],
    ["AR=[ IP=, SIZE=10, TYPE=IP4 ]", "AR=[ IP=, SIZE=10, TYPE=IP4 ]"],
  ])("have %j as extra attributes", (extra, plain) => {
    const values = [{ A: { reserve_from: "0", extra } }];
    expect(instantiate({ networks: { A: network }, networks_values: values }).networks_values).toEqual([
      { A: { reserve_from: "0", extra: plain } },
    ]);
  });
});
