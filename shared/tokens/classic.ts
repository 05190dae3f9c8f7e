/** OpenNebula's OneGate token, which contextualisation hands to every VM (spec onegate-api.md 2, "Token, byte for byte"). */

import { createCipheriv, timingSafeEqual } from "node:crypto";
import { GatehouseError } from "../errors.ts";

/** The key is the first 32 bytes of the password; OpenNebula's own passwords have 64. */
export const MIN_TOKEN_PASSWORD_LENGTH = 32;

/** The original uses no initialisation vector; VM id and birth differ for every VM, so no two texts are alike. */
const ZERO_IV = Buffer.alloc(16);

export interface ClassicTokenSource {
  readonly vmId: number;
  /** STIME: when the VM was made, seconds since the epoch. */
  readonly stime: number;
  /** TOKEN_PASSWORD of the user in TEMPLATE/CREATED_BY. */
  readonly tokenPassword: string;
}

/**
 * The token as base64 on one line, without a line end. It is the same for the life of the VM: compute it once and
 * keep it, since a cipher object costs about 50 µs.
 * @throws GatehouseError `unauthorized` when the password is shorter than 32 characters.
 */
export function classicToken({ vmId, stime, tokenPassword }: ClassicTokenSource): string {
  if (tokenPassword.length < MIN_TOKEN_PASSWORD_LENGTH) {
    throw new GatehouseError(
      "unauthorized",
      `TOKEN_PASSWORD of the creator of virtual machine [${vmId}] is too short: at least ${MIN_TOKEN_PASSWORD_LENGTH} characters are needed.`,
    );
  }
  const key = Buffer.from(tokenPassword, "utf8").subarray(0, MIN_TOKEN_PASSWORD_LENGTH);
  const cipher = createCipheriv("aes-256-cbc", key, ZERO_IV);
  return Buffer.concat([cipher.update(`${vmId}:${stime}`, "ascii"), cipher.final()]).toString("base64");
}

/** Compares two tokens in a time that tells nothing of where they differ. Their length follows from the VM's id: no secret. */
export function tokensEqual(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
