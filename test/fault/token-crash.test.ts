/** What stands of tokens after the house died in the middle of a command, or its disk refused. */

import { beforeEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { type EmbeddedCloud, openEmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { createServiceDirectory } from "../../gateway/oneflow/directory.ts";
import { createOneGate } from "../../gateway/onegate/app.ts";
import { oneGateSettingsSchema } from "../../gateway/onegate/settings.ts";
import { TokenCommands } from "../../gateway/onegate/trust/token-commands.ts";
import { openVault } from "../../gateway/onegate/trust/vault.ts";
import { type MemoryStore, memoryStore } from "../../gateway/store/memory.ts";
import type { Store } from "../../gateway/store/store.ts";
import { silentLogger } from "../../shared/log.ts";
import { dyingStore } from "../support/dying-store.ts";
import { SILENT, text } from "../support/embedded.ts";
import { manualClock } from "../support/manual-clock.ts";

const clock = manualClock();
const GRACE_MS = 3_600_000;

let disk: MemoryStore;
let vmId: number;

/** A house over the store, which nothing but this test moves. */
async function open(store: Store) {
  const onegateEndpoint = () => "http://127.0.0.1:5030";
  const cloud = await openEmbeddedCloud({ store, clock, log: SILENT, drivers: [], onegateEndpoint });
  const vault = await openVault(store, clock);
  const commands = new TokenCommands({ cloud, vault, clock });
  const app = createOneGate({
    cloud,
    services: createServiceDirectory(cloud),
    settings: oneGateSettingsSchema.parse({ limits: { enabled: false } }),
    trust: { vault, url: onegateEndpoint },
    clock,
    log: silentLogger,
  });
  const status = async (token: string) => {
    const headers = { "X-ONEGATE-TOKEN": token, "X-ONEGATE-VMID": String(vmId) };
    return (await app.request("/vm", { headers })).status;
  };
  const session = async () => {
    const headers = { "X-ONEGATE-TOKEN": cloud.vmToken(vmId), "X-ONEGATE-VMID": String(vmId) };
    const answer = await app.request("/token", { method: "POST", headers });
    return String(JSON.parse(await answer.text()).token);
  };
  return { cloud, vault, commands, status, session };
}

async function newVm(cloud: EmbeddedCloud): Promise<number> {
  await cloud.firstStart({ password: "secret", hostName: "host0", driver: "dummy" });
  return await cloud.vms.allocate(SYSTEM, text('NAME = "vm"\nCONTEXT = [ TOKEN = "YES" ]'), { hold: true });
}

beforeEach(async () => {
  disk = memoryStore();
  vmId = await newVm((await open(disk)).cloud);
});

/** Opens a house that dies after so many writes of `work`, which never returns then; and the house after it. */
async function dying(writes: number, work: (house: Awaited<ReturnType<typeof open>>) => Promise<unknown>) {
  const dead = dyingStore(disk);
  const house = await open(dead.store);
  const session = await house.session();
  const before = { classic: house.cloud.vmToken(vmId), session };
  dead.dieAfter(writes);
  let ended = false;
  void work(house).then(() => {
    ended = true;
  });
  // Everything in memory goes on by turns of the event loop; after some nothing but the dead disk is waited for.
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return { before, ended, after: await open(disk) };
}

describe("a rotation that a crash interrupts", () => {
  it.each([0, 1, 2])("after %d of its writes leaves every token valid that should be", async (writes) => {
    const { before, ended, after } = await dying(writes, ({ commands }) =>
      commands.rotate("oneadmin", GRACE_MS),
    );
    expect(ended).toBe(writes === 2);
    expect(await after.status(before.classic)).toBe(200);
    expect(await after.status(before.session)).toBe(200);
    expect(await after.status(after.cloud.vmToken(vmId))).toBe(200);
    expect(after.cloud.vmToken(vmId) === before.classic).toBe(writes < 2);
  });

  it("is repeated, and then all tokens have their grace from then on", async () => {
    const { before, after } = await dying(1, ({ commands }) => commands.rotate("oneadmin", GRACE_MS));
    clock.advance(GRACE_MS - 1);
    await after.commands.rotate("oneadmin", GRACE_MS);
    clock.advance(GRACE_MS - 1);
    expect(await after.status(before.classic)).toBe(200);
    clock.advance(1);
    expect(await after.status(before.classic)).toBe(401);
    expect(await after.status(after.cloud.vmToken(vmId))).toBe(200);
  });

  it("and never repeated ends nothing: the old password is still the current one", async () => {
    const { before, after } = await dying(1, ({ commands }) => commands.rotate("oneadmin", GRACE_MS));
    clock.advance(2 * GRACE_MS);
    expect(await after.status(before.classic)).toBe(200);
  });

  it.each([0, 1, 2])(
    "without a grace, after %d of its writes, spoils no earlier grace before its time",
    async (writes) => {
      const earlier = await open(disk);
      const first = earlier.cloud.vmToken(vmId);
      await earlier.commands.rotate("oneadmin", GRACE_MS);
      const { before, after } = await dying(writes, ({ commands }) => commands.rotate("oneadmin", 0));
      // Once the new password stands, the rotation has happened, and what it ends has ended.
      const happened = writes > 0;
      expect(await after.status(first)).toBe(happened ? 401 : 200);
      expect(await after.status(before.classic)).toBe(happened ? 401 : 200);
      expect(await after.status(after.cloud.vmToken(vmId))).toBe(200);
    },
  );
});

describe("a revocation", () => {
  it.each([0, 1])(
    "that a crash interrupts after %d writes has happened only when it is stored",
    async (writes) => {
      const { before, ended, after } = await dying(writes, ({ commands }) => commands.revoke(vmId, true));
      expect(ended).toBe(writes === 1);
      expect(await after.status(before.session)).toBe(writes === 0 ? 200 : 401);
      expect(await after.status(before.classic)).toBe(writes === 0 ? 200 : 401);
    },
  );

  it("that the disk refuses is told so, and changes nothing", async () => {
    const house = await open(disk);
    const token = await house.session();
    disk.failNext();
    await expect(house.commands.revoke(vmId, true)).rejects.toMatchObject({ code: "unavailable" });
    expect(await house.status(token)).toBe(200);
    await house.commands.revoke(vmId, true);
    expect(await house.status(token)).toBe(401);
  });
});

describe("the vault beside the cloud in one store", () => {
  it("undoes what waits in either when a write of the other fails, and both go on", async () => {
    const { cloud, vault, commands } = await open(disk);
    const before = await cloud.vms.get(SYSTEM, vmId);
    disk.failNext();
    const outcomes = await Promise.allSettled([
      cloud.vms.updateUserTemplate(SYSTEM, vmId, { A: "1" }, "append"),
      vault.sessionKeys.current(),
      vault.revocations.revoke(before, true, () => false),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(vault.sessionKeys.list()).toEqual([]);
    expect(vault.revocations.refusesClassic(before)).toBe(false);
    expect((await cloud.vms.get(SYSTEM, vmId)).userTemplate).toEqual(before.userTemplate);
    await Promise.all([
      cloud.vms.updateUserTemplate(SYSTEM, vmId, { A: "2" }, "append"),
      vault.sessionKeys.current(),
      commands.revoke(vmId, true),
    ]);
    const again = await open(disk);
    expect((await again.cloud.vms.get(SYSTEM, vmId)).userTemplate).toMatchObject({ A: "2" });
    expect(again.vault.sessionKeys.list()).toEqual(vault.sessionKeys.list());
    expect(again.vault.revocations.refusesClassic(before)).toBe(true);
  });

  it("takes no id from the cloud, and the cloud none from it", async () => {
    const { cloud, vault } = await open(disk);
    const makeVm = () => cloud.vms.allocate(SYSTEM, text('NAME = "vm"'), { hold: true });
    const ids: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      ids.push(await makeVm());
      const vm = await cloud.vms.get(SYSTEM, vmId);
      await Promise.all([vault.revocations.revoke(vm, false, () => false), vault.sessionKeys.current()]);
      await vault.identityKeys.shown(3_600_000);
    }
    expect(ids).toEqual([vmId + 1, vmId + 2, vmId + 3]);
    const again = await open(disk);
    const next = await again.cloud.vms.allocate(SYSTEM, text('NAME = "vm"'), { hold: true });
    expect(next).toBe(vmId + 4);
  });

  it("is no part of a world: an export holds none of its secrets", async () => {
    const { cloud, vault, commands, session } = await open(disk);
    await session();
    await vault.identityKeys.shown(3_600_000);
    await commands.rotate("oneadmin", GRACE_MS);
    const world = JSON.stringify(cloud.exportWorld());
    const secrets = [
      ...vault.sessionKeys.list().map(({ secret }) => secret),
      ...vault.identityKeys.list().map(({ d }) => d),
      ...vault.passwords.list().map(({ password }) => password),
    ];
    expect(secrets).toHaveLength(3);
    for (const secret of secrets) expect(world).not.toContain(secret);
    expect(JSON.stringify(commands.standing())).not.toMatch(new RegExp(secrets.join("|")));
  });
});
