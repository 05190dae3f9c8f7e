/**
 * RSA of the text codec: PKCS#1 v1.5 blocks, each of (key bytes - 11) bytes of text, one after another (spec
 * monitoring.md 2). Upstream cuts by characters, so that text beyond ASCII fails there; here it is bytes.
 */

import {
  constants,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from "node:crypto";
import { GatehouseError } from "../errors.ts";
import { decodeText } from "./base64.ts";

/** What PKCS#1 v1.5 takes of each block. */
const PADDING_BYTES = 11;

/** Smaller keys can be broken; larger ones cost the daemon milliseconds a block. */
const MIN_KEY_BITS = 1024;
const MAX_KEY_BITS = 8192;

/** A decrypted text shorter than this must look like a template or a beacon's time; see decryptBlocks. */
const MIN_TEXT_BYTES = 16;
const SHORT_TEXT = /^(\s*[A-Za-z0-9_]+\s*=|[0-9]{8,}\s*$)/;

export interface RsaKey {
  readonly key: KeyObject;
  /** Bytes of one encrypted block. */
  readonly blockBytes: number;
}

/** PRIKEY of monitord.conf: PEM. @throws GatehouseError `bad_request` when it is no RSA key of a usable size. */
export function parseRsaPrivateKey(pem: string): RsaKey {
  return rsaKey("private", () => createPrivateKey(pem));
}

/** PUBKEY: PEM, `BEGIN RSA PUBLIC KEY` (PKCS#1) or `BEGIN PUBLIC KEY`. Throws as parseRsaPrivateKey does. */
export function parseRsaPublicKey(pem: string): RsaKey {
  return rsaKey("public", () => createPublicKey(pem));
}

function rsaKey(which: string, parse: () => KeyObject): RsaKey {
  const key = parsed(parse);
  const bits = key?.asymmetricKeyDetails?.modulusLength;
  if (key?.asymmetricKeyType !== "rsa" || bits === undefined)
    throw new GatehouseError("bad_request", `The monitor's ${which} key is no RSA key in PEM form.`);
  if (bits < MIN_KEY_BITS || bits > MAX_KEY_BITS)
    throw new GatehouseError(
      "bad_request",
      `The monitor's ${which} key has ${bits} bits: ${MIN_KEY_BITS} to ${MAX_KEY_BITS} are allowed.`,
    );
  return { key, blockBytes: Math.ceil(bits / 8) };
}

/** The cause is not kept: it may quote the key. */
function parsed(parse: () => KeyObject): KeyObject | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

/** Blocks that `bytes` of ciphertext make; undefined when they do not come out even. */
export function rsaBlocks(key: RsaKey, bytes: number): number | undefined {
  return bytes > 0 && bytes % key.blockBytes === 0 ? bytes / key.blockBytes : undefined;
}

/** Ciphertext of `plain`; empty for nothing. Randomness is node:crypto's. */
export function encryptBlocks({ key, blockBytes }: RsaKey, plain: Uint8Array): Buffer {
  const step = blockBytes - PADDING_BYTES;
  const blocks: Buffer[] = [];
  for (let from = 0; from < plain.length; from += step)
    blocks.push(
      publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, plain.subarray(from, from + step)),
    );
  return Buffer.concat(blocks);
}

/**
 * The text of whole blocks, or undefined when they were not made by encryptBlocks with this key.
 *
 * Node decrypts with implicit rejection: a block with wrong padding gives random bytes of a random length, no error,
 * which leaves no oracle to attack. So what comes out is judged: every block but the last is full, none is empty, all
 * is UTF-8 without NUL, and a text of few bytes, which random ones can look like, must look like a payload. Garbage
 * passes about once in 100,000 blocks, and says then no more than anyone with the public key can.
 */
export function decryptBlocks(rsa: RsaKey, ciphertext: Uint8Array): string | undefined {
  const full = rsa.blockBytes - PADDING_BYTES;
  const plain: Buffer[] = [];
  for (let from = 0; from < ciphertext.length; from += rsa.blockBytes) {
    const isLast = from + rsa.blockBytes >= ciphertext.length;
    const block = decryptBlock(rsa, ciphertext.subarray(from, from + rsa.blockBytes));
    // The first block that is wrong ends the work.
    if (block === undefined || block.length === 0 || (!isLast && block.length !== full)) return undefined;
    plain.push(block);
  }
  return textOf(Buffer.concat(plain));
}

function decryptBlock({ key }: RsaKey, block: Uint8Array): Buffer | undefined {
  try {
    return privateDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, block);
  } catch {
    // A number above the modulus is refused before any padding is looked at.
    return undefined;
  }
}

function textOf(bytes: Buffer): string | undefined {
  const text = decodeText(bytes);
  if (text === undefined || bytes.length >= MIN_TEXT_BYTES) return text;
  return SHORT_TEXT.test(text) ? text : undefined;
}
