import { describe, expect, it } from "vitest";
import type { JsonObject, JsonValue } from "../../gateway/cloud/model.ts";
import { parseJsonText } from "../../gateway/oneflow/schema/json-text.ts";
import { unknownAttributes, warningOf } from "../../gateway/oneflow/schema/known-attributes.ts";
import { MAX_CARDINALITY, MAX_ROLES } from "../../gateway/oneflow/schema/limits.ts";
import { parseRole, parseServiceTemplate } from "../../gateway/oneflow/schema/parse.ts";
import { refusalOf, refusalOfTemplate, template, vmRole } from "../support/service-templates.ts";

const elastic = (policy: JsonObject) =>
  vmRole("a", { min_vms: 1, max_vms: 4, elasticity_policies: [{ type: "CHANGE", adjust: 1, ...policy }] });
const scheduled = (policy: JsonObject) =>
  vmRole("a", { min_vms: 1, max_vms: 4, scheduled_policies: [{ type: "CHANGE", adjust: 1, ...policy }] });
const router = (more: JsonObject) => ({ name: "v", type: "vr", template_id: 0, ...more });

describe("a service template is refused", () => {
  const rows: readonly (readonly [JsonValue, string])[] = [
    [{ name: 5, roles: [] }, "KEY: 'name' must be a String;"],
    [{ name: null, roles: [] }, `Mandatory document key 'name (string)' is missing from {"roles":[]}`],
    [template([], { deployment: 5 }), "KEY: 'deployment' must be a String;"],
    [
      template([], { on_hold: "yes" }),
      "KEY: 'on_hold' is not allowed in {:type=>:boolean, :required=>false};",
    ],
    [template([], { networks: ["a"] }), "KEY: 'networks' must be an Object;"],
    [template([], { networks_values: {} }), "KEY: 'networks_values' must be an Array;"],
    [template([], { networks_values: [1] }), "Wrong networks_values format"],
    [template([], { networks_values: [{ A: { id: "x" } }] }), "Wrong networks_values format"],
    [template([], { networks_values: [{ A: {} }] }), "Wrong networks_values format"],
    [template([vmRole("a b")]), "KEY: 'name' must match regexp /^\\w+$/;"],
    [template([vmRole("a\nb")]), "KEY: 'name' must match regexp /^\\w+$/;"],
    [template([vmRole("a", { cardinality: -1 })]), "KEY: 'cardinality' must be greater than or equal to 0;"],
    [template([vmRole("a", { cardinality: "two" })]), "KEY: 'cardinality' must be an Integer;"],
    [template([vmRole("a", { cardinality: {} })]), "KEY: 'cardinality' must be an Integer;"],
    [
      template([vmRole("a", { cardinality: MAX_CARDINALITY + 1 })]),
      `KEY: 'cardinality' must be lower than or equal to ${MAX_CARDINALITY};`,
    ],
    [template([vmRole("a", { parents: "b" })]), "KEY: 'parents' must be an Array;"],
    [template([vmRole("a", { parents: [5] })]), "KEY: 'parents' must be a String;"],
    [template(["a"]), "KEY: 'roles' must be an Object;"],
    [template([null]), "KEY: 'roles' must be an Object;"],
    [
      template([vmRole("a", { elasticity_policies: ["x"] })]),
      "KEY: 'elasticity_policies' must be an Object;",
    ],
    [template([vmRole("a", { scheduled_policies: [7] })]), "KEY: 'scheduled_policies' must be an Object;"],
    [template([vmRole("a", { template_contents: "X=1" })]), "KEY: 'template_contents' must be an Object;"],
    [
      template([{ name: "a", type: "vm" }]),
      `Mandatory document key 'template_id (integer)' is missing from {"name":"a","type":"vm","cardinality":0}`,
    ],
    [template([{ name: "a", type: 7, template_id: 0 }]), "Unsupported role type 7"],
    [
      template([vmRole("a", { min_vms: 2 })]),
      "Role 'a' 'cardinality' must be greater than or equal to 'min_vms'",
    ],
    [
      template([vmRole("a", { max_vms: 0 })]),
      "Role 'a' 'cardinality' must be lower than or equal to 'max_vms'",
    ],
    [
      template([elastic({})]),
      `Mandatory document key 'expression (string)' is missing from {"type":"CHANGE","adjust":1}`,
    ],
    [template([elastic({ expression: "" })]), "Role 'a', elasticity policy #0 'expression' cannot be empty"],
    [
      template([elastic({ expression: "A>1", min_adjust_step: 0 })]),
      "KEY: 'min_adjust_step' must be greater than or equal to 1;",
    ],
    [
      template([scheduled({})]),
      "Role 'a', scheduled policy #0 needs to define either 'start_time' or 'recurrence'",
    ],
    [
      template([scheduled({ start_time: "tomorrow" })]),
      "Role 'a', scheduled policy #0 'start_time' is not a valid Time. Try with YYYY-MM-DD hh:mm:ss or 0YYY-MM-DDThh:mm:ssZ",
    ],
    [
      template([scheduled({ recurrence: "every day" })]),
      "Role 'a', scheduled policy #0 'recurrence' is not a valid cron expression",
    ],
    [
      template([router({ cardinality: 2 })]),
      "Role 'v' with 'cardinality' greather than one must define a floating IP",
    ],
    [
      template([vmRole("a b", { cardinality: -1 })], { deployment: "x" }),
      "KEY: 'deployment' must be one of none, straight; KEY: 'name' must match regexp /^\\w+$/; KEY: 'cardinality' must be greater than or equal to 0;",
    ],
    [
      template(Array.from({ length: MAX_ROLES + 1 }, (_, index) => vmRole(`r${index}`))),
      `KEY: 'roles' must have at most ${MAX_ROLES} entries;`,
    ],
    [template([vmRole("r".repeat(129))]), "KEY: 'name' must have at most 128 characters;"],
  ];

  it.each(rows)("%j: %s", (value, sentence) => expect(refusalOfTemplate(value)).toBe(sentence));

  it("without telling the passwords in it", () => {
    const values = { PASSWORD: "hunter2", OTHER: "hunter2" };
    const sentence = refusalOfTemplate({ name: "x", user_inputs_values: values, DB_PASSWORD: "hunter2" });
    expect(sentence).toContain("Mandatory document key 'roles (array)'");
    expect(sentence).not.toContain("hunter2");
  });
});

describe("a service template is taken", () => {
  it("with numbers as text, fractions, and attributes that say nothing", () => {
    const role = { name: "a", type: "vm", template_id: "3", cardinality: 2.9, min_vms: null, parents: false };
    expect(parseServiceTemplate(template([role], { shutdown_action: null, on_hold: false }))).toEqual({
      name: "web",
      roles: [{ name: "a", type: "vm", template_id: 3, cardinality: 2 }],
      on_hold: false,
      deployment: "none",
      description: "",
    });
  });

  it("with a router of two that floats", () => {
    const role = router({ cardinality: 2, template_contents: { NIC: [{ FLOATING_IP: "YES" }] } });
    expect(refusalOfTemplate(template([role]))).toBeUndefined();
  });

  it("with the comments of the guide's policies, their times and recurrences", () => {
    const text = `{ "name": "Time_windows", "roles": [ {
      "name": "frontend", "cardinality": 1, "vm_template": 0, "min_vms" : 1, "max_vms" : 15,
      // These policies set the cardinality
      "scheduled_policies" : [
        { "type" : "CARDINALITY", "recurrence" : "0 9 * * mon,tue,wed,thu,fri", "adjust" : 6 },
        { "type" : "CARDINALITY", "recurrence" : "*/10 * * * *", "adjust" : 2 },
        /* once */ { "type" : "PERCENTAGE_CHANGE", "start_time" : "2nd oct 2017 15:45", "adjust" : 10 } ] } ] }`;
    expect(parseServiceTemplate(parseJsonText(text)).roles).toHaveLength(1);
  });

  it("with what is not known, which is kept in its place and told", () => {
    const role = { zzz: [1], ...vmRole("a"), cardinalty: 3, scheduled_policies: [] };
    const value = { colour: "red", ...template([role]), logo: "x" };
    const parsed = parseServiceTemplate(value);
    expect(Object.keys(parsed)).toEqual(["colour", "name", "roles", "logo", "deployment", "description"]);
    expect(Object.keys(parsed.roles[0] ?? {})[0]).toBe("zzz");
    expect(unknownAttributes(value).map(warningOf)).toEqual([
      "colour is not an attribute that OneFlow knows, and is kept as it is",
      "roles[0].zzz is not an attribute that OneFlow knows, and is kept as it is",
      "roles[0].cardinalty is not an attribute that OneFlow knows, and is kept as it is; did you mean cardinality?",
    ]);
  });

  it("and told where a policy of it has more than is known, or a router has policies", () => {
    const policies = [{ type: "CHANGE", adjust: 1, expression: "A>1", perod: 3 }];
    const value = template([vmRole("a", { elasticity_policies: policies }), router({ min_vms: 1 })]);
    expect(unknownAttributes(value).map(({ path }) => path)).toEqual([
      "roles[0].elasticity_policies[0].perod",
      "roles[1].min_vms",
    ]);
  });
});

describe("parents", () => {
  it("are refused when they form a cycle, however far around", () => {
    const roles = ["a", "b", "c", "d"].map((name, index) =>
      vmRole(name, { parents: index === 0 ? [] : [["b", "c", "d"][index % 3] ?? ""] }),
    );
    expect(refusalOfTemplate(template(roles))).toBe(
      "roles[1].parents: roles cannot wait for one another in a cycle (b -> c -> d -> b, each names the next as its parent).",
    );
  });

  it("may form a chain as long as a service, and a mesh as wide as is allowed", () => {
    const chain = Array.from({ length: MAX_ROLES }, (_, index) =>
      vmRole(`r${index}`, { parents: index + 1 < MAX_ROLES ? [`r${index + 1}`] : [] }),
    );
    expect(refusalOfTemplate(template(chain))).toBeUndefined();
    const names = Array.from({ length: 140 }, (_, index) => `r${index}`);
    const mesh = names.map((name, index) => vmRole(name, { parents: names.slice(0, index) }));
    expect(refusalOfTemplate(template(mesh))).toBeUndefined();
    const wider = [...mesh, vmRole("x", { parents: Array.from({ length: 400 }, () => "r0") })];
    expect(refusalOfTemplate(template(wider))).toBe("The roles name 10130 parents; 10000 are allowed.");
  });

  it("named like what every object has are no roles", () => {
    expect(refusalOfTemplate(template([vmRole("a", { parents: ["constructor"] })]))).toContain(
      "names the parent 'constructor', which is no role",
    );
  });
});

describe("networks of interfaces", () => {
  const nics = (contents: JsonObject) => vmRole("a", { template_contents: contents });

  it.each([
    [{ NIC: [{}, { NETWORK_ID: "$Privat" }] }, "template_contents.NIC[1].NETWORK_ID", "$Privat"],
    [{ NIC_ALIAS: { NETWORK_ID: "$Other1" } }, "template_contents.NIC_ALIAS.NETWORK_ID", "$Other1"],
  ])("%j is refused with its place", (contents, path, network) => {
    const sentence = refusalOfTemplate(
      template([vmRole("z"), nics(contents)], { networks: { Private: "M|network|||" } }),
    );
    expect(sentence).toContain(
      `roles[1].${path}: "${network}" names a network that the service does not declare in "networks"`,
    );
  });

  it("are taken when declared, when they have an id, and when a parent tells them", () => {
    const contents = {
      NIC: [{ NETWORK_ID: "$Private" }, { NETWORK_ID: "0" }, { NETWORK_ID: `$${"{p.x}"}` }, 5],
    };
    const networks = { Private: "M|network|||" };
    expect(refusalOfTemplate(template([nics(contents)], { networks }))).toBeUndefined();
  });
});

describe("older templates", () => {
  it("become new ones, role by role", () => {
    const value = template(
      [
        {
          name: "old",
          vm_template: "3",
          vm_template_contents: 'MEMORY = "128"\nNIC=[NETWORK_ID="$Public"]\nTAG=a\nTAG=b',
          custom_attrs: { R: "O|text|" },
          shutdown_action: "shutdown-hard",
        },
        vmRole("new"),
      ],
      {
        networks: { Public: "M|network|||" },
        custom_attrs: { A: "M|text|" },
        custom_attrs_values: { A: "x" },
      },
    );
    const { roles, ...service } = parseServiceTemplate(value);
    expect(service).toMatchObject({ user_inputs: { A: "M|text|" }, user_inputs_values: { A: "x" } });
    expect(service).not.toHaveProperty("custom_attrs");
    expect(roles).toEqual([
      {
        name: "old",
        shutdown_action: "shutdown-hard",
        user_inputs: { R: "O|text|" },
        template_id: 3,
        template_contents: { MEMORY: "128", NIC: [{ NETWORK_ID: "$Public" }], TAG: ["a", "b"] },
        type: "vm",
        cardinality: 1,
      },
      vmRole("new"),
    ]);
  });

  it("are refused when their contents are no template", () => {
    expect(
      refusalOfTemplate(template([{ name: "a", vm_template: 0, vm_template_contents: "X = [" }])),
    ).toMatch(
      /^An old service template format \(OpenNebula v6\.x\) was detected, and its vm_template_contents of role 'a'/,
    );
  });
});

describe("a role that joins a service", () => {
  const service = { roles: [{ name: "master" }], networks: { Private: "M|network|||" } };

  it("comes as an object or as text, in either age's words", () => {
    const role = vmRole("extra", { parents: ["master"] });
    expect(parseRole(role, service)).toEqual(role);
    expect(parseRole(JSON.stringify(role), service)).toEqual(role);
    expect(parseRole({ name: "extra", cardinality: 2, vm_template: 0 }, service)).toMatchObject({
      template_id: 0,
    });
  });

  it.each([
    [vmRole("master"), "Role master already exists"],
    ["{", "unexpected token at '{'"],
    ["[]", "The role must be a JSON object, not an array."],
    [7, "The role must be a JSON object, not a number."],
    [{ name: "extra" }, `Mandatory document key 'type (string)' is missing from {"name":"extra"}`],
    [
      vmRole("x", { parents: ["mastr"] }),
      "parents[0]: role 'x' names the parent 'mastr', which is no role of the service; did you mean 'master'?",
    ],
    [vmRole("x", { parents: ["x"] }), "parents[0]: role 'x' cannot be its own parent."],
    [
      vmRole("x", { template_contents: { NIC: [{ NETWORK_ID: "$Y" }] } }),
      'template_contents.NIC[0].NETWORK_ID: "$Y" names a network that the service does not declare in "networks"',
    ],
  ])("%j is refused: %s", (value, sentence) => {
    expect(refusalOf(() => parseRole(value, service))).toBe(sentence);
  });
});
