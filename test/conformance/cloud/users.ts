/** Users: who they prove to be, and who may change them. */

import { expect, it } from "vitest";
import { stringOf } from "../../../shared/template/types.ts";
import { type CloudUnderTest, text } from "./setup.ts";

export function userTests(current: () => CloudUnderTest): void {
  it("prove who they are with their name and password, and with nothing else", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    await user("bob");
    expect(await cloud.users.authenticate("alice", "alicepw")).toEqual(alice);
    for (const [name, password] of [
      ["alice", "bobpw"],
      ["alice", ""],
      ["alice", "alicepw "],
      ["ALICE", "alicepw"],
      ["nobody", "alicepw"],
      ["", ""],
    ] as const) {
      expect(await cloud.users.authenticate(name, password), `${name}:${password}`).toBeUndefined();
    }
  });

  it("change their password themselves or by an administrator, and the old one is none any more", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    await cloud.users.setPassword(alice, alice.uid, "own");
    expect(await cloud.users.authenticate("alice", "own")).toEqual(alice);
    expect(await cloud.users.authenticate("alice", "alicepw")).toBeUndefined();
    await cloud.users.setPassword(admin, alice.uid, "given");
    expect(await cloud.users.authenticate("alice", "given")).toEqual(alice);
    await expect(cloud.users.setPassword(bob, alice.uid, "stolen")).rejects.toMatchObject({
      code: "forbidden",
    });
    await expect(cloud.users.setPassword(alice, alice.uid, "")).rejects.toMatchObject({
      code: "bad_request",
    });
    expect(await cloud.users.authenticate("alice", "given")).toEqual(alice);
  });

  it("never show a password, only its hash", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    expect(JSON.stringify(await cloud.users.get(admin, alice.uid))).not.toContain("alicepw");
  });

  it("are made and deleted by administrators, each name once", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const wanted = { name: "carol", password: "pw" };
    await expect(cloud.users.allocate(alice, wanted)).rejects.toMatchObject({ code: "forbidden" });
    const id = await cloud.users.allocate(admin, wanted);
    await expect(cloud.users.allocate(admin, wanted)).rejects.toMatchObject({
      code: "conflict",
      message: `NAME is already taken by USER ${id}.`,
    });
    await expect(cloud.users.allocate(admin, { name: "", password: "pw" })).rejects.toMatchObject({
      code: "bad_request",
    });
    await expect(cloud.users.delete(alice, id)).rejects.toMatchObject({ code: "forbidden" });
    await cloud.users.delete(admin, id);
    expect(await cloud.users.authenticate("carol", "pw")).toBeUndefined();
    expect(await cloud.users.actor(id)).toBeUndefined();
    expect(cloud.users.peekActor(id)).toBeUndefined();
    await expect(cloud.users.get(admin, id)).rejects.toMatchObject({
      code: "not_found",
      message: `Error getting user [${id}].`,
    });
    await expect(cloud.users.delete(admin, id)).rejects.toMatchObject({ code: "not_found" });
    await expect(cloud.users.delete(admin, 0)).rejects.toMatchObject({ code: "forbidden" });
  });

  it("are seen by themselves and by administrators", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    expect(await cloud.users.get(alice, alice.uid)).toMatchObject({ name: "alice", gid: alice.gid });
    await expect(cloud.users.get(bob, alice.uid)).rejects.toMatchObject({ code: "forbidden" });
    expect((await cloud.users.list(alice)).map(({ id }) => id)).toEqual([alice.uid]);
    const all = (await cloud.users.list(admin)).map(({ id }) => id);
    expect(all).toEqual(expect.arrayContaining([0, alice.uid, bob.uid]));
    expect(all).toEqual(all.toSorted((left, right) => left - right));
  });

  it("keep notes: appended, replaced, removed with an empty vector, by themselves or an administrator", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const notes = async () => {
      const { TOKEN_PASSWORD: _, ...rest } = (await cloud.users.get(admin, alice.uid)).template;
      return rest;
    };
    await cloud.users.update(alice, alice.uid, text('A = "1" B = "2"'), "append");
    expect(await notes()).toEqual({ A: "1", B: "2" });
    await cloud.users.update(admin, alice.uid, { A: "3", B: {} }, "append");
    expect(await notes()).toEqual({ A: "3" });
    await cloud.users.update(alice, alice.uid, text('C = "4"'), "replace");
    expect(await notes()).toEqual({ C: "4" });
    await expect(cloud.users.update(bob, alice.uid, { D: "5" }, "append")).rejects.toMatchObject({
      code: "forbidden",
    });
    expect(await notes()).toEqual({ C: "4" });
  });

  it("have a TOKEN_PASSWORD of their own from the beginning, which only a new one takes away", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const secret = async (uid: number) =>
      stringOf((await cloud.users.get(admin, uid)).template, "TOKEN_PASSWORD");
    const first = await secret(alice.uid);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(first).not.toBe(await secret(bob.uid));
    await cloud.users.update(alice, alice.uid, { A: "1" }, "replace");
    await cloud.users.update(alice, alice.uid, { TOKEN_PASSWORD: {} }, "append");
    await cloud.users.setPassword(alice, alice.uid, "new");
    expect(await secret(alice.uid)).toBe(first);
    await cloud.users.update(alice, alice.uid, { TOKEN_PASSWORD: "own" }, "append");
    expect(await secret(alice.uid)).toBe("own");
  });
}
