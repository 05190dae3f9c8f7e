import { createSecretKey, randomBytes, randomUUID } from "node:crypto";
import { CompactEncrypt, CompactSign, EncryptJWT, SignJWT } from "jose";
import { beforeEach, describe, expect, it } from "vitest";
import { tokenOf } from "../support/onegate.ts";
import { openTrustedGate, type TrustedGate } from "../support/trusted-gate.ts";

const NOT_AUTHORIZED = { status: 401, body: "Not authorized" };

const HEADER = { alg: "dir", enc: "A256GCM", typ: "gatehouse-session+jwt" } as const;

let gate: TrustedGate;
let token: string;
/** What a thief of the key ring would know: the tests that need it say that the check behind the key holds, too. */
let secret: Uint8Array;
let kid: string;

beforeEach(async () => {
  gate = await openTrustedGate();
  token = await gate.session(7);
  const [key] = gate.vault.sessionKeys.list();
  secret = Buffer.from(key?.secret ?? "", "base64url");
  kid = key?.kid ?? "";
});

/** Every token is shown to a house that knows its keys but has not seen the token. */
async function shown(forged: string, headers: Readonly<Record<string, string>> = {}) {
  const restarted = await openTrustedGate({ fake: gate.fake, store: gate.store, clock: gate.clock });
  return await restarted.askWith(forged, "/vm", { headers });
}

function claims(change: object = {}): Record<string, unknown> {
  const now = gate.clock.now() / 1_000;
  const vm = gate.fake.vm(7);
  const user = gate.fake.users.get(2);
  const pwd = user === undefined ? "" : gate.vault.passwords.printOf(user);
  return {
    sub: "7",
    stime: vm.stime,
    iat: now,
    exp: now + 60,
    jti: randomUUID(),
    gen: 0,
    pwd,
    ...change,
  };
}

const minted = (change: object = {}, header: object = {}) =>
  new EncryptJWT(claims(change)).setProtectedHeader({ ...HEADER, kid, ...header }).encrypt(secret);

const segment = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("the tests' own mint", () => {
  it("makes tokens that pass, so that each refusal below has the one reason it names", async () => {
    expect(await shown(await minted())).toMatchObject({ status: 200 });
    expect(await shown(token)).toMatchObject({ status: 200 });
  });
});

describe("a session token is refused", () => {
  it("when it is forged with another key, under our key's name", async () => {
    const forged = await new EncryptJWT(claims())
      .setProtectedHeader({ ...HEADER, kid })
      .encrypt(randomBytes(32));
    expect(await shown(forged)).toMatchObject(NOT_AUTHORIZED);
  });

  it("when any of its characters is another, in every place", async () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const restarted = await openTrustedGate({ fake: gate.fake, store: gate.store, clock: gate.clock });
    for (let place = 0; place < token.length; place += 1) {
      const here = token[place] ?? "";
      // The neighbour differs in the last bit, which base64url may leave unused.
      const other = alphabet[alphabet.indexOf(here) ^ 1] ?? "A";
      const altered = token.slice(0, place) + other + token.slice(place + 1);
      expect((await restarted.askWith(altered)).status, `place ${place}`).toBe(401);
    }
  });

  it("when it is cut short or made longer, anywhere", async () => {
    const restarted = await openTrustedGate({ fake: gate.fake, store: gate.store, clock: gate.clock });
    for (let length = 1; length < token.length; length += 1) {
      expect((await restarted.askWith(token.slice(0, length))).status, `length ${length}`).toBe(401);
    }
    for (const longer of [`${token}A`, `${token}=`, `${token}.`, `.${token}`, `${token}.${token}`])
      expect(await shown(longer)).toMatchObject(NOT_AUTHORIZED);
  });

  it("when its parts are swapped with another VM's", async () => {
    const mine = token.split(".");
    const other = (await gate.session(0)).split(".");
    for (let part = 2; part < 5; part += 1) {
      const mixed = mine.map((text, index) => (index === part ? (other[index] ?? "") : text)).join(".");
      expect(await shown(mixed)).toMatchObject(NOT_AUTHORIZED);
    }
  });

  it("when it comes from another house", async () => {
    const elsewhere = await openTrustedGate({ clock: gate.clock });
    expect(await shown(await elsewhere.session(7))).toMatchObject(NOT_AUTHORIZED);
  });

  it("when it has ended, though nobody saw it before", async () => {
    expect(await shown(await minted({ exp: gate.clock.now() / 1_000 }))).toMatchObject(NOT_AUTHORIZED);
  });

  it("when it was made for a VM that is not there, or names it oddly", async () => {
    for (const sub of ["99", "-7", "7.0", " 7", "07x", "", "9".repeat(17), 7])
      expect(await shown(await minted({ sub }))).toMatchObject(NOT_AUTHORIZED);
  });

  it.each(["sub", "stime", "iat", "exp", "jti", "gen", "pwd"])("without its claim %s", async (name) => {
    expect(await shown(await minted({ [name]: undefined }))).toMatchObject(NOT_AUTHORIZED);
  });

  it("with a claim of the wrong type", async () => {
    for (const change of [
      { exp: "9999999999" },
      { exp: null },
      { gen: "0" },
      { scope: ["self:read"] },
      { stime: true },
    ])
      expect(await shown(await minted(change))).toMatchObject(NOT_AUTHORIZED);
  });

  it("when it is no JSON object inside", async () => {
    for (const text of ["", "[]", "null", "7", '"x"', "{", "\xff"]) {
      const made = await new CompactEncrypt(Buffer.from(text, "latin1"))
        .setProtectedHeader({ ...HEADER, kid })
        .encrypt(secret);
      expect(await shown(made)).toMatchObject(NOT_AUTHORIZED);
    }
  });
});

describe("the header of a session token", () => {
  it.each(["none", "None", "NONE", "HS256", "EdDSA", "A256KW", "A256GCMKW", "RSA1_5", "ECDH-ES", ""])(
    "with alg %j is refused",
    async (alg) => {
      const [, ...rest] = token.split(".");
      expect(await shown([segment({ ...HEADER, kid, alg }), ...rest].join("."))).toMatchObject(
        NOT_AUTHORIZED,
      );
    },
  );

  it.each([
    ["A256KW", "A256GCM", 32],
    ["A256GCMKW", "A256GCM", 32],
    ["dir", "A128GCM", 16],
    ["dir", "A128CBC-HS256", 32],
    ["PBES2-HS256+A128KW", "A256GCM", 32],
  ])("naming %s with %s is refused, though its key is right", async (alg, enc, bytes) => {
    const made = await new EncryptJWT(claims())
      .setProtectedHeader({ alg, enc, kid, typ: HEADER.typ })
      .encrypt(secret.subarray(0, bytes));
    expect(await shown(made)).toMatchObject(NOT_AUTHORIZED);
  });

  it("asking for a thousand million rounds of PBES2 costs nobody anything", async () => {
    const header = segment({
      alg: "PBES2-HS256+A128KW",
      enc: "A256GCM",
      kid,
      typ: HEADER.typ,
      p2c: 2_000_000_000,
      p2s: "c2FsdHNhbHQ",
    });
    const [, , iv, text, tag] = token.split(".");
    const key = randomBytes(40).toString("base64url");
    // Were the rounds run, this test would not end.
    for (const encryptedKey of [key, ""])
      expect(await shown([header, encryptedKey, iv, text, tag].join("."))).toMatchObject(NOT_AUTHORIZED);
  });

  it("that compresses is refused, even when the key is right", async () => {
    expect(await shown(await minted({}, { zip: "DEF" }))).toMatchObject(NOT_AUTHORIZED);
    const bomb = await minted({ scope: "a".repeat(5_000_000) }, { zip: "DEF" });
    expect(bomb.length).toBeLessThan(16_384);
    expect(await shown(bomb)).toMatchObject(NOT_AUTHORIZED);
  });

  it.each([undefined, "JWT", "at+jwt", "gatehouse-identity+jwt", "session+jwt"])(
    "with typ %j is refused",
    async (typ) => {
      expect(await shown(await minted({}, { typ }))).toMatchObject(NOT_AUTHORIZED);
    },
  );

  it.each([
    undefined,
    "",
    "nobody",
    "../../../../dev/null",
    "__proto__",
    "constructor",
    "' OR 1=1 --",
    "7\u0000",
    ["x"],
    { toString: "x" },
  ])("with kid %j is refused, also when the key is right", async (other) => {
    const [, ...rest] = (await minted()).split(".");
    const renamed = [segment({ ...HEADER, kid: other }), ...rest].join(".");
    expect(await shown(renamed)).toMatchObject(NOT_AUTHORIZED);
    if (typeof other === "object") return;
    const header = other === undefined ? HEADER : { ...HEADER, kid: other };
    const made = await new EncryptJWT(claims()).setProtectedHeader(header).encrypt(secret);
    expect(await shown(made)).toMatchObject(NOT_AUTHORIZED);
  });

  it("that brings its own key is refused", async () => {
    const own = randomBytes(32);
    const jwk = { kty: "oct", k: own.toString("base64url") };
    for (const more of [{ jwk }, { jku: "http://127.0.0.1:1/keys" }, { x5u: "http://127.0.0.1:1/" }]) {
      const made = await new EncryptJWT(claims())
        .setProtectedHeader({ ...HEADER, kid, ...more })
        .encrypt(own);
      expect(await shown(made)).toMatchObject(NOT_AUTHORIZED);
    }
  });

  it("with an extension that must be understood is refused", async () => {
    const [, ...rest] = (await minted()).split(".");
    const header = { ...HEADER, kid, crit: ["b64"], b64: false };
    expect(await shown([segment(header), ...rest].join("."))).toMatchObject(NOT_AUTHORIZED);
  });
});

describe("a signature in the place of encryption is refused:", () => {
  it("an unsecured JWT", async () => {
    const body = segment(claims());
    for (const forged of [
      `${segment({ alg: "none", typ: HEADER.typ, kid })}.${body}.`,
      `${segment({ alg: "none" })}.${body}.x`,
    ])
      expect(await shown(forged)).toMatchObject(NOT_AUTHORIZED);
  });

  it("a JWT signed with the session key itself", async () => {
    const signed = await new SignJWT(claims())
      .setProtectedHeader({ alg: "HS256", kid, typ: HEADER.typ })
      .sign(createSecretKey(secret));
    expect(await shown(signed)).toMatchObject(NOT_AUTHORIZED);
  });

  it("a JWT whose HMAC secret is a public key of the JWKS, and a session token under that key", async () => {
    const { keys } = JSON.parse((await gate.ask("/.well-known/jwks.json")).body);
    const [jwk] = keys;
    const publicBytes = Buffer.from(jwk.x, "base64url");
    for (const bytes of [publicBytes, Buffer.from(JSON.stringify(jwk)), Buffer.from(jwk.x)]) {
      const signed = await new CompactSign(Buffer.from(JSON.stringify(claims())))
        .setProtectedHeader({ alg: "HS256", kid: jwk.kid, typ: HEADER.typ })
        .sign(bytes.length < 32 ? Buffer.concat([bytes, Buffer.alloc(32)]) : bytes);
      expect(await shown(signed)).toMatchObject(NOT_AUTHORIZED);
    }
    const made = await new EncryptJWT(claims())
      .setProtectedHeader({ ...HEADER, kid: jwk.kid })
      .encrypt(publicBytes);
    expect(await shown(made)).toMatchObject(NOT_AUTHORIZED);
  });

  it("an identity token", async () => {
    const { body } = await gate.askAs(7, "/identity?audience=onegate");
    expect(await shown(body)).toMatchObject(NOT_AUTHORIZED);
  });
});

describe("the token header", () => {
  it.each([", ", ",", " ", ";"])("with two tokens joined by %j proves nobody", async (between) => {
    const classic = tokenOf(gate.fake, 7);
    for (const both of [
      `${token}${between}${token}`,
      `${classic}${between}${token}`,
      `${token}${between}${classic}`,
    ])
      expect(await gate.askWith(both, "/vm", { headers: { "X-ONEGATE-VMID": "7" } })).toMatchObject(
        NOT_AUTHORIZED,
      );
  });

  it("of great length costs no more than a look", async () => {
    const long = `${segment({ ...HEADER, kid })}..${"A".repeat(16)}.${"A".repeat(12_000)}.${"A".repeat(22)}`;
    expect(await shown(long)).toMatchObject(NOT_AUTHORIZED);
  });

  it("with a classic token behind a session-like dot proves nobody", async () => {
    const classic = tokenOf(gate.fake, 7);
    for (const odd of [`${classic}.`, `.${classic}`])
      expect(await gate.askWith(odd, "/vm", { headers: { "X-ONEGATE-VMID": "7" } })).toMatchObject(
        NOT_AUTHORIZED,
      );
  });
});
