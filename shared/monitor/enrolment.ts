/**
 * Enrolment: an agent makes its key known to the daemon with a one-time code (enrolment-code.ts). Four frames on a TCP
 * connection to the daemon's port, each behind its length (frameForStream); the first byte tells them from sealed ones:
 *
 *     agent → daemon   E1 01                                      which key is yours?
 *     daemon → agent   E1 02  key (32)                            this; it must have the code's fingerprint
 *     agent → daemon   E1 03  key (32) nonce (24) box             [version, host id, secret]
 *     daemon → agent   E1 04  nonce (24) box                      [0, host id, host name, hypervisor, periods] or [1, why]
 *
 * The box of the request opens only for who holds the daemon's key, and proves that the agent holds its own.
 */

import nacl from "tweetnacl";
import { ENROLMENT_SECRET_BYTES } from "./enrolment-code.ts";
import { KEY_BYTES, type KeyPair } from "./keys.ts";
import { MAX_OBJECT_ID } from "./limits.ts";
import { misshapen, PlainFields } from "./plain-fields.ts";
import { packPlain, unpackPlain } from "./plain-msgpack.ts";
import { MonitorRefusal } from "./refusal.ts";

/** No version of sealed frames, and no letter of text. */
const ENROLMENT_BYTE = 0xe1;

const KIND = { hello: 1, daemonKey: 2, request: 3, answer: 4 } as const;

export type EnrolmentKind = keyof typeof KIND;

const HEAD_BYTES = 2;
const NONCE_BYTES = 24;
const VERSION = 1;

/** The largest of the four frames: names are bounded by what a person writes. */
export const MAX_ENROLMENT_BYTES = 4096;

const MAX_NAME_LENGTH = 256;
const MAX_PERIOD_S = 7 * 24 * 3600;

/** PROBES_PERIOD, in the order in which the answer has them. */
const PERIOD_NAMES = [
  "BEACON_HOST",
  "SYSTEM_HOST",
  "MONITOR_HOST",
  "STATE_VM",
  "MONITOR_VM",
  "SYNC_STATE_VM",
] as const;

/** Seconds. */
export type EnrolmentPeriods = Readonly<Record<(typeof PERIOD_NAMES)[number], number>>;

export interface EnrolmentRequest {
  readonly hostId: number;
  /** Of the code. */
  readonly secret: Uint8Array;
}

export type EnrolmentAnswer =
  | {
      readonly enrolled: true;
      readonly hostId: number;
      readonly hostName: string;
      readonly hypervisor: string;
      readonly periods: EnrolmentPeriods;
    }
  /** A sentence that says why not. */
  | { readonly enrolled: false; readonly reason: string };

type RandomBytes = (bytes: number) => Uint8Array;

/** Which of the four a frame is; undefined for any other, as a sealed one. */
export function enrolmentKind(frame: Uint8Array): EnrolmentKind | undefined {
  if (frame[0] !== ENROLMENT_BYTE) return undefined;
  if (frame[1] === KIND.hello) return "hello";
  if (frame[1] === KIND.daemonKey) return "daemonKey";
  if (frame[1] === KIND.request) return "request";
  return frame[1] === KIND.answer ? "answer" : undefined;
}

export function printEnrolmentHello(): Buffer {
  return frameOf("hello");
}

export function printDaemonKey(publicKey: Uint8Array): Buffer {
  return frameOf("daemonKey", publicKey);
}

/** The key, which proves nothing before its fingerprint is compared. @throws MonitorRefusal `malformed`. */
export function readDaemonKey(frame: Uint8Array): Uint8Array {
  const key = bodyOf("daemonKey", frame);
  if (key.length !== KEY_BYTES) throw misshapen(`a key of ${KEY_BYTES} bytes`);
  return Uint8Array.from(key);
}

export function sealEnrolmentRequest(
  agent: KeyPair,
  daemonPublicKey: Uint8Array,
  { hostId, secret }: EnrolmentRequest,
  randomBytes: RandomBytes,
): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const packed = packPlain([VERSION, hostId, Buffer.from(secret).toString("hex")]);
  return frameOf(
    "request",
    agent.publicKey,
    nonce,
    nacl.box(packed, nonce, daemonPublicKey, agent.secretKey),
  );
}

/** Who asks, and for which code. @throws MonitorRefusal `malformed` or `forged`. */
export function openEnrolmentRequest(
  daemon: KeyPair,
  frame: Uint8Array,
): EnrolmentRequest & { readonly agentPublicKey: Uint8Array } {
  const body = bodyOf("request", frame);
  const agentPublicKey = Uint8Array.from(body.subarray(0, KEY_BYTES));
  if (agentPublicKey.length !== KEY_BYTES) throw misshapen("an agent's key");
  const fields = openBox(body.subarray(KEY_BYTES), agentPublicKey, daemon.secretKey);
  fields.whole(VERSION, VERSION);
  const hostId = fields.whole(0, MAX_OBJECT_ID);
  const secret = Buffer.from(fields.text(), "hex");
  fields.end();
  if (secret.length !== ENROLMENT_SECRET_BYTES)
    throw misshapen(`a secret of ${ENROLMENT_SECRET_BYTES} bytes`);
  return { agentPublicKey, hostId, secret: Uint8Array.from(secret) };
}

export function sealEnrolmentAnswer(
  daemon: KeyPair,
  agentPublicKey: Uint8Array,
  answer: EnrolmentAnswer,
  randomBytes: RandomBytes,
): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const packed = answer.enrolled
    ? packPlain([
        0,
        answer.hostId,
        answer.hostName.slice(0, MAX_NAME_LENGTH),
        answer.hypervisor.slice(0, MAX_NAME_LENGTH),
        PERIOD_NAMES.map((name) => answer.periods[name]),
      ])
    : packPlain([1, answer.reason.slice(0, MAX_NAME_LENGTH)]);
  return frameOf("answer", nonce, nacl.box(packed, nonce, agentPublicKey, daemon.secretKey));
}

/** @throws MonitorRefusal `malformed` or `forged`. */
export function openEnrolmentAnswer(
  agent: KeyPair,
  daemonPublicKey: Uint8Array,
  frame: Uint8Array,
): EnrolmentAnswer {
  const fields = openBox(bodyOf("answer", frame), daemonPublicKey, agent.secretKey);
  if (fields.whole(0, 1) === 1) {
    const reason = fields.text();
    fields.end();
    return { enrolled: false, reason };
  }
  const hostId = fields.whole(0, MAX_OBJECT_ID);
  const hostName = fields.text();
  const hypervisor = fields.text();
  const periods = readPeriods(fields.fields());
  fields.end();
  return { enrolled: true, hostId, hostName, hypervisor, periods };
}

function readPeriods(fields: PlainFields): EnrolmentPeriods {
  const next = (): number => fields.whole(1, MAX_PERIOD_S);
  const periods = {
    BEACON_HOST: next(),
    SYSTEM_HOST: next(),
    MONITOR_HOST: next(),
    STATE_VM: next(),
    MONITOR_VM: next(),
    SYNC_STATE_VM: next(),
  };
  fields.end();
  return periods;
}

function frameOf(kind: EnrolmentKind, ...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Uint8Array.of(ENROLMENT_BYTE, KIND[kind]), ...parts]);
}

function bodyOf(kind: EnrolmentKind, frame: Uint8Array): Uint8Array {
  if (frame.length > MAX_ENROLMENT_BYTES || enrolmentKind(frame) !== kind)
    throw misshapen(`an enrolment's ${kind} of at most ${MAX_ENROLMENT_BYTES} bytes`);
  return frame.subarray(HEAD_BYTES);
}

function openBox(body: Uint8Array, publicKey: Uint8Array, secretKey: Uint8Array): PlainFields {
  const nonce = body.subarray(0, NONCE_BYTES);
  const box = body.subarray(NONCE_BYTES);
  if (nonce.length !== NONCE_BYTES) throw misshapen("a nonce and a box");
  const packed = nacl.box.open(box, nonce, publicKey, secretKey);
  if (packed === null)
    throw new MonitorRefusal("forged", "A frame of enrolment is forged or damaged: its keys do not open it.");
  return new PlainFields(unpackPlain(Buffer.from(packed)));
}
