import { describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { userFromDocument, userToDocument } from "../../gateway/cloud/document/user.ts";
import { ADMIN, ALICE, ALICE_UID, BOB, useRpcDesk } from "../support/rpc-users.ts";

const desk = useRpcDesk();

describe("users", () => {
  it("log in by a token that they make, and that they end", async () => {
    const token = await desk.rpc.value("one.user.login", ALICE, "alice", "", 3_600);
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(await desk.rpc.value("one.user.info", `alice:${token}`, -1)).toContain(`<TOKEN>${token}</TOKEN>`);
    expect(await desk.rpc.value("one.user.login", ALICE, "alice", token, 0)).toBe("");
    expect((await desk.rpc.refusal("one.user.info", `alice:${token}`, -1))[0]).toBe(256);
    expect((await desk.rpc.refusal("one.user.login", ALICE, "alice", token, 0))[0]).toBe(1024);
  });

  it("make tokens for themselves only, and not for groups they are not in, nor without end", async () => {
    expect((await desk.rpc.refusal("one.user.login", BOB, "alice", "", -1))[0]).toBe(512);
    expect((await desk.rpc.refusal("one.user.login", BOB, "nobody", "", -1))[0]).toBe(512);
    expect((await desk.rpc.refusal("one.user.login", ALICE, "alice", "", -1, 0))[0]).toBe(4096);
    for (let count = 0; count < 10; count += 1)
      await desk.rpc.value("one.user.login", ALICE, "alice", "", -1);
    expect((await desk.rpc.refusal("one.user.login", ALICE, "alice", "", -1))[0]).toBe(4096);
  });

  it("cannot widen a session of one group", async () => {
    const gid = Number(await desk.rpc.value("one.group.allocate", ADMIN, "staff"));
    await desk.rpc.value("one.user.addgroup", ADMIN, ALICE_UID, gid);
    const narrow = `alice:${await desk.rpc.value("one.user.login", ALICE, "alice", "", -1, gid)}`;
    await desk.rpc.value("one.user.login", narrow, "alice", "made", -1);
    expect((await desk.cloud.users.get(SYSTEM, ALICE_UID)).loginTokens?.at(-1)).toEqual({
      token: "made",
      expires: -1,
      gid,
    });
    expect((await desk.rpc.refusal("one.user.login", narrow, "alice", "", -1, 1))[0]).toBe(4096);
  });

  it("keep their tokens through a document", async () => {
    for (const gid of [-1, 1])
      await desk.cloud.users.addLoginToken(SYSTEM, ALICE_UID, { expires: 5_000_000_000, gid });
    const { version: _, ...user } = await desk.cloud.users.get(SYSTEM, ALICE_UID);
    expect(userFromDocument(userToDocument(user))).toEqual(user);
    const { loginTokens: __, ...bare } = user;
    expect(userFromDocument(userToDocument(bare))).toEqual(bare);
  });

  it("and groups are an administrator's to change", async () => {
    const gid = Number(await desk.rpc.value("one.group.allocate", ADMIN, "staff"));
    const id = Number(await desk.rpc.value("one.user.allocate", ADMIN, "carol", "pw", "", [gid]));
    expect(await desk.rpc.value("one.group.info", ADMIN, gid)).toContain(`<USERS><ID>${id}</ID></USERS>`);
    await desk.rpc.value("one.user.chgrp", ADMIN, id, 1);
    await desk.rpc.value("one.user.addgroup", ADMIN, id, gid);
    await desk.rpc.value("one.user.delgroup", ADMIN, id, gid);
    expect((await desk.rpc.refusal("one.user.delgroup", ADMIN, id, 1))[0]).toBe(2048);
    await desk.rpc.value("one.user.enable", ADMIN, id, false);
    expect((await desk.rpc.refusal("one.user.info", "carol:pw", -1))[0]).toBe(256);
    await desk.rpc.value("one.user.enable", ADMIN, id, true);
    expect(await desk.rpc.value("one.user.info", "carol:pw", -1)).toContain("<NAME>carol</NAME>");
    for (const [method, ...parameters] of [
      ["one.user.chauth", id, "core"],
      ["one.user.enable", ALICE_UID, false],
      ["one.user.addgroup", ALICE_UID, 0],
      ["one.group.delete", gid],
      ["one.user.info", id],
    ] as const)
      expect([method, (await desk.rpc.refusal(method, ALICE, ...parameters))[0]]).toEqual([method, 512]);
    expect((await desk.rpc.refusal("one.user.allocate", ADMIN, "a:b", "pw"))[0]).toBe(4096);
  });
});
