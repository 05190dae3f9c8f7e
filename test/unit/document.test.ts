import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { documentFromDocument, documentToDocument } from "../../gateway/cloud/document/document.ts";
import type { Unversioned } from "../../gateway/cloud/document/fields.ts";
import { groupFromDocument, groupToDocument } from "../../gateway/cloud/document/group.ts";
import { hostFromDocument, hostToDocument } from "../../gateway/cloud/document/host.ts";
import {
  networkTemplateFromDocument,
  networkTemplateToDocument,
} from "../../gateway/cloud/document/network-template.ts";
import { routerFromDocument, routerToDocument } from "../../gateway/cloud/document/router.ts";
import { templateFromDocument, templateToDocument } from "../../gateway/cloud/document/template.ts";
import { userFromDocument, userToDocument } from "../../gateway/cloud/document/user.ts";
import { hostIdOf, vmFromDocument, vmToDocument } from "../../gateway/cloud/document/vm.ts";
import { vmGroupFromDocument, vmGroupToDocument } from "../../gateway/cloud/document/vm-group.ts";
import type { JsonObject, Vm } from "../../gateway/cloud/model.ts";

type RecordedWorld = Readonly<Record<string, readonly Readonly<Record<string, JsonObject>>[]>>;

function readWorld(name: string): RecordedWorld {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), "utf8"));
}

const WORLDS = ["onegate-world", "oneflow-world"].map((name) => ({ name, world: readWorld(name) }));

/** Same values, same names, same order. */
function expectSame(printed: JsonObject, recorded: unknown): void {
  expect(printed).toEqual(recorded);
  expect(JSON.stringify(printed)).toBe(JSON.stringify(recorded));
}

const OWNED = { ID: "5", UID: "2", GID: "1", UNAME: "alice", GNAME: "users", NAME: "thing" };

describe.each(WORLDS)("every document of $name comes out as it went in", ({ world }) => {
  const all = (key: string) => world[key] ?? [];

  it("VMs", () => {
    for (const vm of all("vms")) expectSame(vmToDocument(vmFromDocument(vm)), vm);
  });

  it("users", () => {
    for (const user of all("users")) expectSame(userToDocument(userFromDocument(user)), user);
  });

  it("groups, given who is in them", () => {
    const users = all("users").map((user) => userFromDocument(user));
    for (const document of all("groups")) {
      const group = groupFromDocument(document);
      const members = users.filter((user) => user.gids.includes(group.id)).map((user) => user.id);
      expectSame(groupToDocument(group, members.sort()), document);
    }
  });

  it("hosts, given the VMs there", () => {
    const vms = all("vms").map((vm) => vmFromDocument(vm));
    for (const document of all("hosts")) {
      const host = hostFromDocument(document);
      expectSame(
        hostToDocument(
          host,
          vms.filter((vm) => hostIdOf(vm) === host.id),
        ),
        document,
      );
    }
  });

  it("routers, templates and OneFlow's documents", () => {
    for (const router of all("routers")) expectSame(routerToDocument(routerFromDocument(router)), router);
    for (const template of all("templates"))
      expectSame(templateToDocument(templateFromDocument(template)), template);
    for (const one of [...all("services"), ...all("service_templates")]) {
      expectSame(documentToDocument(documentFromDocument(one)), one);
    }
  });

  it("and keeps nothing aside that is the same everywhere", () => {
    for (const vm of all("vms")) {
      expect(Object.keys(vmFromDocument(vm).extra ?? {}).filter((name) => name !== "HISTORY")).toEqual([]);
    }
    expect(userFromDocument(all("users").find((user) => user.USER?.NAME === "bob"))).not.toHaveProperty(
      "extra",
    );
  });
});

describe("a VM document", () => {
  it("keeps sections that the model does not name, at their place", () => {
    const vm = {
      VM: {
        ...(vmToDocument(vmFromDocument({ VM: OWNED })).VM as JsonObject),
        LOCK: { LOCKED: "1", OWNER: "2" },
        SNAPSHOTS: [{ DISK_ID: "0" }, { DISK_ID: "1" }],
        NEW_IN_9: "x",
      },
    };
    const printed = vmToDocument(vmFromDocument(vm)).VM as JsonObject;
    expect(printed).toEqual(vm.VM);
    const names = Object.keys(printed);
    expect(names.indexOf("LOCK")).toBe(names.indexOf("DEPLOY_ID") + 1);
    expect(names.slice(-3)).toEqual(["SNAPSHOTS", "BACKUPS", "NEW_IN_9"]);
  });

  it("has its snapshots in TEMPLATE, in alphabetical place, with what only the hypervisor knows", () => {
    const one = {
      ACTIVE: "YES",
      HYPERVISOR_ID: "snap-0",
      NAME: "before",
      SNAPSHOT_ID: "0",
      TIME: "1795170000",
    };
    const two = { HYPERVISOR_ID: "snap-1", NAME: "after", SNAPSHOT_ID: "1", TIME: "1795170001" };
    const vm = { VM: { ...OWNED, TEMPLATE: { OS: {}, SNAPSHOT: [one, two], VCPU: "1" } } };
    const read = vmFromDocument(vm);
    expect(read.snapshots).toEqual([
      { id: 0, name: "before", time: 1795170000, active: true },
      { id: 1, name: "after", time: 1795170001, active: false },
    ]);
    expect(read.template).toEqual({ OS: {}, VCPU: "1" });
    expect(JSON.stringify((vmToDocument(read).VM as JsonObject).TEMPLATE)).toBe(
      JSON.stringify(vm.VM.TEMPLATE),
    );
  });

  it("needs nothing but an id", () => {
    expect(vmFromDocument({ VM: { ID: 7 } })).toEqual({
      id: 7,
      name: "one-7",
      ...{ uid: 0, gid: 0, uname: "", gname: "", mode: 0o600 },
      ...{ state: 1, lcmState: 0, prevState: 1, prevLcmState: 0, resched: false },
      ...{ stime: 0, etime: 0, lastPoll: 0, deployId: "" },
      ...{ template: {}, userTemplate: {}, monitoring: {}, history: [], snapshots: [] },
    });
  });

  it("prints what is empty as OpenNebula does", () => {
    const empty = {
      DEPLOY_ID: {},
      MONITORING: {},
      SCHED_ACTIONS: {},
      HISTORY_RECORDS: {},
      BACKUPS: { BACKUP_CONFIG: {}, BACKUP_IDS: {} },
    };
    expect(vmToDocument(vmFromDocument({ VM: { ID: "7" } })).VM).toEqual(expect.objectContaining(empty));
  });

  it("takes capacity on the host of its last record, as long as it is not stopped or done", () => {
    const moved = { HISTORY: [{ HID: "1" }, { HID: "2" }] };
    const on = (STATE: string, HISTORY_RECORDS: unknown) =>
      hostIdOf(vmFromDocument({ VM: { ...OWNED, STATE, HISTORY_RECORDS } }));
    expect(["3", "5", "8"].map((state) => on(state, moved))).toEqual([2, 2, 2]);
    expect(["1", "2", "4", "6", "9"].map((state) => on(state, moved))).toEqual(Array(5).fill(undefined));
    expect(on("3", {})).toBeUndefined();
  });

  it("may come from a printer that writes [], line breaks, numbers or lists of one", () => {
    const read = vmFromDocument({
      VM: {
        ...OWNED,
        ID: 5,
        MONITORING: "\n  ",
        HISTORY_RECORDS: [],
        USER_TEMPLATE: [],
        TEMPLATE: { CPU: 0.5, NIC: [{ NIC_ID: 0 }], DISK: [] },
      },
    });
    const { id, monitoring, userTemplate, history } = read;
    expect({ id, monitoring, userTemplate, history }).toEqual({
      id: 5,
      monitoring: {},
      userTemplate: {},
      history: [],
    });
    expect(read.template).toEqual({ CPU: "0.5", NIC: { NIC_ID: "0" } });
  });

  it("shares what is empty, so that a hundred thousand VMs stay small", () => {
    const [one, two] = [1, 2].map((ID) => vmFromDocument({ VM: { ID } }));
    expect(one?.monitoring).toBe(two?.monitoring);
    expect(one?.snapshots).toBe(two?.snapshots);
  });

  it.each([
    [{ STATE: "x" }, 'vms[3].VM.STATE must be a whole number, not "x".'],
    [{ STATE: "3.5" }, 'vms[3].VM.STATE must be a whole number, not "3.5".'],
    [{ ID: "-1" }, 'vms[3].VM.ID must be a whole number from 0 to 2147483647, not "-1".'],
    [{ ID: undefined }, "vms[3].VM.ID must be given: a whole number from 0 to 2147483647."],
    [{ RESCHED: "maybe" }, 'vms[3].VM.RESCHED must be 0 or 1, not "maybe".'],
    [{ PERMISSIONS: { OWNER_U: "7" } }, 'vms[3].VM.PERMISSIONS.OWNER_U must be 0 or 1, not "7".'],
    [{ NAME: ["a", "b"] }, "vms[3].VM.NAME must be text."],
    [{ TEMPLATE: "CPU=1" }, "vms[3].VM.TEMPLATE must be an object of attributes."],
    [{ TEMPLATE: { NIC: [{}, { IP: { A: "1" } }] } }, "vms[3].VM.TEMPLATE.NIC[1].IP must be text."],
    [
      { TEMPLATE: { SNAPSHOT: { NAME: "s" } } },
      "vms[3].VM.TEMPLATE.SNAPSHOT.SNAPSHOT_ID must be a whole number, not missing.",
    ],
    [
      { HISTORY_RECORDS: { HISTORY: { SEQ: "0", HID: "h" } } },
      'vms[3].VM.HISTORY_RECORDS.HISTORY.HID must be a whole number, not "h".',
    ],
    [
      { HISTORY_RECORDS: { HISTORY: [{}, { STIME: "t" }] } },
      'vms[3].VM.HISTORY_RECORDS.HISTORY[1].STIME must be a whole number, not "t".',
    ],
    [
      { HISTORY_RECORDS: { RECORD: {} } },
      "vms[3].VM.HISTORY_RECORDS must be a list of HISTORY and nothing else.",
    ],
  ])("is refused with the path of what is wrong: %j", (bad, message) => {
    expect(() => vmFromDocument({ VM: { ...OWNED, ...bad } }, "vms[3]")).toThrow(
      expect.objectContaining({ code: "bad_request", message }),
    );
  });

  it.each([[null], [[]], [{}], [{ VM: [] }], [{ VM: {}, USER: {} }], [{ HOST: OWNED }]])(
    "is refused when its root is wrong: %j",
    (bad) => {
      expect(() => vmFromDocument(bad, "vms[0]")).toThrow(
        "vms[0] must be an object with the one key VM, itself an object.",
      );
      expect(() => vmFromDocument(bad)).toThrow(
        "The document must be an object with the one key VM, itself an object.",
      );
    },
  );

  it("is refused when it nests without end", () => {
    const deep = JSON.parse(`${'{"A":'.repeat(5000)}1${"}".repeat(5000)}`);
    expect(() => vmFromDocument({ VM: { ...OWNED, BACKUPS: deep } })).toThrow(
      "VM.BACKUPS must be plain JSON, nested at most 64 deep.",
    );
  });

  it("cannot reach an object's prototype", () => {
    const value = JSON.parse(
      '{"VM":{"ID":"1","USER_TEMPLATE":{"__proto__":{"POLLUTED":"YES"}},"__proto__":{"STATE":"3"}}}',
    );
    const read = vmFromDocument(value);
    expect(read.state).toBe(1);
    expect(Object.getPrototypeOf(read.userTemplate)).toBe(Object.prototype);
    expect("POLLUTED" in read.userTemplate).toBe(false);
  });

  it("keeps whatever the model can say (law)", () => {
    const text = fc.string({ minLength: 1 });
    const name = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,8}$/).filter((one) => one !== "SNAPSHOT");
    const single = fc.oneof(fc.string(), fc.dictionary(name, fc.string()));
    const template = fc.dictionary(name, fc.oneof(single, fc.array(single, { minLength: 2, maxLength: 3 })), {
      noNullPrototype: true,
    });
    const whole = fc.nat();
    const snapshots = fc
      .array(fc.record({ name: text, time: whole, active: fc.boolean() }), { maxLength: 3 })
      .map((all) => all.map((one, index) => ({ id: index, ...one })));
    const vms: fc.Arbitrary<Unversioned<Vm>> = fc.record({
      ...{ id: whole, uid: whole, gid: whole, uname: text, gname: text, name: text },
      mode: fc.nat({ max: 0o777 }),
      ...{ state: whole, lcmState: whole, prevState: whole, prevLcmState: whole, resched: fc.boolean() },
      ...{ stime: whole, etime: whole, lastPoll: whole, deployId: text },
      ...{ template, userTemplate: template, monitoring: template, snapshots },
      history: fc.constant([]),
    });
    fc.assert(
      fc.property(vms, (vm) => {
        expect(vmFromDocument(JSON.parse(JSON.stringify(vmToDocument(vm))))).toEqual(vm);
      }),
    );
  });
});

describe("other documents", () => {
  it("tell every combination of permissions", () => {
    for (let mode = 0; mode <= 0o777; mode += 1) {
      const router = { ...routerFromDocument({ VROUTER: OWNED }), mode };
      expect(routerFromDocument(routerToDocument(router)).mode).toBe(mode);
    }
    const bits = (
      routerToDocument({ ...routerFromDocument({ VROUTER: OWNED }), mode: 0o640 }).VROUTER as JsonObject
    ).PERMISSIONS;
    expect(bits).toMatchObject({
      OWNER_U: "1",
      OWNER_M: "1",
      OWNER_A: "0",
      GROUP_U: "1",
      GROUP_M: "0",
      OTHER_U: "0",
    });
  });

  it("keep a VM group's roles and a network template's time", () => {
    const group = { VM_GROUP: { ...OWNED, ROLES: { ROLE: { ID: "0", NAME: "db" } }, TEMPLATE: {} } };
    expect(vmGroupToDocument(vmGroupFromDocument(group)).VM_GROUP).toMatchObject(group.VM_GROUP);
    const template = { VNTEMPLATE: { ...OWNED, REGTIME: "1795170000", TEMPLATE: { VN_MAD: "bridge" } } };
    expect(networkTemplateToDocument(networkTemplateFromDocument(template)).VNTEMPLATE).toMatchObject(
      template.VNTEMPLATE,
    );
  });

  it("print a user without groups in the primary one, and never a secret in an error", () => {
    expect(userFromDocument({ USER: { ID: "4", GID: "3", NAME: "eve", GROUPS: { ID: "1" } } }).gids).toEqual([
      3, 1,
    ]);
    const secret = { TOKEN_PASSWORD: { hidden: ["s3cret"] } };
    expect(() =>
      userFromDocument({ USER: { ID: "4", NAME: "eve", TEMPLATE: secret, PASSWORD: ["s3cret", "x"] } }),
    ).toThrow(/^(?!.*s3cret)USER\./);
  });

  it("show a host's live usage and readings over what was imported", () => {
    const host = hostFromDocument({
      HOST: { ID: "1", NAME: "h", HOST_SHARE: { MEM_USAGE: "9", MAX_CPU: "800", PCI_DEVICES: { PCI: {} } } },
    });
    const vms = [
      { id: 12, template: { CPU: "0.29", MEMORY: "64" } },
      { id: 3, template: {} },
    ];
    expect(
      hostToDocument(host, vms, { share: { MAX_CPU: "1600" }, monitoring: { TIMESTAMP: "1" } }).HOST,
    ).toMatchObject({
      HOST_SHARE: {
        MEM_USAGE: "65536",
        CPU_USAGE: "29",
        RUNNING_VMS: "2",
        MAX_CPU: "1600",
        PCI_DEVICES: { PCI: {} },
      },
      VMS: { ID: ["3", "12"] },
      MONITORING: { TIMESTAMP: "1" },
    });
  });

  it("keep nothing of a host that was never monitored, and refuse a share that is none", () => {
    const fresh = hostToDocument(hostFromDocument({ HOST: { ID: "1", NAME: "h" } }), []);
    const { HOST_SHARE, VMS, MONITORING } = fresh.HOST as JsonObject;
    expect(HOST_SHARE).toEqual(expect.objectContaining({ MEM_USAGE: "0", MAX_CPU: "0", NUMA_NODES: {} }));
    expect({ VMS, MONITORING }).toEqual({ VMS: {}, MONITORING: {} });
    expect(hostFromDocument(fresh)).not.toHaveProperty("extra");
    const used = { HOST: { ID: "1", NAME: "h", HOST_SHARE: { MEM_USAGE: "9" } } };
    expect(hostFromDocument(used)).not.toHaveProperty("extra");
    expect(() => hostFromDocument({ HOST: { ID: "1", NAME: "h", HOST_SHARE: "full" } })).toThrow(
      "HOST.HOST_SHARE must be an object.",
    );
  });

  it("take a document's BODY as an object or as its text", () => {
    const body = { name: "svc", roles: [], n: 1 };
    for (const BODY of [body, JSON.stringify(body)]) {
      const read = documentFromDocument({
        DOCUMENT: { ID: "9", TYPE: "100", TEMPLATE: { BODY, NOTE: "x" } },
      });
      expect(read).toMatchObject({ name: "svc", type: 100, body, template: { NOTE: "x" } });
      expect(documentToDocument(read).DOCUMENT).toMatchObject({ TEMPLATE: { BODY: body, NOTE: "x" } });
    }
  });

  it("take any BODY in documents that are not OneFlow's, and only an object in OneFlow's", () => {
    const document = (TYPE: string, BODY: unknown) => ({ DOCUMENT: { ...OWNED, TYPE, TEMPLATE: { BODY } } });
    expect(documentFromDocument(document("200", "free text"))).toMatchObject({
      body: undefined,
      template: { BODY: "free text" },
    });
    for (const bad of ["{", "[1]", "1", [1], 7]) {
      expect(() => documentFromDocument(document("100", bad), "services[0]")).toThrow(
        "services[0].DOCUMENT.TEMPLATE.BODY must be a JSON object, or its text.",
      );
    }
  });

  it("say which name or type is missing", () => {
    expect(() => routerFromDocument({ VROUTER: { ID: "1" } })).toThrow("VROUTER.NAME must be given.");
    expect(() => documentFromDocument({ DOCUMENT: OWNED })).toThrow(
      "DOCUMENT.TYPE must be given: a whole number.",
    );
    expect(() => documentFromDocument({ DOCUMENT: { ID: "1", TYPE: "100" } })).toThrow(
      "DOCUMENT.NAME must be given.",
    );
  });
});
