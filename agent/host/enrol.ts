/** `gatehouse-agent enroll`: makes a key for this host, and the daemon know it, with a one-time code. */

import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import type { Clock } from "../../shared/clock.ts";
import { errorText, GatehouseError, isGatehouseError } from "../../shared/errors.ts";
import {
  MAX_ENROLMENT_BYTES,
  openEnrolmentAnswer,
  printEnrolmentHello,
  readDaemonKey,
  sealEnrolmentRequest,
} from "../../shared/monitor/enrolment.ts";
import { type EnrolmentCode, parseEnrolmentCode } from "../../shared/monitor/enrolment-code.ts";
import { generateKeyPair, type KeyPair, keyIdOf, printKey } from "../../shared/monitor/keys.ts";
import { frameForStream, splitFrames } from "../../shared/monitor/splitter.ts";
import { type AgentIdentity, writeIdentity } from "./identity-file.ts";
import { DEFAULT_PORT } from "./settings.ts";
import { makeStateDir } from "./state-dir.ts";

const PATIENCE_MS = 15_000;

export interface Enrolling {
  /** HOST or HOST:PORT; an IPv6 address in brackets. */
  readonly daemon: string;
  readonly code: string;
  readonly stateDir: string;
  readonly clock: Clock;
}

/**
 * Writes the identity into the state directory.
 * @throws GatehouseError when the daemon cannot be reached, is another than the code's, or refuses the code.
 */
export async function enrol({ daemon, code: text, stateDir, clock }: Enrolling): Promise<AgentIdentity> {
  const code = parseEnrolmentCode(text);
  const { address, port } = parseDaemon(daemon);
  makeStateDir(stateDir);
  const keys = generateKeyPair(randomBytes);
  const { daemonKey, answer } = await exchange(connect({ host: address, port }), keys, code, clock);
  if (!answer.enrolled)
    throw new GatehouseError("forbidden", `The daemon does not enrol this host: ${answer.reason}`);
  const { hostId, hostName, hypervisor, periods } = answer;
  const secretKey = printKey(keys.secretKey);
  const identity = {
    ...{ hostId, hostName, hypervisor, secretKey, daemonKey: printKey(daemonKey) },
    ...{ address, port, periods },
  };
  writeIdentity(stateDir, identity);
  return identity;
}

/** @throws GatehouseError `bad_request`. */
export function parseDaemon(text: string): { readonly address: string; readonly port: number } {
  const [, bracketed, plain, digits] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = bracketed ?? plain;
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  if (address !== undefined && port > 0 && port <= 65_535) return { address, port };
  throw new GatehouseError(
    "bad_request",
    `The daemon is ${JSON.stringify(text)}: HOST or HOST:PORT is expected.`,
  );
}

async function exchange(socket: Socket, keys: KeyPair, code: EnrolmentCode, clock: Clock) {
  const cancel = clock.after(PATIENCE_MS, () => socket.destroy(new Error("it did not answer in time")));
  const frames = framesOf(socket);
  try {
    socket.write(frameForStream(printEnrolmentHello()));
    const daemonKey = readDaemonKey(await nextFrame(frames));
    if (keyIdOf(daemonKey) !== code.fingerprint)
      throw new GatehouseError(
        "forbidden",
        "The daemon that answers is not the one that made the code: its key has another fingerprint.",
      );
    const request = { hostId: code.hostId, secret: code.secret };
    socket.write(frameForStream(sealEnrolmentRequest(keys, daemonKey, request, randomBytes)));
    return { daemonKey, answer: openEnrolmentAnswer(keys, daemonKey, await nextFrame(frames)) };
  } catch (error) {
    if (isGatehouseError(error)) throw error;
    throw new GatehouseError("unavailable", `The daemon cannot be reached: ${errorText(error)}.`);
  } finally {
    cancel();
    socket.destroy();
  }
}

async function* framesOf(socket: Socket): AsyncGenerator<Buffer, void> {
  const splitter = splitFrames(MAX_ENROLMENT_BYTES);
  for await (const piece of socket) yield* splitter.push(piece);
}

async function nextFrame(frames: AsyncGenerator<Buffer, void>): Promise<Buffer> {
  const { value } = await frames.next();
  if (value !== undefined) return value;
  throw new Error("it closed the connection");
}
