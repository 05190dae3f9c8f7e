/** Ownership and names, which every pool of owned objects treats alike. */

import { expect, it } from "vitest";
import type { Actor } from "../../../gateway/cloud/actor.ts";
import type { Cloud } from "../../../gateway/cloud/cloud.ts";
import type { Owned } from "../../../gateway/cloud/model.ts";
import type { OwnedPool, OwnerFilter } from "../../../gateway/cloud/pools/pool.ts";
import { type CloudUnderTest, text, userOf } from "./setup.ts";

/** Makes one object of each kind for its owner. */
async function oneOfEach(cloud: Cloud, owner: Actor, admin: Actor) {
  const networkId = await cloud.networks.allocate(admin, text('NAME = "n" BRIDGE = "br0" VN_MAD = "dummy"'));
  await cloud.networks.chown(admin, networkId, { uid: owner.uid, gid: owner.gid });
  const pools: readonly (readonly [string, OwnedPool<Owned>, number])[] = [
    ["VM", cloud.vms, await cloud.vms.allocate(owner, { NAME: "vm" }, { hold: true })],
    ["TEMPLATE", cloud.templates, await cloud.templates.allocate(owner, { NAME: "t" })],
    ["NET", cloud.networks, networkId],
    ["VROUTER", cloud.routers, await cloud.routers.allocate(owner, { NAME: "r" })],
    ["DOCUMENT", cloud.documents, await cloud.documents.allocate(owner, { type: 100, name: "d" })],
  ];
  return pools;
}

const OPEN = [1, 1, 1, 1, 1, 1, 1, 1, 1] as const;

export function ownershipTests(current: () => CloudUnderTest): void {
  it("goes to whoever made the object, with use and manage for them alone", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    for (const [label, pool, id] of await oneOfEach(cloud, alice, admin)) {
      expect(await pool.get(alice, id), label).toMatchObject({
        uid: alice.uid,
        uname: "alice",
        gid: alice.gid,
        mode: 0o600,
      });
    }
  });

  it("is given away by administrators only, even where everybody may do everything", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    for (const [label, pool, id] of await oneOfEach(cloud, alice, admin)) {
      await pool.chmod(admin, id, OPEN);
      // Whose it is already, that may be said again.
      await pool.chown(alice, id, { uid: alice.uid, gid: alice.gid });
      expect(await pool.get(alice, id), label).toMatchObject({ uid: alice.uid, gid: alice.gid });
      for (const actor of [alice, bob]) {
        await expect(pool.chown(actor, id, { uid: bob.uid }), label).rejects.toMatchObject({
          code: "forbidden",
        });
      }
      await pool.chown(admin, id, { uid: bob.uid });
      expect(await pool.get(bob, id), label).toMatchObject({ uid: bob.uid, uname: "bob", gid: alice.gid });
      await expect(pool.chown(admin, id, { uid: 999_999 })).rejects.toMatchObject({ code: "not_found" });
      await expect(pool.chown(admin, id, { gid: 999_999 })).rejects.toMatchObject({ code: "not_found" });
    }
  });

  it("moves between the groups of whoever may manage, and into no other", async () => {
    const { cloud, admin } = current();
    const [red, blue, green] = [
      await cloud.groups.allocate(admin, "red"),
      await cloud.groups.allocate(admin, "blue"),
      await cloud.groups.allocate(admin, "green"),
    ];
    const carol = await userOf(current(), "carol", [red, blue]);
    for (const [label, pool, id] of await oneOfEach(cloud, carol, admin)) {
      await pool.chown(carol, id, { gid: blue });
      expect(await pool.get(carol, id), label).toMatchObject({ gid: blue, gname: "blue", uid: carol.uid });
      await expect(pool.chown(carol, id, { gid: green }), label).rejects.toMatchObject({ code: "forbidden" });
      await pool.chown(admin, id, { gid: green });
      expect(await pool.get(admin, id), label).toMatchObject({ gid: green, gname: "green" });
    }
  });

  it("lets managers rename, with a name that is one", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    for (const [label, pool, id] of await oneOfEach(cloud, alice, admin)) {
      await pool.rename(alice, id, "new name");
      expect((await pool.get(alice, id)).name, label).toBe("new name");
      await expect(pool.rename(bob, id, "his"), label).rejects.toMatchObject({
        code: "forbidden",
        message: `User [${bob.uid}] : Not authorized to perform MANAGE ${label} [${id}].`,
      });
      for (const bad of ["", "x".repeat(129), "two\nlines"]) {
        await expect(pool.rename(alice, id, bad), label).rejects.toMatchObject({ code: "bad_request" });
      }
      expect((await pool.get(alice, id)).name, label).toBe("new name");
    }
  });

  it("narrows lists to one's own, one's groups', or somebody's", async () => {
    const { cloud, admin } = current();
    const [red, blue] = [
      await cloud.groups.allocate(admin, "red"),
      await cloud.groups.allocate(admin, "blue"),
    ];
    const carol = await userOf(current(), "carol", [red, blue]);
    const dave = await userOf(current(), "dave", [blue]);
    const make = async (owner: Actor, name: string) => {
      const id = await cloud.documents.allocate(owner, { type: 100, name });
      await cloud.documents.chmod(admin, id, OPEN);
      return id;
    };
    const hers = await make(carol, "hers");
    const his = await make(dave, "his");
    const foreign = await make(admin, "foreign");
    const listed = async (filter: OwnerFilter) => {
      const ids = (await cloud.documents.list(carol, filter)).map(({ id }) => id);
      return ids.filter((id) => [hers, his, foreign].includes(id));
    };
    expect(await listed({ kind: "all" })).toEqual([hers, his, foreign]);
    expect(await listed({ kind: "mine" })).toEqual([hers]);
    expect(await listed({ kind: "mine_and_groups" })).toEqual([hers, his]);
    expect(await listed({ kind: "primary_group" })).toEqual([hers]);
    expect(await listed({ kind: "user", uid: dave.uid })).toEqual([his]);
    await cloud.documents.chmod(admin, his, [1, 1, 1, 0, 0, 0, 0, 0, 0]);
    expect(await listed({ kind: "mine_and_groups" })).toEqual([hers]);
  });
}
