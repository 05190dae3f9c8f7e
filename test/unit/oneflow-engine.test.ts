import { readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { createScaler } from "../../gateway/oneflow/engine/scaler.ts";
import { memoryStore } from "../../gateway/store/memory.ts";
import { overHooks } from "../support/core-hooks.ts";
import { makeUser, text } from "../support/embedded.ts";
import { scratchDirectory } from "../support/house.ts";
import { type FlowHouse, type FlowHouseOptions, flowHouse, nodesOf, twoTiers } from "../support/oneflow.ts";
import { type FlowReach, inProcess } from "../support/oneflow-replay.ts";

const houses: FlowHouse[] = [];
let reach: FlowReach;

async function open(options: FlowHouseOptions = {}): Promise<FlowHouse> {
  const house = await flowHouse({ ...options, reach });
  houses.push(house);
  return house;
}

async function deployed(house: FlowHouse, template = twoTiers()): Promise<number> {
  const { id } = await house.instantiate(template);
  await house.until(id, "RUNNING");
  await house.settled();
  return id;
}

const one = (changes: object = {}, service: object = {}) =>
  twoTiers({ roles: [{ name: "r", type: "vm", cardinality: 1, template_id: 0, ...changes }], ...service });

const command = (house: FlowHouse, id: number, order: Parameters<FlowHouse["oneflow"]["command"]>[2]) =>
  house.oneflow.command(house.alice, id, order);

afterEach(async () => {
  for (const house of houses.splice(0)) await house.close();
});

describe.each([
  ["an embedded cloud", inProcess],
  ["an OpenNebula over XML-RPC", overHooks],
])("over %s", (_, reaching) => {
  beforeEach(() => {
    reach = reaching;
  });

  describe("a service that is deployed", () => {
    it("is answered as PENDING, and runs once its roles do, one after another", async () => {
      const house = await open();
      const made = await house.instantiate(twoTiers());
      expect(made).toMatchObject({ name: "tiers", uid: house.alice.uid, body: { state: 0 } });
      const body = await house.until(made.id, "RUNNING");
      const vms = await house.vms(made.id);
      expect(vms.map(({ name, uid }) => [name, uid])).toEqual([
        [`front_0_(service_${made.id})`, house.alice.uid],
        [`worker_0_(service_${made.id})`, house.alice.uid],
        [`worker_1_(service_${made.id})`, house.alice.uid],
      ]);
      expect(body.roles.flatMap(nodesOf)).toEqual(vms.map(({ id }) => id));
      expect(body.log?.map(({ message }) => message)).toEqual([
        "New state: DEPLOYING_NETS",
        "New state: DEPLOYING",
        "New state: RUNNING",
      ]);
      const document = await house.cloud.documents.get(SYSTEM, made.id);
      expect(document.template).toEqual({});
    });

    it("costs no timer at rest", async () => {
      const house = await open();
      await deployed(house);
      house.clock.advance(1_000);
      await house.settled();
      expect(house.clock.waiting()).toBe(0);
    });

    it("waits at the gate until its guests say READY", async () => {
      const house = await open();
      const { id } = await house.instantiate(twoTiers({ ready_status_gate: true }));
      await house.until(id, "DEPLOYING");
      await house.settled();
      const say = async (value: string) => {
        const body = await house.body(id);
        for (const vmId of body.roles.flatMap(nodesOf)) {
          await house.reached.vms.updateUserTemplate(house.alice, vmId, { READY: value }, "append");
        }
        await house.settled();
      };
      await say("yes");
      expect(await house.vms(id)).toHaveLength(1);
      await say(" YES ");
      expect(await house.vms(id)).toHaveLength(3);
      await say("YES");
      await house.until(id, "RUNNING");
    });

    it("writes a log file of its own", async () => {
      const scratch = scratchDirectory("flow-logs");
      try {
        const house = await open({ logDirectory: scratch.path });
        const id = await deployed(house);
        await house.oneflow.close();
        const written = readFileSync(path.join(scratch.path, `${id}.log`), "utf8");
        expect(written).toMatch(/ \[I\]: \[SER\] New state: RUNNING\n/);
        expect(written).toMatch(/ \[I\]: \[ROL\] Role worker new state: RUNNING\n/);
      } finally {
        scratch.remove();
      }
    });

    it("gives a role what its parents' VMs have", async () => {
      const house = await open();
      const id = await deployed(
        house,
        twoTiers({
          roles: [
            {
              name: "db",
              type: "vm",
              cardinality: 1,
              template_id: 0,
              template_contents: { DB_NAME: "shop", KEY: "a$NAME\\$b" },
            },
            {
              name: "app",
              type: "vm",
              cardinality: 1,
              template_id: 0,
              parents: ["db"],
              template_contents: {
                DB: "$" + "{db.user_template.db_name}",
                NO: "$" + "{other.id}",
                // What a guest may write must not be read as a variable there.
                CONTEXT: { KEY: "$" + "{db.user_template.key}", OWN: "$NAME" },
              },
            },
          ],
        }),
      );
      const [, app] = await house.vms(id);
      expect(app?.userTemplate).toMatchObject({ DB: "shop", NO: "" });
      expect(app?.template.CONTEXT).toMatchObject({ KEY: "a$NAME\\$b", OWN: app?.name });
    });
  });

  describe("networks and routers of a service", () => {
    const lan = text('NAME = "lan"\nAR = [ TYPE = "IP4", IP = "10.0.0.1", SIZE = "50" ]');

    async function withLan(): Promise<{ house: FlowHouse; lanId: number }> {
      const house = await open();
      const lanId = await house.cloud.networks.allocate(SYSTEM, lan);
      await house.cloud.networks.chmod(SYSTEM, lanId, [1, 1, 0, 1, 0, 0, 1, 0, 0]);
      return { house, lanId };
    }

    it("are used where they are there, and reserved where that is asked, and then given back", async () => {
      const { house, lanId } = await withLan();
      const id = await deployed(
        house,
        one(
          { template_contents: { NIC: [{ NETWORK_ID: "$Own" }, { NETWORK_ID: "$Lan" }] } },
          {
            networks: { Own: "M|network|x||", Lan: "M|network|y||" },
            networks_values: [
              { Own: { reserve_from: lanId, extra: "SIZE=5\nNAME=ignored" } },
              { Lan: { id: String(lanId) } },
            ],
          },
        ),
      );
      const networks = await house.cloud.networks.list(house.alice, { kind: "mine" });
      expect(networks).toMatchObject([{ name: `Own-${id}`, parentId: lanId }]);
      const [vm] = await house.vms(id);
      expect(vm?.template.NIC).toMatchObject([
        { NETWORK_ID: String(networks[0]?.id), IP: "10.0.0.1" },
        { NETWORK_ID: String(lanId) },
      ]);
      await command(house, id, { kind: "undeploy" });
      await house.gone(id);
      expect(await house.cloud.networks.list(SYSTEM)).toMatchObject([{ id: lanId }]);
    });

    it("fail the service with the reason when they are not there", async () => {
      const house = await open();
      const { id } = await house.instantiate(
        one(
          {},
          {
            networks: { Lan: "M|network|x||" },
            networks_values: [{ Lan: { reserve_from: "99", extra: "SIZE=1" } }],
          },
        ),
      );
      const body = await house.until(id, "FAILED_DEPLOYING_NETS");
      expect(body.log?.map(({ message }) => message).join()).toContain(
        "[one.vn.reserve] Error getting virtual network [99].",
      );
    });

    it("make a router of a VR role, with a shared address, and end with it", async () => {
      const { house, lanId } = await withLan();
      const nic = { NETWORK_ID: String(lanId), FLOATING_IP: "YES" };
      const role = {
        name: "vr",
        type: "vr",
        cardinality: 2,
        template_id: 0,
        template_contents: { NIC: [nic] },
      };
      const id = await deployed(house, twoTiers({ roles: [role] }));
      const made = await house.role(id, "vr");
      expect(made).toMatchObject({
        vrouter_ips: [{ NETWORK_ID: lanId, VROUTER_IP: "10.0.0.1" }],
        template_contents: { NAME: `vr(service_${id})` },
      });
      const vms = await house.vms(id);
      expect(vms.map(({ name }) => name)).toEqual([`vr_0_(service_${id})`, `vr_1_(service_${id})`]);
      expect(nodesOf(made)).toEqual(vms.map((vm) => vm.id));
      await command(house, id, { kind: "undeploy" });
      await house.gone(id);
      expect(await house.cloud.routers.list(SYSTEM)).toEqual([]);
      expect(await house.vms(id)).toEqual([]);
    });
  });

  describe("commands", () => {
    it("scale a role up and down, with a cooldown after each", async () => {
      const house = await open();
      const id = await deployed(house);
      await createScaler(house.oneflow).scale(house.alice, id, "worker", 4);
      await house.until(id, "COOLDOWN");
      await house.settled();
      expect(await house.vms(id)).toHaveLength(5);
      await expect(
        command(house, id, { kind: "scale", role: "worker", cardinality: 1, force: false }),
      ).rejects.toThrow("Service cannot be scaled in state: COOLDOWN");
      house.clock.jump(-3_600_000);
      house.clock.advance(300_000);
      await house.until(id, "RUNNING");
      await command(house, id, { kind: "scale", role: "worker", cardinality: 1, force: false });
      const body = await house.until(id, "COOLDOWN");
      expect(body.roles.map(({ cardinality }) => cardinality)).toEqual([1, 1]);
      expect(await house.vms(id)).toHaveLength(2);
    });

    it("hold a service, and let it go", async () => {
      const house = await open();
      const { id } = await house.instantiate(twoTiers({ on_hold: true }));
      await house.until(id, "HOLD");
      await house.settled();
      expect((await house.vms(id)).map(({ state }) => state)).toEqual([2]);
      await command(house, id, { kind: "release" });
      await house.until(id, "RUNNING");
      expect(await house.vms(id)).toHaveLength(3);
    });

    it("add a role and take one out", async () => {
      const house = await open();
      const id = await deployed(house);
      const role = { name: "extra", type: "vm", cardinality: 1, template_id: 0, state: 0 } as const;
      await command(house, id, { kind: "add_role", role });
      await house.until(id, "RUNNING", "extra");
      await house.until(id, "RUNNING");
      expect(await house.vms(id)).toHaveLength(4);
      await command(house, id, { kind: "remove_role", role: "extra" });
      await house.until(id, "UNDEPLOYING");
      const body = await house.until(id, "RUNNING");
      expect(body.roles.map(({ name }) => name)).toEqual(["front", "worker"]);
      expect(await house.vms(id)).toHaveLength(3);
    });

    it("are for those who may manage the service", async () => {
      const house = await open();
      const id = await deployed(house);
      const bob = await makeUser(house.cloud, SYSTEM, "bob");
      await expect(house.oneflow.command(bob, id, { kind: "undeploy" })).rejects.toThrow(
        `User [${bob.uid}] : Not authorized to perform USE DOCUMENT [${id}].`,
      );
      await house.oneflow.chmod(house.alice, id, [1, 1, 0, 1, 0, 0, 1, 0, 0]);
      await expect(house.oneflow.command(bob, id, { kind: "undeploy" })).rejects.toThrow(
        `User [${bob.uid}] : Not authorized to perform MANAGE DOCUMENT [${id}].`,
      );
      await expect(house.oneflow.command(house.alice, 99, { kind: "undeploy" })).rejects.toThrow(
        "Error getting document [99].",
      );
    });

    it("of many VMs that end together cost few writes", async () => {
      const VMS = 11;
      const store = memoryStore();
      let commits = 0;
      const counting = {
        ...store,
        commit: (changes: Parameters<typeof store.commit>[0]) => {
          if (changes.some(({ kind }) => kind === "document")) commits += 1;
          return store.commit(changes);
        },
      };
      const house = await open({ store: counting });
      const id = await deployed(house, one({ cardinality: VMS }));
      commits = 0;
      await command(house, id, { kind: "undeploy" });
      await house.gone(id);
      // Over a wire their ends come in a few lots; one by one they would cost a write each, and those of the states.
      expect(commits).toBeLessThan(VMS);
    });
  });

  describe("a service that is given away", () => {
    it("takes its VMs along", async () => {
      const house = await open();
      const id = await deployed(house);
      const bob = await makeUser(house.cloud, SYSTEM, "bob");
      await house.oneflow.chown(SYSTEM, id, { uid: bob.uid });
      expect(new Set((await house.vms(id)).map(({ uid }) => uid))).toEqual(new Set([bob.uid]));
      await house.oneflow.command(bob, id, { kind: "scale", role: "worker", cardinality: 3, force: false });
      await house.until(id, "COOLDOWN");
      expect((await house.vms(id)).map(({ uid }) => uid)).toEqual([bob.uid, bob.uid, bob.uid, bob.uid]);
    });

    it("stays as it was when one VM refuses", async () => {
      const house = await open();
      const id = await deployed(house);
      const bob = await makeUser(house.cloud, SYSTEM, "bob");
      const last = (await house.vms(id)).at(-1);
      await house.reached.vms.lock(SYSTEM, last?.id ?? -1, 1);
      await expect(house.oneflow.chown(SYSTEM, id, { uid: bob.uid })).rejects.toMatchObject({
        code: "locked",
      });
      const { uid } = await house.cloud.documents.get(SYSTEM, id);
      expect([uid, ...(await house.vms(id)).map((vm) => vm.uid)]).toEqual(Array(4).fill(house.alice.uid));
    });
  });

  describe("scheduled actions", () => {
    it("are spread over a role's VMs, some at a time", async () => {
      const house = await open();
      const id = await deployed(house, one({ cardinality: 3 }));
      const at = Math.floor(house.clock.now() / 1_000);
      await house.oneflow.schedule(house.alice, id, "r", { action: "poweroff", number: 2, period: 600 });
      const times = async () =>
        (await house.vms(id)).map((vm) => vm.scheduledActions?.map(({ time }) => time - at) ?? []);
      expect(await times()).toEqual([[0], [0], [600]]);
      const third = (await house.vms(id)).at(2)?.scheduledActions?.[0]?.id ?? -1;
      await house.oneflow.unschedule(house.alice, id, undefined, third);
      expect(await times()).toEqual([[0], [0], []]);
      await house.oneflow.unschedule(house.alice, id, "r", third);
    });

    it("are refused for roles and actions that there are not", async () => {
      const house = await open();
      const id = await deployed(house);
      const schedule = (role: string, action: string, more: object = {}) =>
        house.oneflow.schedule(house.alice, id, role, { action, ...more });
      await expect(schedule("zz", "stop")).rejects.toThrow("Role 'zz' not found");
      await expect(schedule("front", "explode")).rejects.toMatchObject({ code: "bad_request" });
      await expect(schedule("front", "stop", { number: 0 })).rejects.toThrow("number must be a whole number");
    });
  });

  describe("services that have ended", () => {
    it("are purged by those who may manage them", async () => {
      const house = await open();
      const running = await deployed(house);
      const done = { type: 100, name: "old", body: { ...(await house.body(running)), state: 5, roles: [] } };
      const mine = await house.reached.documents.allocate(house.alice, { ...done, body: { ...done.body } });
      const other = await house.reached.documents.allocate(SYSTEM, { ...done, body: { ...done.body } });
      await house.settled();
      expect(await house.oneflow.purgeDone(house.alice)).toBe(1);
      expect(house.cloud.documents.peek(SYSTEM, mine)).toBeUndefined();
      expect(house.cloud.documents.peek(SYSTEM, other)).toBeDefined();
      expect(house.cloud.documents.peek(SYSTEM, running)).toBeDefined();
    });
  });
});
