import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { parseWorld, printWorld, type World } from "../../gateway/cloud/world.ts";
import { memoryStore } from "../../gateway/store/memory.ts";
import { LCM_STATE } from "../../shared/states/lcm.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { gatehouse, scratchDirectory } from "../support/house.ts";
import { type HouseOptions, type ScriptedHouse, scriptedHouse } from "../support/scripted-house.ts";

const ACTIVE = VM_STATE.ACTIVE;

function vmDocument(id: number, state: number, lcmState: number, history = true) {
  const HISTORY = { OID: String(id), SEQ: "0", HOSTNAME: "node", HID: "3", CID: "0", VM_MAD: "scripted" };
  const VM = {
    ID: String(id),
    NAME: `vm-${id}`,
    STATE: String(state),
    LCM_STATE: String(lcmState),
    ...(history ? { HISTORY_RECORDS: { HISTORY } } : {}),
  };
  return { VM };
}

const HOSTS = [3, 4].map((id) => ({
  HOST: {
    ID: String(id),
    NAME: id === 3 ? "node" : "other",
    STATE: "2",
    IM_MAD: "scripted",
    VM_MAD: "scripted",
  },
}));

/** One VM in each kind of phase: waiting, held, in transit, and with guests that are there or not. */
const WORLD = parseWorld({
  hosts: HOSTS,
  vms: [
    vmDocument(10, VM_STATE.PENDING, 0, false),
    vmDocument(11, VM_STATE.HOLD, 0, false),
    vmDocument(12, ACTIVE, LCM_STATE.BOOT),
    vmDocument(13, ACTIVE, LCM_STATE.SHUTDOWN),
    vmDocument(14, ACTIVE, LCM_STATE.RUNNING),
    vmDocument(15, ACTIVE, LCM_STATE.RUNNING),
  ],
});

const RESTING = { 10: "RUNNING", 11: "HOLD", 12: "RUNNING", 13: "DONE", 14: "RUNNING", 15: "POWEROFF" };

async function restOf(house: ScriptedHouse) {
  for (const [id, phase] of Object.entries(RESTING)) await house.until(Number(id), phase);
}

const guests = () => new Map([[14, "running" as const]]);

describe("an import", () => {
  it.each([
    ["before the start", false],
    ["into a running house", true],
  ])("%s takes up what the VMs owe", async (_when, start) => {
    const house = await scriptedHouse({ start, guests: guests() });
    await house.cloud.importWorld(WORLD);
    if (!start) await house.cloud.start();
    await restOf(house);
    expect(house.driver.asked.toSorted()).toEqual([
      "cleanup in EPILOG",
      "deploy in BOOT",
      "deploy in BOOT",
      "shutdown in SHUTDOWN",
      "shutdown-hard in EPILOG",
    ]);
  });

  it.each([
    ["before the start", false],
    ["into a running house", true],
  ])("%s counts the VMs on each host, so that the next go where there are fewer", async (_when, start) => {
    const house = await scriptedHouse({ start, guests: guests() });
    await house.cloud.importWorld(WORLD);
    if (!start) await house.cloud.start();
    await restOf(house);
    // Host 3 has VMs 12, 14 and 15; host 4 got 10, and gets the next two.
    expect((await house.vm(10)).history).toMatchObject([{ hostId: 4 }]);
    for (let count = 0; count < 2; count += 1) {
      const id = await house.cloud.vms.allocate(SYSTEM, { NAME: "next" });
      expect((await house.until(id, "RUNNING")).history).toMatchObject([{ hostId: 4 }]);
    }
  });

  it("while the house starts is not forgotten", async () => {
    const house = await scriptedHouse({ start: false, guests: guests() });
    await Promise.all([house.cloud.start(), house.cloud.importWorld(WORLD)]);
    await restOf(house);
  });

  it("leaves VMs alone whose driver the house does not have", async () => {
    const house = await scriptedHouse({ name: "other" });
    await house.cloud.importWorld(WORLD);
    expect(await house.phase(14)).toBe("RUNNING");
    expect(await house.phase(15)).toBe("RUNNING");
    expect(await house.phase(10)).toBe("PENDING");
    expect(house.driver.asked).toEqual([]);
  });
});

const FIXTURE = new URL("../fixtures/onegate-world.json", import.meta.url);
const RECORDED: World = parseWorld(JSON.parse(readFileSync(FIXTURE, "utf8")));

/** Worlds that fail the later the worse: the last thing an import does is to take leases. */
function badWorlds(): readonly (readonly [string, World])[] {
  const [first, ...others] = RECORDED.networks;
  if (first === undefined) throw new Error("the recorded world has lost its networks");
  const twice = new Map([...first.leases].map(([id, held]) => [id, [...held, ...held]] as const));
  const [user] = RECORDED.users.filter(({ id }) => id > 1);
  return [
    ["an address twice", { ...RECORDED, networks: [...others, { ...first, leases: twice }] }],
    ["a VM twice", { ...RECORDED, vms: [...RECORDED.vms, ...RECORDED.vms] }],
    [
      "another oneadmin",
      { ...RECORDED, users: user === undefined ? [] : [{ ...user, name: "oneadmin" }], groups: [] },
    ],
    [
      "another group of users",
      { ...RECORDED, users: [], groups: [{ id: 7, name: "users", template: {}, adminIds: [] }] },
    ],
  ];
}

describe("an import that is refused", () => {
  it.each(badWorlds())(
    "because of %s changes nothing, and the right one goes in afterwards",
    async (_why, bad) => {
      const house = await scriptedHouse();
      const before = JSON.stringify(printWorld(house.cloud.exportWorld()));
      await expect(house.cloud.importWorld(bad)).rejects.toMatchObject({ code: "conflict" });
      expect(JSON.stringify(printWorld(house.cloud.exportWorld()))).toBe(before);
      expect(house.events).toEqual([]);
      expect(house.driver.asked).toEqual([]);
      await house.cloud.importWorld(WORLD);
      expect((await house.cloud.vms.list(SYSTEM)).map(({ id }) => id)).toEqual([10, 11, 12, 13, 14, 15]);
    },
  );

  it.each([
    ["something was made", {}],
    ["something was imported", { imported: true }],
  ])("because %s says what is there", async (_why, { imported = false }: { imported?: boolean }) => {
    const house = await scriptedHouse();
    if (imported) await house.cloud.importWorld(WORLD);
    else await house.cloud.vms.allocate(SYSTEM, { NAME: "vm" }, { hold: true });
    await expect(house.cloud.importWorld(WORLD)).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringMatching(/^An import wants an empty home, and this one has vm \d+/),
    });
  });

  it("by a store that cannot write leaves the house empty, on disk too", async () => {
    const store = memoryStore();
    const options: HouseOptions = { store };
    const house = await scriptedHouse(options);
    const before = JSON.stringify(printWorld(house.cloud.exportWorld()));
    store.failNext();
    await expect(house.cloud.importWorld(WORLD)).rejects.toMatchObject({ code: "unavailable" });
    const next = await scriptedHouse(options);
    expect(JSON.stringify(printWorld(next.cloud.exportWorld()))).toBe(before);
    await next.cloud.importWorld(WORLD);
    await next.until(10, "RUNNING");
  });
});

describe("gatehouse import", () => {
  it("of a bad world leaves a home as new, into which the right one goes", async () => {
    const { path, remove } = scratchDirectory("import");
    try {
      const home = join(path, "home");
      const recorded = JSON.parse(readFileSync(FIXTURE, "utf8"));
      writeFileSync(join(path, "bad.json"), JSON.stringify({ ...recorded, vms: [...recorded.vms, {}] }));
      writeFileSync(join(path, "good.json"), JSON.stringify(recorded));
      await expect(gatehouse(["import", "--home", home, join(path, "bad.json")])).rejects.toThrow("vms[7]");
      const left = parseWorld(JSON.parse(await gatehouse(["export", "--home", home])));
      expect([left.vms, left.networks, left.templates, left.services]).toEqual([[], [], [], []]);
      expect(left.users.map(({ name }) => name)).toContain("oneadmin");
      await gatehouse(["import", "--home", home, join(path, "good.json")]);
      const exported = JSON.parse(await gatehouse(["export", "--home", home]));
      expect(exported.vms).toEqual(expect.arrayContaining(recorded.vms));
    } finally {
      remove();
    }
  });
});
