/**
 * The one-time code that makes an agent known to the daemon: `<host id>-<secret>-<fingerprint>`, printed by
 * `gatehouse host enroll` and handed to `gatehouse-agent enroll`. Its fingerprint is the daemon's key id, so whoever
 * answers in the daemon's place is found out before the secret is sent.
 */

import { createHash } from "node:crypto";
import { GatehouseError } from "../errors.ts";
import { keyIdOf } from "./keys.ts";
import { MAX_OBJECT_ID } from "./limits.ts";

export const ENROLMENT_SECRET_BYTES = 16;

/** How long the daemon takes a code (design of issue 5). */
export const ENROLMENT_LIFETIME_MS = 15 * 60 * 1000;
/** How often a wrong secret may be tried against one code. */
export const ENROLMENT_TRIES = 5;

export interface EnrolmentCode {
  readonly hostId: number;
  /** ENROLMENT_SECRET_BYTES of randomness. */
  readonly secret: Uint8Array;
  /** keyIdOf the daemon's public key: 16 hexadecimal digits. */
  readonly fingerprint: string;
}

/** 16 bytes are 26 letters of base32 (RFC 4648), of which the last has two bits. */
const CODE = /^(0|[1-9]\d{0,9})-([a-z2-7]{26})-([0-9a-f]{16})$/;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** @param randomBytes a cryptographic source, such as node:crypto's. */
export function makeEnrolmentCode(
  hostId: number,
  daemonPublicKey: Uint8Array,
  randomBytes: (bytes: number) => Uint8Array,
): EnrolmentCode {
  return { hostId, secret: randomBytes(ENROLMENT_SECRET_BYTES), fingerprint: keyIdOf(daemonPublicKey) };
}

/** For a person to carry from one machine to the other. */
export function printEnrolmentCode({ hostId, secret, fingerprint }: EnrolmentCode): string {
  return `${hostId}-${base32(secret)}-${fingerprint}`;
}

/** Capitals and blanks around it are forgiven. @throws GatehouseError `bad_request`, without the code. */
export function parseEnrolmentCode(text: string): EnrolmentCode {
  const [, id, letters, fingerprint] = CODE.exec(text.trim().toLowerCase()) ?? [];
  const hostId = Number(id);
  if (letters === undefined || fingerprint === undefined || hostId > MAX_OBJECT_ID)
    throw new GatehouseError(
      "bad_request",
      "The enrolment code is not whole: <host id>-<26 letters and digits>-<16 hexadecimal digits> is expected.",
    );
  return { hostId, secret: bytesOfBase32(letters), fingerprint };
}

/** What the daemon keeps in place of the secret, which is random enough to be hashed plainly: 64 hexadecimal digits. */
export function hashEnrolmentSecret(secret: Uint8Array): string {
  return createHash("sha256").update("gatehouse enrolment\0").update(secret).digest("hex");
}

function base32(bytes: Uint8Array): string {
  let text = "";
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += ALPHABET[(held >>> (bits - 5)) & 31];
    held &= 31;
  }
  return bits === 0 ? text : text + ALPHABET[(held << (5 - bits)) & 31];
}

function bytesOfBase32(text: string): Uint8Array {
  const bytes: number[] = [];
  let held = 0;
  let bits = 0;
  for (const letter of text) {
    held = ((held << 5) | ALPHABET.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((held >>> bits) & 0xff);
  }
  return Uint8Array.from(bytes);
}
