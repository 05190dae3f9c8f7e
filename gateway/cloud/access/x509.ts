/**
 * Sessions of servers with a certificate (driver server_x509), as OpenNebula's server_x509_auth has them: the text is
 * RSA-encrypted with the server's private key (PKCS #1 v1.5, block type 1) in one piece, and its base64 is written in
 * base64 once more. The core keeps the certificate's subject as the server's password.
 */

import { constants, type KeyObject, privateEncrypt, publicDecrypt, type X509Certificate } from "node:crypto";
import { GatehouseError } from "../../../shared/errors.ts";
import { tokensEqual } from "../../../shared/tokens/classic.ts";
import { readServerSession, type ServerTarget, sessionText } from "./session-text.ts";
import { subjectOf } from "./subject.ts";

const padding = constants.RSA_PKCS1_PADDING;
const PADDING_BYTES = 11;
/** Of base64 in base64; a key of 8,192 bits needs 1,824. */
const MAX_TOKEN_LENGTH = 2_048;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Reads `<target>[:<egid>]:<base64>`. Undefined, whatever is wrong; `now` in seconds since the epoch. */
export function readX509Session(
  secret: string,
  /** As the cloud has it: its password is the subject of the certificate. */
  server: { readonly name: string; readonly passwordHash: string },
  certificate: X509Certificate,
  now: number,
): ServerTarget | undefined {
  if (!tokensEqual(subjectOf(certificate), server.passwordHash)) return undefined;
  return readServerSession(secret, server.name, now, (token) => opened(token, certificate.publicKey));
}

/**
 * What `readX509Session` reads: `expires` in seconds since the epoch.
 * @throws GatehouseError `bad_request` for a name that is longer than the key can take.
 */
export function writeX509Session(
  target: string,
  server: { readonly name: string; readonly key: KeyObject },
  expires: number,
): string {
  const plain = Buffer.from(sessionText(server.name, target, expires));
  const most = (server.key.asymmetricKeyDetails?.modulusLength ?? 0) / 8 - PADDING_BYTES;
  if (plain.length > most)
    throw new GatehouseError(
      "bad_request",
      `The name of a user has more bytes than the server's RSA key can sign: it takes ${Math.floor(most)} with the server's own name.`,
    );
  const sealed = privateEncrypt({ key: server.key, padding }, plain).toString("base64");
  return `${target}:${Buffer.from(sealed).toString("base64")}`;
}

function opened(token: string, key: KeyObject): string | undefined {
  if (token.length > MAX_TOKEN_LENGTH || !BASE64.test(token)) return undefined;
  const inner = Buffer.from(token, "base64").toString("latin1");
  if (!BASE64.test(inner) || key.asymmetricKeyType !== "rsa") return undefined;
  try {
    return publicDecrypt({ key, padding }, Buffer.from(inner, "base64")).toString("utf8");
  } catch {
    return undefined;
  }
}
