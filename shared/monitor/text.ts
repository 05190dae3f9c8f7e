/**
 * The text codec, as OpenNebula's agents speak: `TYPE STATUS OID TIMESTAMP base64(zlib(payload))`, the payload
 * encrypted first where a key is set (spec monitoring.md 2). Decoding goes base64, inflate, RSA; each step is bounded
 * before it is done.
 */

import { deflateSync } from "node:zlib";
import { decodeBase64, decodeText } from "./base64.ts";
import { inflateBounded } from "./inflate.ts";
import { MAX_PAYLOAD_BYTES, MAX_RSA_BLOCKS } from "./limits.ts";
import type { MessageHead, TextMessage } from "./message.ts";
import { MonitorRefusal } from "./refusal.ts";
import { decryptBlocks, encryptBlocks, type RsaKey, rsaBlocks } from "./rsa.ts";
import { printHead, splitTextMessage } from "./text-head.ts";

export interface TextDecoding {
  /** PRIKEY; without it, encrypted messages are refused. */
  readonly privateKey?: RsaKey | undefined;
  /** Asked before RSA work is done: may this sender have so many blocks decrypted? Default: always. */
  readonly grantRsa?: ((head: MessageHead, blocks: number) => boolean) | undefined;
}

export interface DecodedText {
  readonly message: TextMessage;
  readonly encrypted: boolean;
}

/**
 * One message: a datagram, or a line with or without its end.
 * @throws MonitorRefusal `malformed`, `too_large`, `undecryptable` or `rsa_budget`.
 */
export function decodeTextMessage(bytes: Uint8Array, decoding: TextDecoding = {}): DecodedText {
  const { head, body } = splitTextMessage(bytes);
  const inflated = body === "" ? Buffer.alloc(0) : inflate(head, body);
  const plain = plainText(inflated);
  if (plain !== undefined) return { message: { ...head, payload: plain }, encrypted: false };
  return { message: { ...head, payload: decrypt(head, inflated, decoding) }, encrypted: true };
}

/** The message without a line end, as agents send it. Compressed as upstream does, level 9. */
export function encodeTextMessage(message: TextMessage, publicKey?: RsaKey): Buffer {
  const payload = Buffer.from(message.payload.toWellFormed(), "utf8");
  const content = publicKey === undefined ? payload : encryptBlocks(publicKey, payload);
  return Buffer.from(
    `${printHead(message)} ${deflateSync(content, { level: 9 }).toString("base64")}`,
    "latin1",
  );
}

function inflate(head: MessageHead, body: string): Buffer {
  const compressed = decodeBase64(body);
  if (compressed === undefined)
    throw new MonitorRefusal(
      "malformed",
      `The payload of ${head.type} of ${head.oid} is no base64: standard base64 on one line is expected.`,
    );
  return inflateBounded(compressed, {
    format: "zlib",
    maxBytes: MAX_PAYLOAD_BYTES,
    what: () => `The payload of ${head.type} of ${head.oid}`,
  });
}

/**
 * The inflated bytes when they are text as they are. Ciphertext is not: 128 and more random bytes are never UTF-8, and
 * never free of control characters. Probes that print Latin-1 are read with U+FFFD in the place of what is wrong.
 */
function plainText(bytes: Buffer): string | undefined {
  return decodeText(bytes) ?? (hasControlCharacter(bytes) ? undefined : bytes.toString("utf8"));
}

/** Bytes below the blank, but for tab, line feed and carriage return. */
function hasControlCharacter(bytes: Buffer): boolean {
  return bytes.some((byte) => byte < 32 && byte !== 9 && byte !== 10 && byte !== 13);
}

function decrypt(head: MessageHead, bytes: Buffer, { privateKey, grantRsa }: TextDecoding): string {
  const of = `The payload of ${head.type} of ${head.oid}`;
  if (privateKey === undefined)
    throw new MonitorRefusal(
      "undecryptable",
      `${of} is no text, and no private key (PRIKEY) is set to decrypt it.`,
    );
  const blocks = rsaBlocks(privateKey, bytes.length);
  if (blocks === undefined)
    throw new MonitorRefusal(
      "undecryptable",
      `${of} is neither text nor whole blocks of the private key (PRIKEY).`,
    );
  if (blocks > MAX_RSA_BLOCKS)
    throw new MonitorRefusal(
      "too_large",
      `${of} has ${blocks} RSA blocks: at most ${MAX_RSA_BLOCKS} are decrypted.`,
    );
  if (grantRsa !== undefined && !grantRsa(head, blocks))
    throw new MonitorRefusal(
      "rsa_budget",
      `${of} has ${blocks} RSA blocks, more than its sender is granted now.`,
    );
  const text = decryptBlocks(privateKey, bytes);
  if (text !== undefined) return text;
  throw new MonitorRefusal(
    "undecryptable",
    `${of} was not encrypted with the public key (PUBKEY) of this daemon.`,
  );
}
