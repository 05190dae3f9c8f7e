import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { makeUser, testCloud } from "../support/embedded.ts";
import { manualClock } from "../support/manual-clock.ts";
import { openRpc, type RpcServer } from "../support/xmlrpc.ts";

const ADMIN = "oneadmin:secret";
const ALICE = "alice:alicepw";
const AR = 'AR=[TYPE="IP4",IP="10.5.0.1",SIZE="8"]';

let cloud: EmbeddedCloud;
let rpc: RpcServer;

beforeEach(async () => {
  const clock = manualClock();
  ({ cloud } = await testCloud({ clock }));
  await makeUser(cloud, SYSTEM, "alice");
  rpc = openRpc(cloud, clock);
});

afterEach(() => cloud.close());

describe("one.vntemplate", () => {
  it("allocates, shows, updates, clones, renames, locks and deletes", async () => {
    expect(await rpc.value("one.vntemplate.allocate", ADMIN, `NAME="wire" VN_MAD="dummy" ${AR}`)).toBe("0");
    await rpc.value("one.vntemplate.update", ADMIN, 0, 'NOTE="n"', 1);
    await rpc.value("one.vntemplate.rename", ADMIN, 0, "cable");
    const xml = await rpc.value("one.vntemplate.info", ADMIN, 0);
    expect(xml).toMatch(
      /^<VNTEMPLATE><ID>0<\/ID><UID>0<\/UID>.*<NAME>cable<\/NAME><PERMISSIONS>.*<REGTIME>1700000000<\/REGTIME><TEMPLATE><AR>.*<NOTE>/,
    );
    expect(await rpc.value("one.vntemplate.clone", ADMIN, 0, "copy")).toBe("1");
    await rpc.value("one.vntemplate.chmod", ADMIN, 1, -1, -1, -1, -1, -1, -1, 1, -1, -1);
    const pool = await rpc.value("one.vntemplatepool.info", ALICE, -2, -1, -1);
    expect(pool).toMatch(/^<VNTEMPLATE_POOL><VNTEMPLATE><ID>1<.*<\/VNTEMPLATE_POOL>$/);
    await rpc.value("one.vntemplate.lock", ADMIN, 1, 1);
    expect(await rpc.refusal("one.vntemplate.delete", ADMIN, 1)).toEqual([
      32768,
      "[one.vntemplate.delete] The resource virtual network template is locked. [1].",
    ]);
    await rpc.value("one.vntemplate.unlock", ADMIN, 1);
    await rpc.value("one.vntemplate.delete", ADMIN, 1);
    expect(await rpc.refusal("one.vntemplate.info", ADMIN, 1)).toEqual([
      1024,
      "[one.vntemplate.info] Error getting virtual network template [1].",
    ]);
  });

  it("instantiates for whoever may use it", async () => {
    await rpc.value("one.vntemplate.allocate", ADMIN, `NAME="wire" VN_MAD="dummy" ${AR}`);
    expect(await rpc.refusal("one.vntemplate.instantiate", ALICE, 0, "mine", "")).toEqual([
      512,
      "[one.vntemplate.instantiate] User [2] : Not authorized to perform USE VNTEMPLATE [0].",
    ]);
    await rpc.value("one.vntemplate.chmod", ADMIN, 0, -1, -1, -1, -1, -1, -1, 1, -1, -1);
    expect(await rpc.value("one.vntemplate.instantiate", ALICE, 0, "mine", 'DNS="10.0.0.1"')).toBe("0");
    const xml = await rpc.value("one.vn.info", ALICE, 0);
    expect(xml).toContain("<NAME>mine</NAME>");
    expect(xml).toContain("<TEMPLATE_ID>0</TEMPLATE_ID>");
    expect(await rpc.refusal("one.vntemplate.instantiate", ALICE, 0, "x", 'BRIDGE="br0"')).toEqual([
      512,
      "[one.vntemplate.instantiate] Template includes a restricted attribute BRIDGE.",
    ]);
    expect(await rpc.refusal("one.vntemplate.allocate", ALICE, 'NAME="t"')).toMatchObject([512, /CREATE/]);
  });
});

describe("one.vn.reserve", () => {
  it("takes a first address, a range, and a reservation to add to", async () => {
    await rpc.value("one.vn.allocate", ADMIN, `NAME="net" ${AR}`, -1);
    expect(await rpc.value("one.vn.reserve", ADMIN, 0, 'NAME="r" SIZE=2 IP="10.5.0.3"')).toBe("1");
    expect(await rpc.value("one.vn.reserve", ADMIN, 0, 'SIZE=1 NETWORK_ID=1 MAC="02:00:0a:05:00:07"')).toBe(
      "1",
    );
    const { ranges } = await cloud.networks.get(SYSTEM, 1);
    expect(ranges.map(({ size, attributes }) => [size, attributes.IP])).toEqual([
      [2, "10.5.0.3"],
      [1, "10.5.0.7"],
    ]);
    expect(await rpc.refusal("one.vn.reserve", ADMIN, 0, "SIZE=1")).toEqual([
      4096,
      "[one.vn.reserve] NAME for reservation has to be set",
    ]);
    expect(await rpc.refusal("one.vn.reserve", ADMIN, 0, "NAME=r")).toMatchObject([4096, /SIZE/]);
  });
});

describe("one.vrouter", () => {
  it("attaches and detaches an interface, and numbers the VMs it makes", async () => {
    await rpc.value("one.vn.allocate", ADMIN, `NAME="net" ${AR}`, -1);
    await rpc.value("one.template.allocate", ADMIN, "NAME=node");
    await rpc.value("one.vrouter.allocate", ADMIN, "NAME=edge");
    await rpc.value("one.vrouter.attachnic", ADMIN, 0, 'NIC=[NETWORK="net",FLOATING_IP="YES"]');
    expect(await rpc.value("one.vrouter.info", ADMIN, 0)).toContain("<VROUTER_IP>");
    expect(await rpc.value("one.vrouter.instantiate", ADMIN, 0, 2, 0, "vr-%i", true, "")).toBe("0");
    expect((await cloud.vms.list(SYSTEM)).map(({ name }) => name)).toEqual(["vr-0", "vr-1"]);
    // Its VMs are on hold, where nothing is plugged.
    expect(await rpc.refusal("one.vrouter.detachnic", ADMIN, 0, 0)).toMatchObject([2048, /detachnic/]);
    expect(await rpc.refusal("one.vrouter.detachnic", ALICE, 0, 0)).toMatchObject([512, /MANAGE VROUTER/]);
  });
});

/** Empty elements written out. */
const whole = (xml: string) => xml.replace(/<(\w+)\/>/g, "<$1></$1>");

describe("one.vm.sched*", () => {
  const ONE = 'SCHED_ACTION=[ACTION="poweroff",TIME="+60"]';

  beforeEach(async () => {
    await rpc.value("one.vm.allocate", ALICE, "NAME=vm", true);
  });

  it("adds an action to the VM's document, changes it and takes it out", async () => {
    const id = Number(await rpc.value("one.vm.schedadd", ALICE, 0, ONE));
    const xml = whole(await rpc.value("one.vm.info", ALICE, 0));
    expect(xml).toContain(`<SCHED_ACTIONS><ID>${id}</ID></SCHED_ACTIONS><TEMPLATE>`);
    const [shown = ""] = /<SCHED_ACTION>.*<\/SCHED_ACTION>/.exec(xml) ?? [];
    const values = [...shown.matchAll(/<(\w+)>(?:<!\[CDATA\[)?([^<\]]*)(?:\]\]>)?<\/\1>/g)];
    expect(Object.fromEntries(values.map(([, name, value]) => [name, value]))).toEqual({
      ...{ ID: String(id), PARENT_ID: "0", TYPE: "VM", ACTION: "poweroff", ARGS: "", TIME: "1700000060" },
      ...{ REPEAT: "-1", DAYS: "", END_TYPE: "-1", END_VALUE: "-1", DONE: "-1", MESSAGE: "" },
    });
    const weekly = 'SCHED_ACTION=[ACTION="suspend",REPEAT="0",DAYS="1,5",END_TYPE="1",END_VALUE="3"]';
    expect(await rpc.value("one.vm.schedupdate", ALICE, 0, id, weekly)).toBe(String(id));
    expect((await cloud.vms.get(SYSTEM, 0)).scheduledActions).toMatchObject([
      {
        ...{ action: "suspend", time: 1_700_000_060 },
        repeat: { unit: "weekly", days: [1, 5] },
        end: { kind: "times", left: 3 },
      },
    ]);
    expect(await rpc.value("one.vm.scheddelete", ALICE, 0, id)).toBe("0");
    expect(await rpc.refusal("one.vm.scheddelete", ALICE, 0, id)).toEqual([
      1024,
      `[one.vm.scheddelete] Error getting scheduled action [${id}].`,
    ]);
    expect(whole(await rpc.value("one.vm.info", ALICE, 0))).toContain("<SCHED_ACTIONS></SCHED_ACTIONS>");
  });

  it.each([
    ["", /must hold one SCHED_ACTION/],
    [`${ONE}\n${ONE}`, /must hold one SCHED_ACTION/],
    ['SCHED_ACTION=[TIME="1"]', /No ACTION in template/],
    ['SCHED_ACTION=[ACTION="stop"]', /Unable to parse the time value or value is empty/],
    ['SCHED_ACTION=[ACTION="stop",TIME="noon"]', /Unable to parse the time value or value is empty: noon/],
    ['SCHED_ACTION=[ACTION="explode",TIME="1"]', /explode is not supported/],
    ['SCHED_ACTION=[ACTION="disk-snapshot-create",TIME="1"]', /Disks are not available in this cloud/],
    ['SCHED_ACTION=[ACTION="stop",TIME="1",REPEAT="4",DAYS="1"]', /Wrong REPEAT value/],
    ['SCHED_ACTION=[ACTION="stop",TIME="1",REPEAT="1",DAYS="0"]', /from 1 to 31/],
    ['SCHED_ACTION=[ACTION="stop",TIME="1",END_TYPE="1"]', /END_VALUE must be a whole number/],
  ])("refuses %s", async (source, message) => {
    expect(await rpc.refusal("one.vm.schedadd", ALICE, 0, source)).toMatchObject([
      4096,
      expect.stringMatching(message),
    ]);
  });

  it("asks for MANAGE", async () => {
    await makeUser(cloud, SYSTEM, "bob");
    await rpc.value("one.vm.schedadd", ALICE, 0, ONE);
    for (const [call, ...rest] of [
      ["one.vm.schedadd", 0, ONE],
      ["one.vm.schedupdate", 0, 0, ONE],
      ["one.vm.scheddelete", 0, 0],
    ] as const) {
      expect(await rpc.refusal(call, "bob:bobpw", ...rest)).toEqual([
        512,
        `[${call}] User [3] : Not authorized to perform MANAGE VM [0].`,
      ]);
    }
  });
});
