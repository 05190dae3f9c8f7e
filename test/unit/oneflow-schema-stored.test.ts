import { describe, expect, it } from "vitest";
import type { JsonObject, JsonValue } from "../../gateway/cloud/model.ts";
import { asJson } from "../../gateway/oneflow/model.ts";
import { readServiceBody, readTemplateBody } from "../../gateway/oneflow/schema/read.ts";
import {
  parseServiceAppend,
  parseServiceUpdate,
  parseTemplateAppend,
  parseTemplateUpdate,
} from "../../gateway/oneflow/schema/update.ts";
import { refusalOf, template, vmRole } from "../support/service-templates.ts";

const VM = { ID: "12", UID: "0", GID: "0", UNAME: "u", GNAME: "g", NAME: "front_0_(service_4)" };
const stored = template(
  [vmRole("a", { state: 2, nodes: [{ deploy_id: 12, vm_info: { VM } }], last_vmname: 1, min_vms: 1 })],
  {
    deployment: "straight",
    description: "",
    state: 2,
    start_time: 5,
    log: [{ timestamp: 5, severity: "I", message: "New state: RUNNING" }],
    registration_time: 4,
  },
);

describe("a stored service", () => {
  it("is read as it stands", () => expect(readServiceBody(stored, 7)).toEqual(stored));

  it("of older OpenNebula is read too: numbers as text, names and gaps of its time", () => {
    const older: JsonObject = {
      name: "S",
      deployment: "straight",
      shutdown_action: "",
      ready_status_gate: null,
      custom_attrs: {},
      roles: [
        {
          name: "front",
          cardinality: "1",
          vm_template: "0",
          vm_template_contents: 'NIC=[NETWORK_ID="3"]\n',
          shutdown_action: "shutdown",
          min_vms: "1",
          max_vms: "",
          state: "2",
          disposed_nodes: [],
          parents: null,
          elasticity_policies: [
            { type: "CHANGE", adjust: "4", expression: "A > 1", true_evals: 0, last_eval: 3 },
          ],
          nodes: [
            { deploy_id: "12", running: true, vm_info: { VM: { ID: 12, NAME: "front_0", CPU: 3 } } },
            { deploy_id: 13 },
          ],
        },
      ],
      state: "2",
      log: [{ timestamp: "7", severity: "W", message: "x" }],
    };
    expect(readServiceBody(older, 7)).toEqual({
      name: "S",
      deployment: "straight",
      user_inputs: {},
      roles: [
        {
          name: "front",
          cardinality: 1,
          shutdown_action: "shutdown",
          min_vms: 1,
          state: 2,
          disposed_nodes: [],
          elasticity_policies: [
            { type: "CHANGE", adjust: 4, expression: "A > 1", true_evals: 0, last_eval: 3 },
          ],
          nodes: [
            {
              deploy_id: 12,
              running: true,
              vm_info: { VM: { ID: "12", UID: "", GID: "", UNAME: "", GNAME: "", NAME: "front_0", CPU: 3 } },
            },
            {
              deploy_id: 13,
              vm_info: { VM: { ID: "13", UID: "", GID: "", UNAME: "", GNAME: "", NAME: "" } },
            },
          ],
          template_id: 0,
          template_contents: { NIC: [{ NETWORK_ID: "3" }] },
          type: "vm",
        },
      ],
      state: 2,
      log: [{ timestamp: 7, severity: "I", message: "x" }],
      description: "",
      start_time: 0,
    });
  });

  it.each<[JsonObject | undefined, string]>([
    [undefined, "Service 7 is empty."],
    [{}, "Service 7 is empty."],
    [{ roles: "x" }, "Service 7 is empty."],
    [
      template([]),
      `Service 7 cannot be read: Mandatory document key 'state (integer)' is missing from {"name":"web","roles":[]}`,
    ],
    [{ ...stored, state: "many" }, "Service 7 cannot be read: KEY: 'state' must be an Integer;"],
    [{ ...stored, roles: [5] }, /^Service 7 cannot be read: KEY: 'roles'/.source],
  ])("%j is refused", (json, sentence) => {
    const refused = refusalOf(() => readServiceBody(json, 7));
    if (sentence.startsWith("^")) expect(refused).toMatch(new RegExp(sentence));
    else expect(refused).toBe(sentence);
  });

  it("nested without end is refused", () => {
    let deep: JsonValue = 1;
    for (let level = 0; level < 50_000; level += 1) deep = [deep];
    expect(refusalOf(() => readServiceBody({ ...stored, deep }, 7))).toContain("nested deeper");
    expect(
      refusalOf(() => parseTemplateUpdate(readTemplateBody(template([])), { ...template([]), deep })),
    ).toContain("nested deeper");
  });

  it("is no place for a template's body, nor the other way round", () => {
    expect(refusalOf(() => readTemplateBody(undefined, 7))).toBe("Service template 7 is empty.");
  });
});

describe("an update of a service", () => {
  const before = readServiceBody(stored);
  const [role] = before.roles;
  const withRole = (more: JsonObject) => ({ ...stored, roles: [{ ...asRole(), ...more }] });
  const asRole = (): JsonObject => ({ ...role });
  const refused = (value: JsonValue) => refusalOf(() => parseServiceUpdate(before, value));

  it.each<[string, JsonObject]>([
    ["user_inputs", { user_inputs: { A: "M|text|" } }],
    ["user_inputs_values", { user_inputs_values: { A: "x" } }],
    ["deployment", { deployment: "none" }],
    ["log", { log: [] }],
    ["networks", { networks: { A: "M|network|||" } }],
    ["networks_values", { networks_values: [{ A: { id: 1 } }] }],
    ["ready_status_gate", { ready_status_gate: true }],
    ["state", { state: 3 }],
    ["start_time", { start_time: 6 }],
  ])("may not change service/%s", (name, change) => {
    expect(refused({ ...stored, ...change })).toBe(`Immutable value: \`service/${name}\` can not be changed`);
  });

  it.each<[string, JsonObject]>([
    ["cardinality", { cardinality: 2 }],
    ["last_vmname", { last_vmname: 9 }],
    ["nodes", { nodes: [] }],
    ["parents", { parents: ["b"] }],
    ["state", { state: 3 }],
    ["template_id", { template_id: 1 }],
    ["user_inputs_values", { user_inputs_values: { A: "x" } }],
    ["name", { name: "b" }],
  ])("may not change role/%s", (name, change) => {
    expect(refused(withRole(change))).toBe(`Immutable value: \`role/${name}\` can not be changed`);
  });

  it("is told how to rename, and that roles do not come and go this way", () => {
    expect(refused({ ...stored, name: "x" })).toBe("To change `service/name` use rename operation");
    expect(refused({ ...stored, roles: [] })).toBe(
      "Immutable value: `service/roles size` can not be changed",
    );
  });

  it("may leave out what OneFlow keeps, and changes the rest", () => {
    const { state: _, start_time: __, log: ___, registration_time: ____, ...rest } = stored;
    const value = {
      ...rest,
      description: "new",
      roles: [vmRole("a", { min_vms: 0, max_vms: 9, cooldown: 3 })],
    };
    expect(parseServiceUpdate(before, value)).toEqual({
      ...stored,
      description: "new",
      roles: [{ ...asRole(), min_vms: 0, max_vms: 9, cooldown: 3 }],
    });
  });

  it("is merged where it is appended", () => {
    const value = { description: "appended", roles: [{ name: "a", max_vms: 4 }] };
    expect(parseServiceAppend(before, value)).toEqual({
      ...withRole({ max_vms: 4 }),
      description: "appended",
    });
    expect(refusalOf(() => parseServiceAppend(before, { roles: [vmRole("b")] }))).toContain("roles size");
  });

  it("may not name a network that nobody declared", () => {
    expect(refused(withRole({ template_contents: { NIC: [{ NETWORK_ID: "$X" }] } }))).toContain(
      'roles[0].template_contents.NIC[0].NETWORK_ID: "$X"',
    );
  });
});

describe("an update of a service template", () => {
  const before = readTemplateBody({ ...template([vmRole("a")]), registration_time: 4 });

  it("keeps when it was registered, whatever else it changes", () => {
    expect(parseTemplateUpdate(before, template([vmRole("b")]))).toMatchObject({
      registration_time: 4,
      roles: [vmRole("b")],
    });
    expect(refusalOf(() => parseTemplateUpdate(before, { ...template([]), registration_time: 5 }))).toBe(
      "Immutable value: `service_template/registration_time` can not be changed",
    );
  });

  it("is merged where it is appended", () => {
    expect(parseTemplateAppend(before, { description: "x" })).toEqual({
      ...asJson(before),
      description: "x",
    });
    expect(refusalOf(() => parseTemplateAppend(before, "x"))).toBe(
      "The template to append must be a JSON object, not text.",
    );
  });
});
