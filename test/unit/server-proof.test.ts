import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { serverProofOf } from "../../gateway/config/opennebula-settings.ts";
import { loadConfig } from "../../gateway/config.ts";
import { rpcCertificateOf, serverIdentityOf } from "../../gateway/main/server-proof.ts";
import { silentLogger } from "../../shared/log.ts";
import { scratchDirectory } from "../support/house.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures");
let scratch: ReturnType<typeof scratchDirectory>;
let clock: ManualClock;
let warnings: string[];

beforeEach(() => {
  scratch = scratchDirectory("server-proof");
  clock = manualClock(Date.parse("2026-01-01"));
  warnings = [];
});

afterEach(() => scratch.remove());

const at = (name: string) => join(scratch.path, name);

function put(name: string, text: string, mode = 0o600): string {
  writeFileSync(at(name), text);
  chmodSync(at(name), mode);
  return at(name);
}

function fixture(name: string, mode = 0o600): string {
  const file = at(name.replaceAll("/", "-"));
  copyFileSync(join(FIXTURES, name), file);
  chmodSync(file, mode);
  return file;
}

const load = (env: Readonly<Record<string, string>>) =>
  loadConfig({ cwd: scratch.path, env: { GATEHOUSE_CLOUD_KIND: "opennebula", ...env } });
const PREFIX = "GATEHOUSE_CLOUD_OPENNEBULA";
const log = { ...silentLogger, warn: (_: object, text: string) => void warnings.push(text) };
const identity = (env: Readonly<Record<string, string>>) =>
  serverIdentityOf(load(env).config, { clock, log });
const withFiles = (cert: string, key: string) => ({
  [`${PREFIX}_CORE_AUTH`]: "x509",
  [`${PREFIX}_X509_USER`]: "serveradmin",
  [`${PREFIX}_X509_CERT_FILE`]: cert,
  [`${PREFIX}_X509_KEY_FILE`]: key,
});

describe("who a house is to an OpenNebula", () => {
  it("is nobody where the house has a cloud of its own", () => {
    expect(identity({ GATEHOUSE_CLOUD_KIND: "embedded" })).toBeUndefined();
  });

  it("is a name and a password in a file", () => {
    const file = put("auth", "serveradmin:secret\n");
    expect(identity({ [`${PREFIX}_AUTH_FILE`]: file })?.server).toEqual({
      name: "serveradmin",
      password: "secret",
    });
    expect(warnings).toEqual([]);
  });

  it("is a name and a key, with the certificate of that key", () => {
    const found = identity(withFiles(fixture("x509/cert.pem", 0o644), fixture("x509/key.pem")));
    expect(found?.server).toMatchObject({ name: "serveradmin" });
    expect(found?.certificate?.subject).toContain("CN=gate server");
    expect(warnings).toEqual([]);
  });

  it("is told, and warned of, where everybody may read the secret, or the certificate has ended", () => {
    identity({ [`${PREFIX}_AUTH_FILE`]: put("auth", "serveradmin:secret", 0o644) });
    identity(withFiles(fixture("x509/cert.pem"), fixture("x509/key.pem", 0o604)));
    clock.advance(Date.parse("2200-01-01") - clock.now());
    identity(withFiles(fixture("x509/cert.pem"), fixture("x509/key.pem", 0o640)));
    expect(warnings.map((text) => text.replace(/ .* /, " … "))).toEqual([
      "A … use",
      "A … use",
      "The … ended",
    ]);
  });

  const wrong: readonly (readonly [string, () => readonly [string, string], string])[] = [
    ["an encrypted key", () => [fixture("x509/cert.pem"), fixture("x509/encrypted.pem")], "is encrypted"],
    [
      "a key encrypted in the older form",
      () => [fixture("x509/cert.pem"), put("k", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n")],
      "is encrypted",
    ],
    [
      "a key of another kind",
      () => [fixture("x509/cert.pem"), fixture("x509/ec.pem")],
      "holds a key of type ec",
    ],
    [
      "another's key",
      () => [fixture("x509/cert.pem"), fixture("monitor/monitor_rsa_private.pem")],
      "is not that of the cert",
    ],
    ["no key", () => [fixture("x509/cert.pem"), put("k", "SECRET")], "must hold an RSA key, in PEM"],
    ["no certificate", () => [put("c", "x"), fixture("x509/key.pem")], "must hold a certificate, in PEM"],
    ["a key that is not there", () => [fixture("x509/cert.pem"), at("none")], "key_file cannot be read"],
  ];
  it.each(wrong)("is not told by %s", (_, files, sentence) => {
    const [cert, key] = files();
    const refused = () => identity(withFiles(cert, key));
    expect(refused).toThrow(sentence);
    expect(refused).not.toThrow(/SECRET|BEGIN|[A-Za-z0-9+/]{40}/);
  });

  it("must be told", () => {
    expect(() => identity({})).toThrow("needs cloud.opennebula.auth_file");
    expect(() => identity({ [`${PREFIX}_CORE_AUTH`]: "x509" })).toThrow("needs cloud.opennebula.x509.user");
    const cert = fixture("x509/cert.pem");
    const { [`${PREFIX}_X509_KEY_FILE`]: _, ...without } = withFiles(cert, "x");
    expect(() => identity(without)).toThrow("needs cloud.opennebula.x509.key_file");
  });
});

describe("OpenNebula's own files", () => {
  const gateConf = (auth: string) => put("onegate-server.conf", `:core_auth: ${auth}\n`);
  const proofFrom = (env: Readonly<Record<string, string>> = {}) =>
    serverProofOf(load({ GATEHOUSE_ONEGATE_CONF_FILE: at("onegate-server.conf"), ...env }).config);

  beforeEach(() => mkdirSync(at("auth")));

  it("say x509, and what they say beside it of the certificate", () => {
    gateConf("x509");
    put(
      "auth/server_x509_auth.conf",
      ':srv_user: serveradmin\n:one_cert: "/etc/one/auth/cert.pem"\n:one_key: "/etc/one/auth/pk.pem"\n',
    );
    const [certFile, keyFile] = ["/etc/one/auth/cert.pem", "/etc/one/auth/pk.pem"];
    expect(proofFrom()).toEqual({ kind: "x509", user: "serveradmin", certFile, keyFile });
    expect(proofFrom({ [`${PREFIX}_X509_USER`]: "gate" })).toMatchObject({ user: "gate" });
  });

  it("have a certificate and a key beside them when they name none, and no user", () => {
    gateConf(":x509");
    put("auth/server_x509_auth.conf", "# shipped\n#:srv_user: x509_server\n");
    expect(proofFrom).toThrow("needs cloud.opennebula.x509.user");
    put("auth/server_x509_auth.conf", ":srv_user: serveradmin\n#:one_cert: x\n:one_key:\n");
    expect(proofFrom()).toEqual({
      kind: "x509",
      user: "serveradmin",
      certFile: at("auth/cert.pem"),
      keyFile: at("auth/key.pem"),
    });
  });

  it("need not be there as long as the house is told, unless it is told of them", () => {
    gateConf("x509");
    expect(proofFrom).toThrow("needs cloud.opennebula.x509.user");
    expect(proofFrom(withFiles("c", "k"))).toMatchObject({ kind: "x509", user: "serveradmin" });
    expect(() => proofFrom({ [`${PREFIX}_X509_CONF_FILE`]: "none.conf" })).toThrow(
      "none.conf cannot be read",
    );
  });

  it("name what is wrong with them by its line", () => {
    gateConf("x509");
    put("auth/server_x509_auth.conf", ":srv_usr: serveradmin\n");
    expect(proofFrom).toThrow(
      ":srv_usr is not a setting (server_x509_auth.conf line 1); did you mean srv_user?",
    );
    put("auth/server_x509_auth.conf", ":srv_user: a:b\n");
    expect(proofFrom).toThrow('cloud.opennebula.x509.user is "a:b" (server_x509_auth.conf line 1)');
  });

  it("mean cipher when they say anything else, as the original takes it", () => {
    gateConf("kerberos");
    const auth = put("auth/one", "serveradmin:secret");
    const { config, notes } = load({
      GATEHOUSE_ONEGATE_CONF_FILE: at("onegate-server.conf"),
      [`${PREFIX}_AUTH_FILE`]: auth,
    });
    expect(serverProofOf(config)).toEqual({ kind: "cipher", authFile: auth });
    expect(notes.join()).toContain(':core_auth: is "kerberos"; cipher is taken');
  });
});

it("the certificate of servers before the house's own cloud is read from its file", () => {
  const of = (file: string) =>
    rpcCertificateOf(load({ GATEHOUSE_RPC_SERVER_CERT_FILE: file, GATEHOUSE_CLOUD_KIND: "embedded" }).config);
  expect(of(fixture("x509/cert.pem"))?.raw.equals(Buffer.alloc(0))).toBe(false);
  expect(() => of(put("c", readFileSync(fixture("x509/key.pem"), "utf8")))).toThrow("rpc.server_cert_file");
});
