import { describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { memoryStore } from "../../gateway/store/memory.ts";
import { manualClock } from "../support/manual-clock.ts";
import { type FlowHouse, flowHouse, nodesOf, twoTiers } from "../support/oneflow.ts";

/** What a service does in a scenario, and what it is in the end, however often the house died meanwhile. */
interface Scenario {
  /** Before any crash. */
  prepare(house: FlowHouse): Promise<number | undefined>;
  /** What is under way when the house dies; the service's id, unless `prepare` gave it. */
  begin(house: FlowHouse, id: number | undefined): Promise<unknown>;
  /** Resolves when the service is where it was to come. */
  end(house: FlowHouse, id: number): Promise<unknown>;
  check(house: FlowHouse, id: number): Promise<void>;
}

/** So many VMs of each role and no more, each with a name of its own. A number whose VM was never made is not used again. */
const running = async (house: FlowHouse, id: number, counts: readonly number[]): Promise<void> => {
  const body = await house.until(id, "RUNNING");
  await house.oneflow.settled();
  const vms = await house.vms(id);
  expect(body.roles.map((role) => nodesOf(role).length)).toEqual(counts);
  expect(body.roles.flatMap(nodesOf).sort()).toEqual(vms.map(({ id: vmId }) => vmId).sort());
  expect(new Set(vms.map(({ name }) => name)).size).toBe(vms.length);
};

const deployed = async (house: FlowHouse): Promise<number> => {
  const { id } = await house.instantiate(twoTiers());
  await house.until(id, "RUNNING");
  await house.oneflow.settled();
  return id;
};

/** A network reserved for it, and a virtual router with an address in the one that there is. */
const connected = twoTiers({
  networks: { Own: "M|network|x||" },
  networks_values: [{ Own: { reserve_from: 0, extra: "SIZE=5" } }],
  roles: [
    {
      name: "vr",
      type: "vr",
      cardinality: 2,
      template_id: 0,
      template_contents: { NIC: [{ NETWORK_ID: "0", FLOATING_IP: "YES" }] },
    },
    {
      name: "vm",
      type: "vm",
      cardinality: 1,
      template_id: 0,
      parents: ["vr"],
      template_contents: { NIC: [{ NETWORK_ID: "$Own" }] },
    },
  ],
});

async function withLan(house: FlowHouse): Promise<void> {
  const AR = { TYPE: "IP4", IP: "10.0.0.1", SIZE: "50" };
  const id = await house.cloud.networks.allocate(SYSTEM, { NAME: "lan", AR });
  await house.cloud.networks.chmod(SYSTEM, id, [1, 1, 0, 1, 0, 0, 1, 0, 0]);
}

const scenarios: Readonly<Record<string, Scenario>> = {
  "is deployed": {
    prepare: async () => undefined,
    begin: (house) => house.instantiate(twoTiers()),
    end: (house, id) => house.until(id, "RUNNING"),
    check: (house, id) => running(house, id, [1, 2]),
  },
  "gets a network and a router": {
    async prepare(house) {
      await withLan(house);
      return undefined;
    },
    begin: (house) => house.instantiate(connected),
    end: (house, id) => house.until(id, "RUNNING"),
    async check(house, id) {
      await running(house, id, [2, 1]);
      const networks = await house.cloud.networks.list(SYSTEM);
      expect(networks.map(({ name }) => name)).toEqual(["lan", `Own-${id}`]);
      expect(await house.cloud.routers.list(SYSTEM)).toHaveLength(1);
    },
  },
  "gives network and router back": {
    async prepare(house) {
      await withLan(house);
      const { id } = await house.instantiate(connected);
      await house.until(id, "RUNNING");
      await house.oneflow.settled();
      return id;
    },
    begin: (house, id = -1) => house.oneflow.command(house.alice, id, { kind: "undeploy" }),
    end: (house, id) => house.gone(id),
    async check(house, id) {
      expect(await house.vms(id)).toEqual([]);
      expect(await house.cloud.networks.list(SYSTEM)).toHaveLength(1);
      expect(await house.cloud.routers.list(SYSTEM)).toEqual([]);
      const { leases } = await house.cloud.networks.detail(SYSTEM, 0);
      expect([...leases.values()].flat()).toEqual([]);
    },
  },
  "is held": {
    prepare: async () => undefined,
    begin: (house) => house.instantiate(twoTiers({ on_hold: true })),
    end: (house, id) => house.until(id, "HOLD"),
    async check(house, id) {
      await house.oneflow.settled();
      expect(await house.vms(id)).toHaveLength(1);
    },
  },
  "is removed by force": {
    prepare: deployed,
    begin: (house, id = -1) => house.oneflow.command(house.alice, id, { kind: "recover_delete" }),
    end: (house, id) => house.gone(id),
    async check(house, id) {
      expect(await house.vms(id)).toEqual([]);
    },
  },
  grows: {
    prepare: deployed,
    begin: (house, id = -1) =>
      house.oneflow.command(house.alice, id, { kind: "scale", role: "worker", cardinality: 5, force: false }),
    end: (house, id) => house.until(id, "COOLDOWN"),
    async check(house, id) {
      await house.oneflow.settled();
      house.clock.advance(300_000);
      await running(house, id, [1, 5]);
    },
  },
  shrinks: {
    prepare: deployed,
    begin: (house, id = -1) =>
      house.oneflow.command(house.alice, id, { kind: "scale", role: "worker", cardinality: 1, force: false }),
    end: (house, id) => house.until(id, "COOLDOWN"),
    async check(house, id) {
      await house.oneflow.settled();
      house.clock.advance(300_000);
      await running(house, id, [1, 1]);
    },
  },
  "is undeployed": {
    prepare: deployed,
    begin: (house, id = -1) => house.oneflow.command(house.alice, id, { kind: "undeploy" }),
    end: (house, id) => house.gone(id),
    async check(house, id) {
      expect(await house.vms(id)).toEqual([]);
    },
  },
};

describe("a service that the house dies under, after any of its writes,", () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    it(`${name} as if nothing had happened`, async () => {
      let writes = 0;
      while (await dies(scenario, writes)) writes += 1;
      expect(writes).toBeGreaterThan(1);
    });
  }
});

/** A command is durable with the first write after it. */
const MOST_UNTAKEN = 1;

/** Whether it died before it was done. */
async function dies(scenario: Scenario, writes: number): Promise<boolean> {
  const store = memoryStore();
  const clock = manualClock();
  const first = await flowHouse({ store, clock });
  const prepared = await scenario.prepare(first);
  const died = first.dieAfter(writes).then(() => true);
  const id = prepared ?? 0;
  let isTaken = false;
  void scenario.begin(first, prepared).then(() => {
    isTaken = true;
  });
  const ended = firstWrite(first, id).then(() => scenario.end(first, id));
  const isDead = await Promise.race([died, ended.then(() => false)]);
  if (!isDead) {
    void first.dieAfter(Number.POSITIVE_INFINITY);
    await scenario.check(first, id);
    await first.close();
    return false;
  }
  const before = prepared === undefined ? undefined : await first.body(id).catch(() => undefined);
  const next = await flowHouse({ store, clock });
  try {
    const after = next.cloud.documents.peek(SYSTEM, id);
    // Nobody was told that it was taken, and it was not.
    const isUntouched = after === undefined ? prepared === undefined : after.body?.state === before?.state;
    if (!isTaken && isUntouched && writes < MOST_UNTAKEN) return true;
    if (after !== undefined) await scenario.end(next, id);
    await scenario.check(next, id);
    return true;
  } finally {
    await next.close();
  }
}

/** Once the service is there, so that its end can be waited for. */
async function firstWrite(house: FlowHouse, id: number): Promise<void> {
  if (house.cloud.documents.peek(SYSTEM, id) !== undefined) return;
  await new Promise<void>((resolve) => {
    const unsubscribe = house.cloud.subscribe((event) => {
      if (event.kind !== "document_changed" || event.id !== id) return;
      unsubscribe();
      resolve();
    });
  });
}
