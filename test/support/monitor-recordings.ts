/** Datagrams and TCP messages of real agents, with what they decode to (test/fixtures/monitor). */

import { readFileSync } from "node:fs";
import { z } from "zod";
import { parseRsaPrivateKey, parseRsaPublicKey, type RsaKey } from "../../shared/monitor/rsa.ts";

const RECORDING = z.object({
  name: z.string(),
  encrypted: z.boolean(),
  hex: z.string(),
  type: z.string(),
  status: z.string(),
  oid: z.string(),
  ts: z.string(),
  decoded: z.string(),
});

export interface MonitorRecording {
  readonly name: string;
  readonly encrypted: boolean;
  readonly bytes: Buffer;
  readonly type: string;
  readonly status: string;
  readonly oid: number;
  readonly timestamp: number;
  readonly payload: string;
}

/** In the order recorded; the agents' start replies, which are XML on standard output, are left out. */
export function monitorRecordings(): readonly MonitorRecording[] {
  return fixture("monitor.jsonl")
    .trim()
    .split("\n")
    .flatMap((line) => {
      const parsed = RECORDING.safeParse(JSON.parse(line));
      if (!parsed.success) return [];
      const { name, encrypted, hex, type, status, oid, ts, decoded } = parsed.data;
      const bytes = Buffer.from(hex, "hex");
      return [
        { name, encrypted, bytes, type, status, oid: Number(oid), timestamp: Number(ts), payload: decoded },
      ];
    });
}

/** The keys that the encrypted ones were recorded with. */
export function recordedKeys(): { readonly privateKey: RsaKey; readonly publicKey: RsaKey } {
  return {
    privateKey: parseRsaPrivateKey(fixture("monitor_rsa_private.pem")),
    publicKey: parseRsaPublicKey(fixture("monitor_rsa_public_pkcs1.pem")),
  };
}

function fixture(name: string): string {
  return readFileSync(new URL(`../fixtures/monitor/${name}`, import.meta.url), "utf8");
}
