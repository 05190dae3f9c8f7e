/** Groups, and who belongs to them. */

import { expect, it } from "vitest";
import { type CloudUnderTest, text, userOf } from "./setup.ts";

export function groupTests(current: () => CloudUnderTest): void {
  it("are made by administrators, each name once, and deleted when nobody is in them", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    await expect(cloud.groups.allocate(alice, "team")).rejects.toMatchObject({ code: "forbidden" });
    await expect(cloud.groups.allocate(admin, "")).rejects.toMatchObject({ code: "bad_request" });
    const gid = await cloud.groups.allocate(admin, "team");
    await expect(cloud.groups.allocate(admin, "team")).rejects.toMatchObject({ code: "conflict" });
    const carol = await userOf(current(), "carol", [gid]);
    await expect(cloud.groups.delete(admin, gid)).rejects.toMatchObject({ code: "conflict" });
    await cloud.users.setGroup(admin, carol.uid, alice.gid);
    await expect(cloud.groups.delete(alice, gid)).rejects.toMatchObject({ code: "forbidden" });
    await cloud.groups.delete(admin, gid);
    await expect(cloud.groups.get(admin, gid)).rejects.toMatchObject({
      code: "not_found",
      message: `Error getting group [${gid}].`,
    });
    for (const builtIn of [0, 1]) {
      await expect(cloud.groups.delete(admin, builtIn)).rejects.toMatchObject({ code: "forbidden" });
    }
  });

  it("have members whose primary group comes first and moves with setGroup", async () => {
    const { cloud, admin, user } = current();
    const [red, blue, green] = [
      await cloud.groups.allocate(admin, "red"),
      await cloud.groups.allocate(admin, "blue"),
      await cloud.groups.allocate(admin, "green"),
    ];
    const carol = await userOf(current(), "carol", [red, blue]);
    expect(carol).toMatchObject({ gid: red, gids: [red, blue] });
    expect(await cloud.users.get(admin, carol.uid)).toMatchObject({ gid: red, gname: "red" });
    await cloud.users.setGroup(admin, carol.uid, green);
    const moved = await cloud.users.actor(carol.uid);
    expect(moved?.gid).toBe(green);
    expect(moved?.gids.toSorted()).toEqual([blue, green].toSorted());
    expect(await cloud.users.get(admin, carol.uid)).toMatchObject({ gid: green, gname: "green" });

    const bob = await user("bob");
    await expect(cloud.users.setGroup(bob, bob.uid, red)).rejects.toMatchObject({ code: "forbidden" });
    await expect(cloud.users.setGroup(admin, bob.uid, 999_999)).rejects.toMatchObject({ code: "not_found" });
    await expect(
      cloud.users.allocate(admin, { name: "lost", password: "pw", gids: [red, 999_999] }),
    ).rejects.toMatchObject({ code: "not_found" });
    expect(await cloud.users.authenticate("lost", "pw")).toBeUndefined();
  });

  it("are seen by their members and by administrators, and noted on by administrators", async () => {
    const { cloud, admin, user } = current();
    const gid = await cloud.groups.allocate(admin, "team");
    const carol = await userOf(current(), "carol", [gid]);
    const bob = await user("bob");
    await cloud.groups.update(admin, gid, text('A = "1" B = "2"'), "replace");
    await cloud.groups.update(admin, gid, { A: {}, C: "3" }, "append");
    expect(await cloud.groups.get(carol, gid)).toMatchObject({ name: "team", template: { B: "2", C: "3" } });
    await expect(cloud.groups.update(carol, gid, { D: "4" }, "append")).rejects.toMatchObject({
      code: "forbidden",
    });
    await expect(cloud.groups.get(bob, gid)).rejects.toMatchObject({ code: "forbidden" });
    expect((await cloud.groups.list(carol)).map(({ id }) => id)).toEqual([gid]);
    expect((await cloud.groups.list(admin)).map(({ id }) => id)).toEqual(expect.arrayContaining([0, 1, gid]));
  });

  it("give administrators' rights to the members of oneadmin's", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const id = await cloud.documents.allocate(alice, { type: 100, name: "hers" });
    const deputy = await userOf(current(), "deputy", [1, 0]);
    expect(await cloud.documents.get(deputy, id)).toMatchObject({ name: "hers" });
    await cloud.documents.chown(deputy, id, { uid: deputy.uid });
    expect(await cloud.documents.get(deputy, id)).toMatchObject({ uname: "deputy" });
  });
}
