import { createCipheriv, createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readCipherSession } from "../../gateway/cloud/access/cipher.ts";
import { createSessions, type Sessions } from "../../gateway/cloud/access/sessions.ts";
import { Slowdown } from "../../gateway/cloud/access/slowdown.ts";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { makeUser, testCloud } from "../support/embedded.ts";
import { type HurriedClock, hurriedClock } from "../support/hurried-clock.ts";
import { manualClock } from "../support/manual-clock.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** The vector of spec core-xmlrpc.md 5. */
const SERVER_PASSWORD = "6ffcfbf1431c69c8a57fb79810e28b22c0278fd8d30190ed00391a3498579831";
const VECTOR = "1Np9NNCAcPTSAy8+m/y7Lp+O5i6DbD5thFnjAhn+IOY=";
const server = { name: "serveradmin", passwordHash: sha256(SERVER_PASSWORD) };

/** A server's secret, as its client makes it. */
function cipherSecret(
  target: string,
  expires: number,
  name = "serveradmin",
  password = SERVER_PASSWORD,
): string {
  const key = Buffer.from(sha256(password).slice(0, 32));
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16));
  const text = Buffer.concat([cipher.update(`${name}:${target}:${expires}`), cipher.final()]);
  return `${target}:${text.toString("base64")}`;
}

describe("a server's session", () => {
  it("is the one of the specification's vector, until it ends", () => {
    const target = { name: "oneadmin", gid: undefined };
    expect(readCipherSession(`oneadmin:${VECTOR}`, server, 1_700_001_799)).toEqual(target);
    expect(readCipherSession(`oneadmin:${VECTOR}`, server, 1_700_001_800)).toBeUndefined();
    expect(cipherSecret("oneadmin", 1_700_001_800)).toBe(`oneadmin:${VECTOR}`);
  });

  it("may name one group", () => {
    expect(readCipherSession(cipherSecret("alice:100", 9), server, 8)).toEqual({ name: "alice", gid: 100 });
  });

  it.each([
    ["made for another user", `bob:${VECTOR}`],
    [
      "made for one group, used for all",
      cipherSecret("alice:100", 9_999_999_999).replace("alice:100:", "alice:"),
    ],
    ["made with another key", cipherSecret("oneadmin", 9_999_999_999, "serveradmin", "other")],
    ["made by another server", cipherSecret("oneadmin", 9_999_999_999, "sunstone")],
    ["no base64", "oneadmin:!!!!"],
    ["not whole blocks", "oneadmin:AAAA"],
    ["empty", "oneadmin:"],
    ["without a user", VECTOR],
  ])("proves nothing when it is %s", (_, secret) => {
    expect(readCipherSession(secret, server, 1_700_000_000)).toBeUndefined();
  });
});

describe("sessions of a cloud", () => {
  let cloud: EmbeddedCloud;
  let clock: HurriedClock;
  let sessions: Sessions;

  beforeEach(async () => {
    clock = hurriedClock();
    ({ cloud } = await testCloud({ clock, firstStart: false }));
    const first = { password: "secret", serverPassword: SERVER_PASSWORD, hostName: "h", driver: "dummy" };
    await cloud.firstStart(first);
    await makeUser(cloud, SYSTEM, "alice");
    sessions = createSessions(cloud, clock);
  });

  afterEach(() => cloud.close());

  const who = async (session: string) => {
    const actor = await sessions.authenticate(session, "127.0.0.1");
    return actor && { name: actor.name, gid: actor.gid, gids: actor.gids };
  };
  const alice = async () => (await cloud.users.named("alice"))?.id ?? -1;

  it("are a name and its password, and nothing else", async () => {
    expect(await who("alice:alicepw")).toEqual({ name: "alice", gid: 1, gids: [1] });
    for (const wrong of [
      "alice:alicepw ",
      "alice:",
      "alice",
      "",
      ":",
      ":alicepw",
      "ALICE:alicepw",
      "nobody:x",
    ])
      expect([wrong, await who(wrong)]).toEqual([wrong, undefined]);
  });

  it("take a password with colons and blanks in it", async () => {
    await cloud.users.setPassword(SYSTEM, await alice(), "a:b c:d");
    expect(await who("alice:a:b c:d")).toMatchObject({ name: "alice" });
  });

  it("are refused to disabled users, whatever they show", async () => {
    const token = await cloud.users.addLoginToken(SYSTEM, await alice(), { expires: -1, gid: -1 });
    await cloud.users.setEnabled(SYSTEM, await alice(), false);
    expect(await who("alice:alicepw")).toBeUndefined();
    expect(await who(`alice:${token}`)).toBeUndefined();
    expect(await who(`serveradmin:${cipherSecret("alice", 9_999_999_999)}`)).toBeUndefined();
  });

  it("are tokens while they last, for all groups or one", async () => {
    const gid = await cloud.groups.allocate(SYSTEM, "staff");
    const id = await alice();
    await cloud.users.joinGroup(SYSTEM, id, gid);
    const now = Math.floor(clock.now() / 1000);
    const lasting = await cloud.users.addLoginToken(SYSTEM, id, { expires: -1, gid: -1 });
    const narrow = await cloud.users.addLoginToken(SYSTEM, id, { expires: now + 60, gid });
    const ended = await cloud.users.addLoginToken(SYSTEM, id, { token: "ended", expires: now, gid: -1 });
    expect(await who(`alice:${lasting}`)).toEqual({ name: "alice", gid: 1, gids: [1, gid] });
    expect(await who(`alice:${narrow}`)).toEqual({ name: "alice", gid, gids: [gid] });
    expect(await who(`alice:${ended}`)).toBeUndefined();
    expect(await who(`oneadmin:${lasting}`)).toBeUndefined();
    await cloud.users.leaveGroup(SYSTEM, id, gid);
    expect(await who(`alice:${narrow}`)).toBeUndefined();
    await cloud.users.removeLoginTokens(SYSTEM, id);
    expect(await who(`alice:${lasting}`)).toBeUndefined();
  });

  it("of servers are for the user they name, and never for the server's own password", async () => {
    expect(await who(`serveradmin:${cipherSecret("alice", 9_999_999_999)}`)).toMatchObject({ name: "alice" });
    expect(await who(`serveradmin:${cipherSecret("alice:1", 9_999_999_999)}`)).toMatchObject({ gids: [1] });
    expect(await who(`serveradmin:${cipherSecret("alice:0", 9_999_999_999)}`)).toBeUndefined();
    expect(await who(`serveradmin:${cipherSecret("nobody", 9_999_999_999)}`)).toBeUndefined();
    expect(await who(`serveradmin:${SERVER_PASSWORD}`)).toBeUndefined();
    expect(await cloud.users.authenticate("serveradmin", SERVER_PASSWORD)).toBeUndefined();
    expect(await who(`alice:${cipherSecret("oneadmin", 9_999_999_999, "alice")}`)).toBeUndefined();
  });

  it("take a SHA-1 password of old releases once, and keep it as SHA-256 then", async () => {
    const id = await alice();
    const old = createHash("sha1").update("from 4.x").digest("hex");
    const { cloud: older } = await testCloud({ clock, firstStart: false });
    const user = await cloud.users.get(SYSTEM, id);
    const { version: _, ...rest } = user;
    await older.importWorld({ ...cloud.exportWorld(), users: [{ ...rest, passwordHash: old }] });
    const before = createSessions(older, clock);
    expect(await before.authenticate("alice:wrong", "a")).toBeUndefined();
    expect(await before.authenticate("alice:from 4.x", "a")).toMatchObject({ name: "alice" });
    expect((await older.users.get(SYSTEM, id)).passwordHash).toBe(sha256("from 4.x"));
    await older.close();
  });

  it("that are wrong cost more and more time, and the right one none", async () => {
    for (let mistake = 0; mistake < 8; mistake += 1) await who("alice:wrong");
    expect(clock.waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 4_000, 4_000]);
    expect(await who("alice:alicepw")).toMatchObject({ name: "alice" });
    expect(await who("oneadmin:secret")).toMatchObject({ name: "oneadmin" });
    expect(clock.waits).toHaveLength(8);
  });

  it("that are wrong are slow by name, from whatever address, and by address, under whatever name", async () => {
    await sessions.authenticate("alice:wrong", "10.0.0.1");
    await sessions.authenticate("alice:wrong", "10.0.0.2");
    await sessions.authenticate("bob:wrong", "10.0.0.2");
    await sessions.authenticate("carol:wrong", "10.0.0.3");
    expect(clock.waits).toEqual([100, 200, 200, 100]);
  });
});

describe("guesses sent all at once", () => {
  it("stand in line, and so does a right password from the same place, which passes in its turn", async () => {
    const clock = manualClock();
    const slowdown = new Slowdown(clock);
    let looked = 0;
    const attempt = (proof: string | undefined) =>
      slowdown.attempt("10.0.0.1", "alice", async () => {
        looked += 1;
        return proof;
      });
    const guesses = Array.from({ length: 50 }, () => attempt(undefined));
    const right = attempt("alice");
    const elsewhere = await slowdown.attempt("10.0.0.2", "alice", async () => "alice");
    expect(elsewhere).toBe("alice");
    expect(looked).toBe(4);
    let passed = false;
    const done = right.then(() => {
      passed = true;
    });
    while (!passed) await Promise.race([clock.runNext(), done]);
    expect(await right).toBe("alice");
    while (clock.waiting() > 0) await clock.runNext();
    expect(await Promise.all(guesses)).toEqual(guesses.map(() => undefined));
    expect(looked).toBe(51);
  });

  it("free their place when looking at them fails", async () => {
    const slowdown = new Slowdown(manualClock());
    const broken = async () => {
      throw new Error("the store is gone");
    };
    for (let time = 0; time < 10; time += 1)
      await expect(slowdown.attempt("a", "n", broken)).rejects.toThrow("the store is gone");
    expect(await slowdown.attempt("a", "n", async () => "in")).toBe("in");
  });
});
