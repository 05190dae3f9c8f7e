/** Keys of sealed messages: Curve25519 pairs, printed in base64, named by a key id, and shared by two as a channel. */

import { createHash } from "node:crypto";
import nacl from "tweetnacl";
import { GatehouseError } from "../errors.ts";
import { decodeBase64 } from "./base64.ts";

export const KEY_BYTES = 32;
export const KEY_ID_BYTES = 8;

export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/** What an agent and the daemon share, computed once (0.5 ms); the same both ways. */
export interface Channel {
  /** Of the agent's public key, in both directions: 16 hexadecimal digits. */
  readonly keyId: string;
  readonly sharedKey: Uint8Array;
}

/** @param randomBytes a cryptographic source, such as node:crypto's. */
export function generateKeyPair(randomBytes: (bytes: number) => Uint8Array): KeyPair {
  return keyPairOf(randomBytes(KEY_BYTES));
}

/** The pair of a secret key. @throws GatehouseError `bad_request` when it has not KEY_BYTES. */
export function keyPairOf(secretKey: Uint8Array): KeyPair {
  if (secretKey.length !== KEY_BYTES)
    throw new GatehouseError(
      "bad_request",
      `A secret key of ${secretKey.length} bytes came: it has ${KEY_BYTES}.`,
    );
  return nacl.box.keyPair.fromSecretKey(Uint8Array.from(secretKey));
}

/** 44 characters of base64. */
export function printKey(key: Uint8Array): string {
  return Buffer.from(key).toString("base64");
}

/** A public or secret key as printKey prints it. @throws GatehouseError `bad_request`, without the text. */
export function parseKey(text: string): Uint8Array {
  const trimmed = text.trim();
  const key = decodeBase64(trimmed);
  // Only the one spelling: base64 can write the unused bits of its last character in several ways.
  if (key !== undefined && key.length === KEY_BYTES && printKey(key) === trimmed) return Uint8Array.from(key);
  throw new GatehouseError(
    "bad_request",
    `A key of the monitor must be ${KEY_BYTES} bytes in base64, 44 characters; ${trimmed.length} characters came.`,
  );
}

/** How frames name a public key: 16 hexadecimal digits of its SHA-256. */
export function keyIdOf(publicKey: Uint8Array): string {
  return createHash("sha256")
    .update(publicKey)
    .digest("hex")
    .slice(0, 2 * KEY_ID_BYTES);
}

/** The agent's end. @throws GatehouseError `bad_request` for a public key that makes no secret. */
export function agentChannel(agent: KeyPair, daemonPublicKey: Uint8Array): Channel {
  return { keyId: keyIdOf(agent.publicKey), sharedKey: sharedKeyOf(daemonPublicKey, agent.secretKey) };
}

/** The daemon's end, one for each agent. Throws as agentChannel does. */
export function daemonChannel(daemon: KeyPair, agentPublicKey: Uint8Array): Channel {
  return { keyId: keyIdOf(agentPublicKey), sharedKey: sharedKeyOf(agentPublicKey, daemon.secretKey) };
}

/** A public key of low order gives everyone the same key (RFC 7748, section 6.1): the product is all zeros. */
function sharedKeyOf(publicKey: Uint8Array, secretKey: Uint8Array): Uint8Array {
  if (publicKey.length !== KEY_BYTES || nacl.scalarMult(secretKey, publicKey).every((byte) => byte === 0))
    throw new GatehouseError(
      "bad_request",
      "A public key of the monitor makes no shared secret: it is not a real key.",
    );
  return nacl.box.before(publicKey, secretKey);
}
