/** Reading: `peek`, `get` and `list` tell the same, to each actor. */

import { expect, it } from "vitest";
import type { Actor } from "../../../gateway/cloud/actor.ts";
import type { Pool } from "../../../gateway/cloud/pools/pool.ts";
import { isGatehouseError } from "../../../shared/errors.ts";
import { type CloudUnderTest, text } from "./setup.ts";

/** What `get` says: the object, or why not. */
async function told<T>(pool: Pool<T>, actor: Actor, id: number): Promise<T | "not_found" | "forbidden"> {
  try {
    return await pool.get(actor, id);
  } catch (error) {
    if (isGatehouseError(error) && (error.code === "not_found" || error.code === "forbidden"))
      return error.code;
    throw error;
  }
}

async function listedIds(pool: Pool<{ readonly id: number }>, actor: Actor): Promise<readonly number[]> {
  try {
    return (await pool.list(actor)).map(({ id }) => id);
  } catch (error) {
    // Hosts are listed to administrators only.
    if (isGatehouseError(error) && error.code === "forbidden") return [];
    throw error;
  }
}

export function readingTests(current: () => CloudUnderTest): void {
  it("tells by peek what get tells, or nothing, and lists exactly what get shows", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const open = await cloud.documents.allocate(alice, { type: 100, name: "open" });
    await cloud.documents.chmod(alice, open, [-1, -1, -1, 1, 0, 0, 0, 0, 0]);
    await cloud.documents.allocate(alice, { type: 101, name: "closed" });
    await cloud.vms.allocate(alice, { NAME: "vm" }, { hold: true });
    await cloud.templates.allocate(bob, { NAME: "t" });
    await cloud.networks.allocate(admin, text('NAME = "n" BRIDGE = "br0" VN_MAD = "dummy"'));
    await cloud.routers.allocate(bob, { NAME: "r" });
    const pools: Record<string, Pool<{ readonly id: number }>> = {
      vms: cloud.vms,
      templates: cloud.templates,
      networks: cloud.networks,
      networkTemplates: cloud.networkTemplates,
      routers: cloud.routers,
      documents: cloud.documents,
      hosts: cloud.hosts,
      users: cloud.users,
      groups: cloud.groups,
      vmGroups: cloud.vmGroups,
    };
    for (const [name, pool] of Object.entries(pools)) {
      const ids = [...(await listedIds(pool, admin)), 999_999];
      for (const actor of [admin, alice, bob]) {
        const visible: number[] = [];
        for (const id of ids) {
          const got = await told(pool, actor, id);
          const peeked = pool.peek(actor, id);
          if (peeked !== undefined) expect(peeked, `${name} ${id} for ${actor.name}`).toEqual(got);
          if (typeof got !== "string") visible.push(id);
        }
        expect(await listedIds(pool, actor), `${name} for ${actor.name}`).toEqual(visible);
      }
    }
  });

  it("knows actors by peek as it knows them by asking", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    for (const uid of [admin.uid, alice.uid, 999_999]) {
      const asked = await cloud.users.actor(uid);
      const peeked = cloud.users.peekActor(uid);
      if (peeked !== undefined) expect(peeked).toEqual(asked);
    }
    expect(await cloud.users.actor(alice.uid)).toEqual(alice);
    expect(await cloud.users.actor(999_999)).toBeUndefined();
  });

  it("gives snapshots that no later change reaches", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const id = await cloud.documents.allocate(alice, { type: 100, name: "before", body: { a: 1 } });
    const kept = await cloud.documents.get(alice, id);
    await cloud.documents.rename(alice, id, "after");
    await cloud.documents.update(alice, id, { a: 2 });
    expect(kept).toMatchObject({ name: "before", body: { a: 1 } });
    const newest = await cloud.documents.get(alice, id);
    expect(newest).toMatchObject({ name: "after", body: { a: 2 } });
    expect(newest.version).toBeGreaterThan(kept.version);
  });
}
