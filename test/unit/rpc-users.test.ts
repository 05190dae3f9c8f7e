import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/cloud.ts";
import { userFromDocument, userToDocument } from "../../gateway/cloud/document/user.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { makeUser, testCloud } from "../support/embedded.ts";
import { hurriedClock } from "../support/hurried-clock.ts";
import { openRpc, type RpcServer } from "../support/xmlrpc.ts";

const ADMIN = "oneadmin:secret";
const ALICE = "alice:alicepw";
const BOB = "bob:bobpw";
const ALICE_UID = 2;

let cloud: EmbeddedCloud;
let rpc: RpcServer;

beforeEach(async () => {
  const clock = hurriedClock();
  ({ cloud } = await testCloud({ clock }));
  await makeUser(cloud, SYSTEM, "alice");
  await makeUser(cloud, SYSTEM, "bob");
  rpc = openRpc(cloud, clock);
});

afterEach(() => cloud.close());

describe("users", () => {
  it("log in by a token that they make, and that they end", async () => {
    const token = await rpc.value("one.user.login", ALICE, "alice", "", 3_600);
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(await rpc.value("one.user.info", `alice:${token}`, -1)).toContain(`<TOKEN>${token}</TOKEN>`);
    expect(await rpc.value("one.user.login", ALICE, "alice", token, 0)).toBe("");
    expect((await rpc.refusal("one.user.info", `alice:${token}`, -1))[0]).toBe(256);
    expect((await rpc.refusal("one.user.login", ALICE, "alice", token, 0))[0]).toBe(1024);
  });

  it("make tokens for themselves only, and not for groups they are not in, nor without end", async () => {
    expect((await rpc.refusal("one.user.login", BOB, "alice", "", -1))[0]).toBe(512);
    expect((await rpc.refusal("one.user.login", BOB, "nobody", "", -1))[0]).toBe(512);
    expect((await rpc.refusal("one.user.login", ALICE, "alice", "", -1, 0))[0]).toBe(4096);
    for (let count = 0; count < 10; count += 1) await rpc.value("one.user.login", ALICE, "alice", "", -1);
    expect((await rpc.refusal("one.user.login", ALICE, "alice", "", -1))[0]).toBe(4096);
  });

  it("cannot widen a session of one group", async () => {
    const gid = Number(await rpc.value("one.group.allocate", ADMIN, "staff"));
    await rpc.value("one.user.addgroup", ADMIN, ALICE_UID, gid);
    const narrow = `alice:${await rpc.value("one.user.login", ALICE, "alice", "", -1, gid)}`;
    await rpc.value("one.user.login", narrow, "alice", "made", -1);
    expect((await cloud.users.get(SYSTEM, ALICE_UID)).loginTokens?.at(-1)).toEqual({
      token: "made",
      expires: -1,
      gid,
    });
    expect((await rpc.refusal("one.user.login", narrow, "alice", "", -1, 1))[0]).toBe(4096);
  });

  it("keep their tokens through a document", async () => {
    for (const gid of [-1, 1])
      await cloud.users.addLoginToken(SYSTEM, ALICE_UID, { expires: 5_000_000_000, gid });
    const { version: _, ...user } = await cloud.users.get(SYSTEM, ALICE_UID);
    expect(userFromDocument(userToDocument(user))).toEqual(user);
    const { loginTokens: __, ...bare } = user;
    expect(userFromDocument(userToDocument(bare))).toEqual(bare);
  });

  it("and groups are an administrator's to change", async () => {
    const gid = Number(await rpc.value("one.group.allocate", ADMIN, "staff"));
    const id = Number(await rpc.value("one.user.allocate", ADMIN, "carol", "pw", "", [gid]));
    expect(await rpc.value("one.group.info", ADMIN, gid)).toContain(`<USERS><ID>${id}</ID></USERS>`);
    await rpc.value("one.user.chgrp", ADMIN, id, 1);
    await rpc.value("one.user.addgroup", ADMIN, id, gid);
    await rpc.value("one.user.delgroup", ADMIN, id, gid);
    expect((await rpc.refusal("one.user.delgroup", ADMIN, id, 1))[0]).toBe(2048);
    await rpc.value("one.user.enable", ADMIN, id, false);
    expect((await rpc.refusal("one.user.info", "carol:pw", -1))[0]).toBe(256);
    await rpc.value("one.user.enable", ADMIN, id, true);
    expect(await rpc.value("one.user.info", "carol:pw", -1)).toContain("<NAME>carol</NAME>");
    for (const [method, ...parameters] of [
      ["one.user.chauth", id, "core"],
      ["one.user.enable", ALICE_UID, false],
      ["one.user.addgroup", ALICE_UID, 0],
      ["one.group.delete", gid],
      ["one.user.info", id],
    ] as const)
      expect([method, (await rpc.refusal(method, ALICE, ...parameters))[0]]).toEqual([method, 512]);
    expect((await rpc.refusal("one.user.allocate", ADMIN, "a:b", "pw"))[0]).toBe(4096);
  });
});
