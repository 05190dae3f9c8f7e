/** What lets a user in: an enabled account, a driver that keeps passwords, groups, and tokens with an end. */

import { expect, it } from "vitest";
import type { CloudUnderTest } from "./setup.ts";

const FOR_EVER = -1;
const EVERY_GROUP = -1;

export function loginTests(current: () => CloudUnderTest): void {
  it("needs an enabled account; administrators enable and disable all but oneadmin", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    await expect(cloud.users.setEnabled(alice, alice.uid, false)).rejects.toMatchObject({
      code: "forbidden",
    });
    await cloud.users.setEnabled(admin, alice.uid, false);
    expect((await cloud.users.get(admin, alice.uid)).enabled).toBe(false);
    expect(await cloud.users.authenticate("alice", "alicepw")).toBeUndefined();
    await cloud.users.setEnabled(admin, alice.uid, true);
    expect(await cloud.users.authenticate("alice", "alicepw")).toEqual(alice);
    await expect(cloud.users.setEnabled(admin, 0, false)).rejects.toMatchObject({ code: "forbidden" });
  });

  it("needs a driver that keeps passwords", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    await expect(cloud.users.setDriver(alice, alice.uid, "core", "own")).rejects.toMatchObject({
      code: "forbidden",
    });
    await cloud.users.setDriver(admin, alice.uid, "server_cipher");
    expect(await cloud.users.authenticate("alice", "alicepw")).toBeUndefined();
    await cloud.users.setDriver(admin, alice.uid, "core", "newpw");
    expect((await cloud.users.get(admin, alice.uid)).authDriver).toBe("core");
    expect(await cloud.users.authenticate("alice", "newpw")).toEqual(alice);
    expect(await cloud.users.authenticate("alice", "alicepw")).toBeUndefined();
  });

  it("is looked up by name, whole", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    expect(await cloud.users.named("alice")).toMatchObject({ id: alice.uid, authDriver: "core" });
    expect(await cloud.users.named("alic")).toBeUndefined();
  });

  it("brings the groups that were joined and not left", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const team = await cloud.groups.allocate(admin, "team");
    await expect(cloud.users.joinGroup(alice, alice.uid, team)).rejects.toMatchObject({ code: "forbidden" });
    await cloud.users.joinGroup(admin, alice.uid, team);
    expect(await cloud.users.authenticate("alice", "alicepw")).toMatchObject({
      gid: alice.gid,
      gids: [alice.gid, team],
    });
    await expect(cloud.users.joinGroup(admin, alice.uid, team)).rejects.toMatchObject({ code: "conflict" });
    await expect(cloud.users.joinGroup(admin, alice.uid, 999_999)).rejects.toMatchObject({
      code: "not_found",
    });
    await expect(cloud.groups.delete(admin, team)).rejects.toMatchObject({ code: "conflict" });
    await expect(cloud.users.leaveGroup(alice, alice.uid, team)).rejects.toMatchObject({ code: "forbidden" });
    await cloud.users.leaveGroup(admin, alice.uid, team);
    for (const gid of [team, alice.gid]) {
      await expect(cloud.users.leaveGroup(admin, alice.uid, gid)).rejects.toMatchObject({ code: "conflict" });
    }
    expect(await cloud.users.actor(alice.uid)).toEqual(alice);
    await cloud.groups.delete(admin, team);
  });

  it("is shortened by tokens, given or made, for one group of the user or for all", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const ask = { expires: FOR_EVER, gid: EVERY_GROUP };
    const made = await cloud.users.addLoginToken(alice, alice.uid, ask);
    expect(made).toMatch(/^[0-9a-f]{32,}$/);
    expect(await cloud.users.addLoginToken(alice, alice.uid, { ...ask, gid: alice.gid, token: "own" })).toBe(
      "own",
    );
    // The end of one that is over: it goes when the next one comes.
    await cloud.users.addLoginToken(alice, alice.uid, { ...ask, expires: 1, token: "over" });
    const last = await cloud.users.addLoginToken(alice, alice.uid, ask);
    const tokens = async () =>
      ((await cloud.users.named("alice"))?.loginTokens ?? []).map(({ token }) => token);
    expect(await tokens()).toEqual([made, "own", last]);
    await expect(cloud.users.addLoginToken(alice, alice.uid, { ...ask, gid: 0 })).rejects.toMatchObject({
      code: "bad_request",
    });
    await expect(cloud.users.addLoginToken(bob, alice.uid, ask)).rejects.toMatchObject({
      code: "forbidden",
    });
    await expect(cloud.users.removeLoginTokens(bob, alice.uid)).rejects.toMatchObject({ code: "forbidden" });

    await cloud.users.removeLoginTokens(alice, alice.uid, "own");
    await expect(cloud.users.removeLoginTokens(alice, alice.uid, "own")).rejects.toMatchObject({
      code: "not_found",
    });
    expect(await tokens()).toEqual([made, last]);
    await cloud.users.removeLoginTokens(admin, alice.uid);
    expect(await tokens()).toEqual([]);
  });

  it("is bounded: a user has so many tokens, and no more", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const ask = { expires: FOR_EVER, gid: EVERY_GROUP };
    const more = async () => {
      for (let count = 0; count < 1_000; count += 1) await cloud.users.addLoginToken(alice, alice.uid, ask);
    };
    await expect(more()).rejects.toMatchObject({ code: "bad_request" });
  });
}
