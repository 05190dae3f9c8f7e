/** Who the house is to a real OpenNebula: `serveradmin:password` in a file, or a certificate and its key. */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { Clock } from "../../shared/clock.ts";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { ServerCredentials } from "../cloud/access/server-session.ts";
import { serverProofOf } from "../config/opennebula-settings.ts";
import type { Config } from "../config.ts";

const OTHERS = 0o007;
const CERT_SETTING = "cloud.opennebula.x509.cert_file";
const KEY_SETTING = "cloud.opennebula.x509.key_file";

/** A server, and what proves others of its kind. */
export interface ServerIdentity {
  readonly server: ServerCredentials;
  /** Undefined where the house has a password. */
  readonly certificate: X509Certificate | undefined;
}

/**
 * Undefined where the house has a cloud of its own.
 * @throws GatehouseError `bad_request` naming the setting, and nothing of what is secret.
 */
export function serverIdentityOf(
  config: Config,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): ServerIdentity | undefined {
  const proof = serverProofOf(config);
  if (proof === undefined) return undefined;
  if (proof.kind === "cipher") {
    const setting = "cloud.opennebula.auth_file";
    const server = serverCredentials(setting, proof.authFile);
    warnIfOpen(setting, proof.authFile, log);
    return { server, certificate: undefined };
  }
  const { user: name, certFile, keyFile } = proof;
  const certificate = readCertificate(CERT_SETTING, certFile);
  const key = readKey(keyFile);
  if (!certificate.checkPrivateKey(key))
    throw new GatehouseError(
      "bad_request",
      `The key in ${keyFile} (${KEY_SETTING}) is not that of the certificate in ${certFile}.`,
    );
  warnIfOpen(KEY_SETTING, keyFile, log);
  const until = certificate.validToDate;
  if (until.getTime() <= clock.now())
    log.warn(
      { file: certFile, until: until.toISOString() },
      "The certificate of this house's server has ended",
    );
  return { server: { name, key }, certificate };
}

/** `serveradmin:password` in a file of OpenNebula's own. @throws GatehouseError `bad_request` naming the setting. */
export function serverCredentials(
  setting: string,
  file: string,
): { readonly name: string; readonly password: string } {
  const [, name, password] = /^([^:\s]+):(\S+)$/.exec(readText(setting, file).trim()) ?? [];
  if (name !== undefined && password !== undefined) return { name, password };
  throw new GatehouseError("bad_request", `${setting} ${file} must hold one line, serveradmin:password.`);
}

/** Of servers that speak for users of the house's own cloud. @throws GatehouseError `bad_request` naming the setting. */
export function rpcCertificateOf({ rpc }: Config): X509Certificate | undefined {
  const file = rpc.server_cert_file;
  return file === undefined ? undefined : readCertificate("rpc.server_cert_file", file);
}

/** The first of the file. */
function readCertificate(setting: string, file: string): X509Certificate {
  const text = readText(setting, file);
  try {
    const certificate = new X509Certificate(text);
    if (certificate.publicKey.asymmetricKeyType === "rsa") return certificate;
  } catch (cause) {
    throw new GatehouseError("bad_request", `${setting} ${file} must hold a certificate, in PEM.`, { cause });
  }
  throw new GatehouseError("bad_request", `${setting} ${file} must hold the certificate of an RSA key.`);
}

function readKey(file: string): KeyObject {
  const text = readText(KEY_SETTING, file);
  const wrong = (what: string) => new GatehouseError("bad_request", `${KEY_SETTING} ${file} ${what}.`);
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(text))
    throw wrong("is encrypted, and nobody is there to type its password: it must be a plain PEM key");
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    // OpenSSL's own words tell nobody what to do.
    throw wrong("must hold an RSA key, in PEM");
  }
  if (key.asymmetricKeyType === "rsa") return key;
  throw wrong(`holds a key of type ${key.asymmetricKeyType}; it must be an RSA key`);
}

function readText(setting: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new GatehouseError("bad_request", `${setting} cannot be read: ${errorText(cause)}`, { cause });
  }
}

/** Whoever reads it is every user of the OpenNebula. */
function warnIfOpen(setting: string, file: string, log: Logger): void {
  if ((statSync(file).mode & OTHERS) === 0) return;
  log.warn(
    { setting, file },
    "A secret of OpenNebula's servers is in a file that every user of this machine may use",
  );
}
