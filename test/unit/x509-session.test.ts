import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSessions, type Sessions } from "../../gateway/cloud/access/sessions.ts";
import { subjectOf } from "../../gateway/cloud/access/subject.ts";
import { readX509Session, writeX509Session } from "../../gateway/cloud/access/x509.ts";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { ActingSessions } from "../../gateway/cloud/opennebula/acting.ts";
import { openOpenNebulaCloud } from "../../gateway/cloud/opennebula/opennebula-cloud.ts";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { makeUser, testCloud } from "../support/embedded.ts";
import { hurriedClock } from "../support/hurried-clock.ts";
import { manualClock } from "../support/manual-clock.ts";
import { serveCore } from "../support/opennebula.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/x509");
const read = (name: string) => readFileSync(join(FIXTURES, name), "utf8");
const certificate = new X509Certificate(read("cert.pem"));
const key = createPrivateKey(read("key.pem"));
const SUBJECT = "/C=ES/O=ONE/OU=DEV/CN=gateserver";
const known = { name: "serveradmin", passwordHash: SUBJECT };
const server = { name: "serveradmin", key };

/** Made by the openssl command: `pkeyutl -sign` of serveradmin:oneadmin:1700001800, and base64 twice. */
const VECTOR = `oneadmin:${read("oneadmin-1700001800.txt").trim()}`;
const BEFORE = 1_700_001_799;
const LATER = 9_999_999_999;

describe("a session of a server with a certificate", () => {
  it("is what openssl makes of the same key, and is read until it ends", () => {
    expect(writeX509Session("oneadmin", server, 1_700_001_800)).toBe(VECTOR);
    expect(readX509Session(VECTOR, known, certificate, BEFORE)).toEqual({ name: "oneadmin", gid: undefined });
    expect(readX509Session(VECTOR, known, certificate, BEFORE + 1)).toBeUndefined();
  });

  it("may name one group", () => {
    const secret = writeX509Session("alice:100", server, LATER);
    expect(readX509Session(secret, known, certificate, BEFORE)).toEqual({ name: "alice", gid: 100 });
  });

  const other = generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey;
  const narrow = writeX509Session("alice:100", server, LATER);
  it.each([
    ["made for another user", VECTOR.replace("oneadmin", "bob")],
    ["made for one group, used for all", narrow.replace("alice:100:", "alice:")],
    ["made with another key", writeX509Session("oneadmin", { ...server, key: other }, LATER)],
    ["made by another server", writeX509Session("oneadmin", { name: "sunstone", key }, LATER)],
    ["of one base64 only", `oneadmin:${Buffer.from(VECTOR.slice(9), "base64").toString("latin1")}`],
    ["cut", VECTOR.slice(0, -8)],
    ["longer than any", `oneadmin:${"A".repeat(4_000)}`],
    ["no base64", "oneadmin:!!!!"],
    ["empty", "oneadmin:"],
    ["without a user", VECTOR.slice(9)],
  ])("proves nothing when it is %s", (_, secret) => {
    expect(readX509Session(secret, known, certificate, BEFORE)).toBeUndefined();
  });

  it("proves nothing for a user whose password is another subject", () => {
    for (const passwordHash of ["/C=ES/CN=other", "", `${SUBJECT}x`])
      expect(readX509Session(VECTOR, { ...known, passwordHash }, certificate, BEFORE)).toBeUndefined();
  });

  it("is not made of more than the key takes, and says so", () => {
    expect(() => writeX509Session("a".repeat(223), server, LATER)).toThrow("it takes 245 with");
    expect(writeX509Session("a".repeat(222), server, LATER)).toMatch(/^a{222}:/);
  });

  it("is kept until 5 minutes before its end, as one with a password", () => {
    const clock = manualClock(1_700_000_000_000);
    const sessions = new ActingSessions(server, clock);
    expect(sessions.for(SYSTEM)).toBe(`serveradmin:${VECTOR}`);
    clock.advance(1_499_000);
    expect(sessions.for(SYSTEM)).toBe(`serveradmin:${VECTOR}`);
    clock.advance(1_000);
    expect(sessions.for(SYSTEM)).not.toBe(`serveradmin:${VECTOR}`);
  });
});

describe("the subject of a certificate", () => {
  // As `openssl x509 -noout -subject -nameopt compat` prints it, which is what Ruby prints, without its blanks.
  it.each([
    ['C=ES\nO=ONE\\, Inc. \\"x\\"\nCN=server one', '/C=ES/O=ONE,Inc."x"/CN=serverone'],
    ["OU=\\#a\nCN=a\\+b=c/d", "/OU=#a/CN=a\\+b=c\\/d"],
    ["O=x + OU=y\nCN=z", "/O=x+OU=y/CN=z"],
    ["CN=Dév", "/CN=D\\xC3\\xA9v"],
  ])("%j is %s", (subject, expected) => {
    expect(subjectOf({ subject })).toBe(expected);
  });

  it("is that of the fixture as openssl prints it", () => {
    expect(subjectOf(certificate)).toBe(SUBJECT);
  });
});

describe("a cloud whose server has a certificate", () => {
  let cloud: EmbeddedCloud;
  let serverId: number;

  beforeEach(async () => {
    ({ cloud } = await testCloud());
    await makeUser(cloud, SYSTEM, "alice");
    const password = "/C=ES/O=ONE/OU=DEV/CN=gate server";
    serverId = await cloud.users.allocate(SYSTEM, { name: "serveradmin", password, driver: "server_x509" });
  });

  afterEach(() => cloud.close());

  const who = async (sessions: Sessions, session: string) =>
    (await sessions.authenticate(session, "127.0.0.1"))?.name;
  const alice = () => `serveradmin:${writeX509Session("alice", server, LATER)}`;

  it("takes its sessions for whom they name, and nothing else of it", async () => {
    const sessions = createSessions(cloud, hurriedClock(), certificate);
    expect(await who(sessions, alice())).toBe("alice");
    expect(await who(sessions, `serveradmin:${writeX509Session("nobody", server, LATER)}`)).toBeUndefined();
    expect(await who(sessions, `serveradmin:${SUBJECT}`)).toBeUndefined();
    await cloud.users.setEnabled(SYSTEM, serverId, false);
    expect(await who(sessions, alice())).toBeUndefined();
  });

  it("takes none where no certificate is configured, or the driver is another", async () => {
    expect(await who(createSessions(cloud, hurriedClock()), alice())).toBeUndefined();
    const sessions = createSessions(cloud, hurriedClock(), certificate);
    // The subject, which everybody may know, must not become the key of cipher sessions.
    for (const driver of ["server_cipher", "core"]) {
      await cloud.users.setDriver(SYSTEM, serverId, driver);
      expect(await who(sessions, alice())).toBeUndefined();
      expect(await who(sessions, `serveradmin:${SUBJECT}`)).toBeUndefined();
    }
  });

  it("is reached over XML-RPC with the key, and says what to look at when it takes none of its sessions", async () => {
    const core = await serveX509();
    const remote = await openOpenNebulaCloud({
      endpoint: core.endpoint,
      server,
      clock: systemClock,
      log: silentLogger,
    });
    const actor = await remote.users.named("alice");
    expect(actor).toMatchObject({ name: "alice" });
    const id = await remote.vms.allocate(
      (await remote.users.actor(actor?.id ?? -1)) ?? SYSTEM,
      { NAME: "vm" },
      { hold: true },
    );
    expect(await cloud.vms.get(SYSTEM, id)).toMatchObject({ uid: actor?.id });
    await cloud.users.setPassword(SYSTEM, serverId, "/CN=renewed under another name");
    const refused = remote.vms.list(SYSTEM);
    await expect(refused).rejects.toMatchObject({ code: "unavailable" });
    await expect(refused).rejects.toThrow("cloud.opennebula.x509");
    await remote.close();
    await core.close();
  });

  /** `serveCore` gives the server a password, as in most places. */
  async function serveX509() {
    const core = await serveCore(cloud, systemClock, { certificate });
    await cloud.users.setDriver(SYSTEM, serverId, "server_x509", SUBJECT);
    return core;
  }
});

it("the fixtures belong together", () => {
  expect(createPublicKey(key).equals(certificate.publicKey)).toBe(true);
});
