import { beforeEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { vmInPhase } from "../support/embedded.ts";
import { ADMIN, ALICE, ALICE_UID, BOB, useRpcDesk } from "../support/rpc-users.ts";

const desk = useRpcDesk();

const idsIn = (xml: string, root: string) =>
  [...xml.matchAll(new RegExp(`<${root}><ID>(\\d+)</ID>`, "g"))].map(([, id]) => Number(id));

describe("pools of VMs", () => {
  const held = (session: string) => desk.rpc.value("one.vm.allocate", session, "CPU=1 MEMORY=64", true);
  const pool = async (session: string, ...query: readonly (number | string)[]) =>
    idsIn(await desk.rpc.value("one.vmpool.info", session, ...query), "VM");

  beforeEach(async () => {
    for (const session of [ALICE, BOB, ADMIN, ALICE]) await held(session);
    await desk.rpc.value("one.vm.chmod", BOB, 1, -1, -1, -1, 1, -1, -1, -1, -1, -1);
  });

  it("hold what the filter flag says, newest first", async () => {
    expect(await pool(ADMIN, -2)).toEqual([3, 2, 1, 0]);
    expect(await pool(ADMIN, -3)).toEqual([2]);
    expect(await pool(ADMIN, ALICE_UID)).toEqual([3, 0]);
    expect(await pool(ALICE, -2)).toEqual([3, 1, 0]);
    expect(await pool(ALICE, -3)).toEqual([3, 0]);
    expect(await pool(ALICE, -1)).toEqual([3, 1, 0]);
    expect(await pool(ALICE, -4)).toEqual([3, 1, 0]);
    expect(await desk.rpc.refusal("one.vmpool.info", ALICE, -5)).toEqual([
      4096,
      "[one.vmpool.info] Incorrect filter_flag, must be >= -4.",
    ]);
  });

  it("hold what the range says: ids, or a page", async () => {
    expect(await pool(ADMIN, -2, 1, 2)).toEqual([2, 1]);
    expect(await pool(ADMIN, -2, 2, -1)).toEqual([3, 2]);
    expect(await pool(ADMIN, -2, 1, -2)).toEqual([2, 1]);
  });

  it("hold what the state says; DONE only when asked for", async () => {
    await desk.rpc.value("one.vm.action", ALICE, "terminate", 0);
    expect(await pool(ADMIN, -2, -1, -1, -1)).toEqual([3, 2, 1]);
    expect(await pool(ADMIN, -2, -1, -1, -2)).toEqual([3, 2, 1, 0]);
    expect(await pool(ADMIN, -2, -1, -1, 6)).toEqual([0]);
    expect(await pool(ADMIN, -2, -1, -1, 3)).toEqual([]);
  });

  it("of a set leave out what is missing or somebody else's", async () => {
    const set = (list: string) => desk.rpc.value("one.vmpool.infoset", ALICE, list, true);
    expect(idsIn(await set("0,1,2,99,0"), "VM")).toEqual([1, 0]);
    expect(await set("")).toBe("<VM_POOL></VM_POOL>");
    expect(await desk.rpc.refusal("one.vmpool.infoset", ALICE, "0,x", true)).toEqual([
      4096,
      "[one.vmpool.infoset] The VMs must be given as ids, with commas between them.",
    ]);
  });
});

describe("VMs", () => {
  it("come from XML text as from template text", async () => {
    const xml =
      "<TEMPLATE><NAME>x</NAME><CPU>1</CPU><memory>64</memory><A/><V><K>1</K></V><B>1</B><B>2</B></TEMPLATE>";
    const id = Number(await desk.rpc.value("one.vm.allocate", ALICE, xml, true));
    const vm = await desk.cloud.vms.get(SYSTEM, id);
    expect([vm.name, vm.template.MEMORY]).toEqual(["x", "64"]);
    expect(vm.userTemplate).toEqual({ A: "", V: { K: "1" }, B: ["1", "2"] });
  });

  it.each([
    ["<TEMPLATE><A>", "XML Template malformed."],
    ["<T><A><B><C/>x</B></A></T>", "XML Template malformed."],
    ["<T>text</T>", "XML Template malformed."],
    ["<T><a.b>1</a.b></T>", "XML Template malformed."],
    ['<!DOCTYPE x [<!ENTITY e "x">]><T><A>&e;</A></T>', "XML Template malformed."],
  ])("do not come from %s", async (source, text) => {
    expect(await desk.rpc.refusal("one.vm.allocate", ALICE, source)).toEqual([
      8192,
      `[one.vm.allocate] Parse error: ${text}`,
    ]);
  });

  it("are made with restricted attributes by administrators only, however they are spelled", async () => {
    for (const source of [
      'NIC=[mac="02:00:00:00:00:01"]',
      "<T><nic><Mac>02:00:00:00:00:01</Mac></nic></T>",
    ]) {
      expect(await desk.rpc.refusal("one.vm.allocate", ALICE, source, true)).toEqual([
        512,
        "[one.vm.allocate] VM Template includes a restricted attribute NIC/MAC.",
      ]);
    }
    expect(await desk.rpc.value("one.vm.allocate", ADMIN, "EMULATOR=x CPU=1 MEMORY=1", true)).toBe("0");
    expect((await desk.rpc.refusal("one.template.allocate", ALICE, "NAME=t EMULATOR=x"))[0]).toBe(512);
  });

  it("run, are told apart by action, and are recovered by administrators", async () => {
    const id = Number(await desk.rpc.value("one.vm.allocate", ALICE, "CPU=1 MEMORY=64"));
    await vmInPhase(desk.cloud, SYSTEM, id, "RUNNING");
    expect(await desk.rpc.refusal("one.vm.action", ALICE, "hold", id)).toEqual([
      2048,
      expect.stringMatching(/^\[one\.vm\.action\] Error performing action "hold": .* RUNNING/),
    ]);
    expect((await desk.rpc.refusal("one.vm.recover", ALICE, id, 3))[0]).toBe(512);
    expect(await desk.rpc.refusal("one.vm.recover", ADMIN, id, 2)).toEqual([
      2048,
      "[one.vm.recover] Recover operation retry is not available for state RUNNING.",
    ]);
    expect((await desk.rpc.refusal("one.vm.recover", ADMIN, id, 1))[0]).toBe(4096);
    expect((await desk.rpc.refusal("one.vm.recover", ADMIN, id, 9))[0]).toBe(4096);
    await desk.rpc.value("one.vm.recover", ADMIN, id, 3);
    await vmInPhase(desk.cloud, SYSTEM, id, "DONE");
  });

  it("take the actions' older names", async () => {
    const id = Number(await desk.rpc.value("one.vm.allocate", ALICE, "CPU=1 MEMORY=64", true));
    await desk.rpc.value("one.vm.action", ALICE, "shutdown", id);
    expect((await desk.cloud.vms.get(SYSTEM, id)).state).toBe(6);
    expect(await desk.rpc.refusal("one.vm.action", ALICE, "toString", id)).toEqual([
      2048,
      '[one.vm.action] Action "toString" is not supported',
    ]);
  });

  it("answer what this cloud does not offer with a sentence", async () => {
    expect(await desk.rpc.refusal("one.vm.migrate", ALICE, 0, 1, true, false, 0, 0)).toEqual([
      2048,
      "[one.vm.migrate] Migration is not available in this cloud: a VM stays on its host.",
    ]);
  });

  it("say what kept an instantiation from being made, as recorded", async () => {
    const id = Number(
      await desk.rpc.value("one.template.allocate", ALICE, 'NAME=t CPU=1 MEMORY=1 NIC=[NETWORK_ID="99"]'),
    );
    const [code, message] = await desk.rpc.refusal(
      "one.template.instantiate",
      ALICE,
      id,
      "",
      false,
      "",
      false,
    );
    expect(code).toBe(16384);
    expect(message).toMatch(
      /^\[one\.template\.instantiate\] Error allocating a new virtual machine template\. ./,
    );
    expect((await desk.rpc.refusal("one.template.instantiate", BOB, id, "", false, "", false))[0]).toBe(512);
    expect((await desk.rpc.refusal("one.template.instantiate", ALICE, 99, "", false, "", false))[0]).toBe(
      1024,
    );
  });
});

describe("the code of a refusal", () => {
  let id: number;

  beforeEach(async () => {
    id = Number(await desk.rpc.value("one.document.allocate", ALICE, "NAME=d", 199));
  });

  it("is INTERNAL for an update that cannot be read, with the core's words before it; for a VM's it is ACTION", async () => {
    const malformed = "Parse error: XML Template malformed.";
    expect(await desk.rpc.refusal("one.document.update", ALICE, id, "<TEMPLATE><A>", 1)).toEqual([
      8192,
      `[one.document.update] Cannot update template. ${malformed}`,
    ]);
    const vmId = Number(await desk.rpc.value("one.vm.allocate", ALICE, "CPU=1 MEMORY=64", true));
    expect(await desk.rpc.refusal("one.vm.update", ALICE, vmId, "<TEMPLATE><A>", 1)).toEqual([
      2048,
      `[one.vm.update] ${malformed}`,
    ]);
  });

  it("of an update tells the right that is missing, as recorded of one.vm.update", async () => {
    const templateId = Number(await desk.rpc.value("one.template.allocate", ALICE, "NAME=t CPU=1 MEMORY=1"));
    expect(await desk.rpc.refusal("one.template.update", BOB, templateId, "A=[", 1)).toEqual([
      512,
      `[one.template.update] User [3] : Not authorized to perform MANAGE TEMPLATE [${templateId}].`,
    ]);
  });

  it("is ACTION for a name that nothing can have", async () => {
    expect(await desk.rpc.refusal("one.document.rename", ALICE, id, "")).toEqual([
      2048,
      "[one.document.rename] Invalid NAME, it cannot be empty.",
    ]);
  });

  it("is AUTHORIZATION for a negative id, except for administrators (recorded of one.document.info)", async () => {
    expect(await desk.rpc.refusal("one.document.info", ALICE, -1)).toEqual([
      512,
      "[one.document.info] User [2] : Not authorized to perform USE DOCUMENT.",
    ]);
    expect(await desk.rpc.refusal("one.vm.info", ADMIN, -1)).toEqual([
      1024,
      "[one.vm.info] Error getting virtual machine [-1].",
    ]);
  });
});

describe("locks", () => {
  it("refuse changes to everybody but who made them, until they end, and go on being read", async () => {
    const id = Number(await desk.rpc.value("one.template.allocate", ALICE, "NAME=t CPU=1 MEMORY=1"));
    await desk.rpc.value("one.template.lock", ALICE, id, 2);
    const locked = [32768, `[one.template.update] The resource virtual machine template is locked. [${id}].`];
    expect(await desk.rpc.refusal("one.template.update", ALICE, id, "A=1", 1)).toEqual(locked);
    expect(await desk.rpc.refusal("one.template.update", ADMIN, id, "A=1", 1)).toEqual(locked);
    expect(await desk.rpc.value("one.template.info", ALICE, id)).toContain(
      "<LOCK><LOCKED>2</LOCKED><OWNER>2</OWNER>",
    );
    expect((await desk.rpc.refusal("one.template.unlock", BOB, id))[0]).toBe(512);
    await desk.rpc.value("one.template.unlock", ALICE, id);
    await desk.rpc.value("one.template.update", ALICE, id, "A=1", 1);
    expect(await desk.rpc.value("one.template.info", ALICE, id)).not.toContain("LOCK");
  });

  it("of level 3 refuse only what takes ADMIN", async () => {
    const id = Number(await desk.rpc.value("one.template.allocate", ALICE, "NAME=t CPU=1 MEMORY=1"));
    await desk.rpc.value("one.template.lock", ALICE, id, 3);
    await desk.rpc.value("one.template.update", ALICE, id, "A=1", 1);
    expect(
      (await desk.rpc.refusal("one.template.chmod", ADMIN, id, -1, -1, 1, -1, -1, -1, -1, -1, -1))[0],
    ).toBe(32768);
    expect((await desk.rpc.refusal("one.template.lock", ALICE, id, 5))[0]).toBe(2048);
  });
});

describe("networks", () => {
  const NET = 'NAME=n BRIDGE=b VN_MAD=dummy AR=[TYPE=IP4, IP="10.0.0.10", SIZE=4]';
  let id: number;

  beforeEach(async () => {
    id = Number(await desk.rpc.value("one.vn.allocate", ADMIN, NET, -1));
  });

  it("hold and release addresses", async () => {
    const lease = 'LEASES=[IP="10.0.0.11"]';
    await desk.rpc.value("one.vn.hold", ADMIN, id, lease);
    expect(await desk.rpc.value("one.vn.info", ADMIN, id)).toContain(
      "<IP>10.0.0.11</IP><MAC>02:00:0a:00:00:0b</MAC><VM>-1</VM>",
    );
    expect((await desk.rpc.refusal("one.vn.hold", ADMIN, id, lease))[0]).toBe(2048);
    await desk.rpc.value("one.vn.release", ADMIN, id, 'LEASES=[MAC="02:00:0a:00:00:0b"]');
    expect(await desk.rpc.refusal("one.vn.release", ADMIN, id, lease)).toEqual([
      4096,
      "[one.vn.release] Lease 10.0.0.11 is not on hold.",
    ]);
  });

  it("show in their pool who has which address, as OpenNebula numbers it", async () => {
    await desk.rpc.value("one.vm.allocate", ADMIN, `CPU=1 MEMORY=1 NIC=[NETWORK_ID=${id}]`, true);
    await desk.rpc.value("one.vn.reserve", ADMIN, id, "SIZE=2 NAME=r");
    const pool = await desk.rpc.value("one.vnpool.info", ADMIN, -2, -1, -1);
    expect(pool).toContain("<ALLOCATED><![CDATA[ 0 68719476736 1 274877906945 2 274877906945]]></ALLOCATED>");
    expect(pool).not.toContain("<LEASE>");
  });

  it("gain and lose ranges", async () => {
    await desk.rpc.value("one.vn.add_ar", ADMIN, id, 'AR=[TYPE=IP4, IP="10.1.0.1", SIZE=1]');
    await desk.rpc.value("one.vn.hold", ADMIN, id, 'LEASES=[IP="10.1.0.1"]');
    expect((await desk.rpc.refusal("one.vn.rm_ar", ADMIN, id, 1))[0]).toBe(2048);
    await desk.rpc.value("one.vn.release", ADMIN, id, 'LEASES=[IP="10.1.0.1"]');
    await desk.rpc.value("one.vn.rm_ar", ADMIN, id, 1);
    expect((await desk.rpc.refusal("one.vn.rm_ar", ADMIN, id, 1))[0]).toBe(1024);
  });
});

describe("documents", () => {
  it("of services must have a JSON object for a body, others may have any text", async () => {
    expect((await desk.rpc.refusal("one.document.allocate", ALICE, 'NAME=s BODY="no json"', 100))[0]).toBe(
      4096,
    );
    const id = Number(await desk.rpc.value("one.document.allocate", ALICE, 'NAME=d BODY="no json"', 999));
    expect(await desk.rpc.value("one.document.info", ALICE, id)).toContain(
      "<BODY><![CDATA[no json]]></BODY>",
    );
    await desk.rpc.value("one.document.update", ALICE, id, 'BODY="{\\"a\\":[1]}" L="x"', 0);
    expect(await desk.rpc.value("one.document.info", ALICE, id)).toContain(
      '<BODY><![CDATA[{"a":[1]}]]></BODY><L>x</L>',
    );
    const clone = Number(await desk.rpc.value("one.document.clone", ALICE, id, "e"));
    expect((await desk.cloud.documents.get(SYSTEM, clone)).body).toEqual({ a: [1] });
    expect(idsIn(await desk.rpc.value("one.documentpool.info", ALICE, -2, -1, -1, 999), "DOCUMENT")).toEqual([
      clone,
      id,
    ]);
    expect(await desk.rpc.value("one.documentpool.info", ALICE, -2, -1, -1, 100)).toBe(
      "<DOCUMENT_POOL></DOCUMENT_POOL>",
    );
  });
});

describe("hosts, and what clients look at when they start", () => {
  it("are an administrator's; others find an empty pool", async () => {
    expect(idsIn(await desk.rpc.value("one.hostpool.info", ADMIN), "HOST")).toEqual([0]);
    expect(await desk.rpc.value("one.hostpool.info", ALICE)).toBe("<HOST_POOL></HOST_POOL>");
    await desk.rpc.value("one.host.status", ADMIN, 0, 1);
    expect(await desk.rpc.value("one.host.info", ADMIN, 0)).toContain("<STATE>4</STATE>");
    expect((await desk.rpc.refusal("one.host.status", ADMIN, 0, 7))[0]).toBe(4096);
    await desk.rpc.value("one.host.rename", ADMIN, 0, "renamed");
    expect(await desk.rpc.value("one.host.info", ADMIN, 0)).toContain("<NAME>renamed</NAME>");
  });

  it("count what VMs hold there", async () => {
    const id = Number(await desk.rpc.value("one.vm.allocate", ALICE, "CPU=0.5 MEMORY=64"));
    await vmInPhase(desk.cloud, SYSTEM, id, "RUNNING");
    const host = await desk.rpc.value("one.host.info", ADMIN, 0);
    expect(host).toContain("<MEM_USAGE>65536</MEM_USAGE><CPU_USAGE>50</CPU_USAGE>");
    expect(host).toContain(`<VMS><ID>${id}</ID></VMS>`);
  });

  it("is there, and honest", async () => {
    expect(await desk.rpc.value("one.clusterpool.info", ALICE)).toContain(
      "<NAME>default</NAME><HOSTS><ID>0</ID></HOSTS>",
    );
    expect(await desk.rpc.value("one.datastorepool.info", ALICE, -2, -1, -1)).toBe("<DATASTORE_POOL/>");
    expect(await desk.rpc.value("one.zonepool.info", ALICE)).toContain(
      "<ENDPOINT><![CDATA[http://127.0.0.1:2633/RPC2]]>",
    );
    expect((await desk.rpc.refusal("one.zone.info", ALICE, 1))[0]).toBe(1024);
    expect((await desk.rpc.refusal("one.system.config", ALICE))[0]).toBe(512);
    expect(await desk.rpc.value("one.system.config", ADMIN)).toContain(
      "<API_LIST_ORDER>DESC</API_LIST_ORDER>",
    );
    expect(
      await desk.rpc.value(
        "one.vm.monitoring",
        ALICE,
        Number(await desk.rpc.value("one.vm.allocate", ALICE, "CPU=1 MEMORY=1", true)),
      ),
    ).toBe("<MONITORING_DATA/>");
  });
});
