import { createPublicKey } from "node:crypto";
import { createVerifier } from "fast-jwt";
import { beforeEach, describe, expect, it } from "vitest";
import { ALICE, BOB, FakeCloud } from "../support/fake-cloud.ts";
import { ISSUER, openTrustedGate, type TrustedGate } from "../support/trusted-gate.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let gate: TrustedGate;
let fake: FakeCloud;

beforeEach(async () => {
  fake = new FakeCloud();
  fake.addService(5, { web: [7], db: [8] });
  fake.addVm(0);
  gate = await openTrustedGate({ fake });
});

interface Jwk {
  readonly kid: string;
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
}

async function keySet(from: TrustedGate = gate): Promise<readonly Jwk[]> {
  const { status, body } = await from.ask("/.well-known/jwks.json");
  expect(status).toBe(200);
  return JSON.parse(body).keys;
}

async function identity(vmId: number, query: string, from: TrustedGate = gate): Promise<string> {
  const { status, body } = await from.askAs(vmId, `/identity?${query}`);
  expect({ status, body }).toMatchObject({ status: 200 });
  return body;
}

/** Verifies as a third party would, with a library of its own: by the key that the token names, of those it fetched. */
function verified(token: string, audience: string, keys: readonly Jwk[], atMs = gate.clock.now()) {
  const [head = ""] = token.split(".");
  const header = JSON.parse(Buffer.from(head, "base64url").toString("utf8"));
  const jwk = keys.find(({ kid }) => kid === header.kid);
  if (jwk === undefined) throw new Error("unknown key");
  const { kty, crv, x } = jwk;
  const key = createPublicKey({ format: "jwk", key: { kty, crv, x } }).export({
    format: "pem",
    type: "spki",
  });
  const verify = createVerifier({
    key: String(key),
    algorithms: ["EdDSA"],
    allowedAud: audience,
    allowedIss: ISSUER,
    requiredClaims: ["iss", "sub", "aud", "iat", "exp", "jti"],
    clockTimestamp: atMs,
  });
  return { header, claims: verify(token) };
}

describe("GET /identity", () => {
  it("says who the VM is, whose, and in which service and role, signed for one audience", async () => {
    const { status, body, headers } = await gate.askAs(7, "/identity?audience=https://vault.example");
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("application/jwt");
    expect(headers.get("cache-control")).toBe("no-store");
    const { header, claims } = verified(body, "https://vault.example", await keySet());
    const now = Math.floor(gate.clock.now() / 1_000);
    expect(header).toEqual({ alg: "EdDSA", typ: "gatehouse-identity+jwt", kid: expect.any(String) });
    expect(claims).toEqual({
      iss: ISSUER,
      sub: "vm:7",
      aud: "https://vault.example",
      iat: now,
      exp: now + 300,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      vm_id: 7,
      vm_name: "vm7",
      owner: "alice",
      owner_id: ALICE.uid,
      service_id: 5,
      service_name: "service5",
      role: "web",
    });
  });

  it("is not valid for another audience, after its time, altered, or under another house's keys", async () => {
    const token = await identity(7, "audience=right");
    const keys = await keySet();
    expect(() => verified(token, "wrong", keys)).toThrow(/aud/);
    expect(() => verified(token, "righ", keys)).toThrow(/aud/);
    expect(() => verified(token, "right", keys, gate.clock.now() + 301_000)).toThrow(/expired/);
    const [head, body = "", signature] = token.split(".");
    const claims = JSON.parse(Buffer.from(body, "base64url").toString("utf8"));
    const forged = Buffer.from(JSON.stringify({ ...claims, vm_id: 0, sub: "vm:0" })).toString("base64url");
    expect(() => verified([head, forged, signature].join("."), "right", keys)).toThrow(/signature/);
    const elsewhere = await keySet(await openTrustedGate());
    expect(() => verified(token, "right", elsewhere)).toThrow("unknown key");
    const [own, theirs] = [keys[0], elsewhere[0]];
    if (own === undefined || theirs === undefined) throw new Error("no keys");
    expect(() => verified(token, "right", [{ ...theirs, kid: own.kid }])).toThrow(/signature/);
  });

  it("says nothing of a service that does not hold the VM, whatever the VM's template says", async () => {
    for (const serviceId of ["5", "99", "x", ""]) {
      fake.vms.set(0, { ...fake.vm(0), userTemplate: { SERVICE_ID: serviceId, ROLE_NAME: "db" } });
      const { claims } = verified(await identity(0, "audience=a"), "a", await keySet());
      expect(claims).toMatchObject({ vm_id: 0 });
      for (const name of ["service_id", "service_name", "role"]) expect(claims).not.toHaveProperty(name);
    }
  });

  it("names the role that the service says, not the one in the VM's template", async () => {
    fake.vms.set(8, { ...fake.vm(8), userTemplate: { SERVICE_ID: "5", ROLE_NAME: "web" } });
    const { claims } = verified(await identity(8, "audience=a"), "a", await keySet());
    expect(claims).toMatchObject({ service_id: 5, role: "db" });
  });

  it("names the owner of the moment", async () => {
    fake.vms.set(0, { ...fake.vm(0), uid: BOB.uid, uname: BOB.name });
    const { claims } = verified(await identity(0, "audience=a"), "a", await keySet());
    expect(claims).toMatchObject({ owner: "bob", owner_id: BOB.uid });
  });

  it("lives as long as is asked for, up to what is configured", async () => {
    const { claims } = verified(await identity(7, "audience=a&lifetime=10"), "a", await keySet());
    expect(claims.exp - claims.iat).toBe(10);
    for (const lifetime of ["0", "-1", "301", "1e2", "10s", "", "010", "9999999"])
      expect(await gate.askAs(7, `/identity?audience=a&lifetime=${lifetime}`)).toMatchObject({
        status: 400,
        body: "The lifetime of an identity is 1 to 300 seconds.",
      });
  });

  it.each([
    "",
    "audience=",
    `audience=${"a".repeat(257)}`,
    "audience=a%00b",
    "audience=a%0d%0ab",
    "audience=%C3%A9",
    "audience=a&audience=b",
    "aud=a",
  ])("wants one audience of printable characters, not %j", async (query) => {
    expect(await gate.askAs(7, `/identity?${query}`)).toMatchObject({ status: 400 });
  });

  it("keeps an audience to the letter", async () => {
    const audience = `spiffe://cloud/ns?a=b&c="d"\\ ${"~".repeat(200)}`;
    const token = await identity(7, `audience=${encodeURIComponent(audience)}`);
    expect(verified(token, audience, await keySet()).claims.aud).toBe(audience);
  });

  it("is given to session tokens whose scope has it, and to nobody without a token", async () => {
    const granted = await gate.session(7, { scope: "identity" });
    expect((await gate.askWith(granted, "/identity?audience=a")).status).toBe(200);
    const narrow = await gate.session(7, { scope: "self:read" });
    expect((await gate.askWith(narrow, "/identity?audience=a")).status).toBe(403);
    expect((await gate.ask("/identity?audience=a")).status).toBe(401);
  });

  it("has no Host header in its issuer", async () => {
    const { body } = await gate.askAs(7, "/identity?audience=a", {
      headers: { host: "evil.example", "x-forwarded-host": "evil.example" },
    });
    expect(verified(body, "a", await keySet()).claims.iss).toBe(ISSUER);
  });

  it.each([
    [
      { identity: { issuer: "https://id.example/x" }, sslServer: "https://gate.example/" },
      "https://id.example/x",
    ],
    [{ sslServer: "https://gate.example/" }, "https://gate.example/"],
    [{}, ISSUER],
  ])("names the issuer of the settings %j", async (settings, issuer) => {
    const configured = await openTrustedGate({ settings });
    const [, body = ""] = (await identity(7, "audience=a", configured)).split(".");
    expect(JSON.parse(Buffer.from(body, "base64url").toString("utf8")).iss).toBe(issuer);
    const discovered = JSON.parse((await configured.ask("/.well-known/openid-configuration")).body);
    expect(discovered.issuer).toBe(issuer);
  });

  it("is closed where identities are off", async () => {
    const off = await openTrustedGate({ settings: { identity: { enabled: false } } });
    expect(await off.askAs(7, "/identity?audience=a")).toMatchObject({ status: 403 });
    for (const path of ["/.well-known/jwks.json", "/.well-known/openid-configuration"])
      expect(await off.ask(path)).toMatchObject({
        status: 404,
        body: "Identity tokens are turned off here.",
      });
  });
});

describe("what verifiers fetch", () => {
  it("shows public parts and no private one, to be kept for less than a new key is shown ahead", async () => {
    const { body, headers } = await gate.ask("/.well-known/jwks.json");
    expect(headers.get("cache-control")).toBe("public, max-age=900");
    expect(JSON.parse(body)).toEqual({
      keys: [
        {
          kty: "OKP",
          crv: "Ed25519",
          x: expect.stringMatching(/^[\w-]{43}$/),
          kid: expect.stringMatching(/^[\w-]{43}$/),
          use: "sig",
          alg: "EdDSA",
        },
      ],
    });
    const secrets = gate.vault.identityKeys.list().map(({ d }) => d);
    for (const secret of secrets) expect(body).not.toContain(secret);
  });

  it("is found from the issuer", async () => {
    const { body } = await gate.ask("/.well-known/openid-configuration");
    expect(JSON.parse(body)).toMatchObject({
      issuer: ISSUER,
      jwks_uri: `${ISSUER}/.well-known/jwks.json`,
      id_token_signing_alg_values_supported: ["EdDSA"],
    });
  });

  it("is one key set, however many ask at once for the first", async () => {
    const sets = await Promise.all(Array.from({ length: 10 }, () => keySet()));
    expect(new Set(sets.map((keys) => JSON.stringify(keys))).size).toBe(1);
    expect(sets[0]).toHaveLength(1);
  });
});

describe("the rotation of identity keys", () => {
  const settings = { identity: { rotationS: 86_400, lifetimeS: 3_600 } };

  beforeEach(async () => {
    gate = await openTrustedGate({ fake, settings });
  });

  const kidOf = (token: string): string =>
    JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString("utf8")).kid;

  it("shows the next key an hour before it signs, and the old one until its last token has ended", async () => {
    const first = kidOf(await identity(7, "audience=a"));
    gate.clock.advance(DAY_MS - HOUR_MS - 1);
    expect((await keySet()).map(({ kid }) => kid)).toEqual([first]);
    gate.clock.advance(1);
    const [next, old] = (await keySet()).map(({ kid }) => kid);
    expect(old).toBe(first);
    gate.clock.advance(HOUR_MS - 1);
    const last = await identity(7, "audience=a");
    expect(kidOf(last)).toBe(first);
    gate.clock.advance(1);
    expect(kidOf(await identity(7, "audience=a"))).toBe(next);
    gate.clock.advance(HOUR_MS - 1_000);
    expect(verified(last, "a", await keySet()).claims.vm_id).toBe(7);
    gate.clock.advance(DAY_MS - HOUR_MS);
    expect((await keySet()).map(({ kid }) => kid)).not.toContain(first);
  });

  it("after a long sleep signs with the old key for another hour, so that nobody meets a key unshown", async () => {
    const first = kidOf(await identity(7, "audience=a"));
    gate.clock.advance(90 * DAY_MS);
    const fetched = await keySet();
    expect(kidOf(await identity(7, "audience=a"))).toBe(first);
    gate.clock.advance(HOUR_MS);
    const token = await identity(7, "audience=a");
    expect(kidOf(token)).not.toBe(first);
    expect(verified(token, "a", fetched).claims.vm_id).toBe(7);
  });

  it("keeps a key until its last token has ended also when keys change every hour", async () => {
    const hourly = { identity: { rotationS: 3_600, lifetimeS: 3_600 } };
    gate = await openTrustedGate({ fake, settings: hourly });
    for (let hour = 0; hour < 4; hour += 1) {
      // Somebody looks at the start of each hour, and so the next key is due at once.
      await keySet();
      await keySet();
      gate.clock.advance(HOUR_MS - 1);
      const last = await identity(7, "audience=a");
      gate.clock.advance(1);
      const next = await identity(7, "audience=a");
      expect(kidOf(next)).not.toBe(kidOf(last));
      await keySet();
      gate.clock.advance(HOUR_MS - 2_000);
      for (const token of [last, next]) expect(verified(token, "a", await keySet()).claims.vm_id).toBe(7);
      gate.clock.advance(2_000);
    }
    expect((await keySet()).length).toBeLessThanOrEqual(4);
  });

  it("goes on after a clock that was far ahead", async () => {
    const first = kidOf(await identity(7, "audience=a"));
    gate.clock.jump(3_650 * DAY_MS);
    await keySet();
    gate.clock.advance(HOUR_MS);
    const ahead = kidOf(await identity(7, "audience=a"));
    expect(ahead).not.toBe(first);
    gate.clock.jump(-3_650 * DAY_MS);
    const fetched = await keySet();
    gate.clock.advance(HOUR_MS);
    const token = await identity(7, "audience=a");
    expect(verified(token, "a", fetched).claims.vm_id).toBe(7);
    expect([first, ahead]).not.toContain(kidOf(token));
  });

  it("is kept by the store: a restarted house signs with the same key", async () => {
    const first = kidOf(await identity(7, "audience=a"));
    const restarted = await openTrustedGate({ fake, settings, store: gate.store, clock: gate.clock });
    expect(kidOf(await identity(7, "audience=a", restarted))).toBe(first);
  });
});
