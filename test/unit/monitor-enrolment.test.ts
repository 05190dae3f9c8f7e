/** The codec of enrolment: codes as people carry them, and the four frames. */

import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type EnrolmentAnswer,
  enrolmentKind,
  openEnrolmentAnswer,
  openEnrolmentRequest,
  printDaemonKey,
  printEnrolmentHello,
  readDaemonKey,
  sealEnrolmentAnswer,
  sealEnrolmentRequest,
} from "../../shared/monitor/enrolment.ts";
import {
  hashEnrolmentSecret,
  makeEnrolmentCode,
  parseEnrolmentCode,
  printEnrolmentCode,
} from "../../shared/monitor/enrolment-code.ts";
import { generateKeyPair, keyIdOf } from "../../shared/monitor/keys.ts";
import { Sealer } from "../../shared/monitor/sealed.ts";
import { codecOf, frameForStream } from "../../shared/monitor/splitter.ts";
import { monitorPair } from "../support/monitor-messages.ts";

const daemon = generateKeyPair(randomBytes);
const agent = generateKeyPair(randomBytes);
const secret = Uint8Array.from(randomBytes(16));
const periods = {
  BEACON_HOST: 30,
  SYSTEM_HOST: 600,
  MONITOR_HOST: 120,
  STATE_VM: 5,
  MONITOR_VM: 30,
  SYNC_STATE_VM: 180,
};
const answer: EnrolmentAnswer = { enrolled: true, hostId: 7, hostName: "node7", hypervisor: "kvm", periods };

test("a code is read as it was printed, whatever its secret", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      (hostId, bytes) => {
        const code = makeEnrolmentCode(hostId, daemon.publicKey, () => bytes);
        const printed = printEnrolmentCode(code);
        expect(parseEnrolmentCode(` ${printed.toUpperCase()}\n`)).toEqual(code);
        expect(printed).toMatch(/^\d+-[a-z2-7]{26}-[0-9a-f]{16}$/);
      },
    ),
  );
});

test("the code's fingerprint is the daemon's key id", () => {
  expect(makeEnrolmentCode(1, daemon.publicKey, randomBytes).fingerprint).toBe(keyIdOf(daemon.publicKey));
});

test.each(["", "7", "7-abc-def", "x-aaaaaaaaaaaaaaaaaaaaaaaaaa-0123456789abcdef", "9".repeat(60)])(
  "what is no code is refused without being quoted: %j",
  (text) => {
    expect(() => parseEnrolmentCode(text)).toThrow("The enrolment code is not whole");
  },
);

test("the hash that the daemon keeps is the same for the same secret alone", () => {
  expect(hashEnrolmentSecret(secret)).toBe(hashEnrolmentSecret(Uint8Array.from(secret)));
  expect(hashEnrolmentSecret(secret)).not.toBe(hashEnrolmentSecret(randomBytes(16)));
});

test("request and answer open for the two that they are between", () => {
  const request = sealEnrolmentRequest(agent, daemon.publicKey, { hostId: 7, secret }, randomBytes);
  expect(openEnrolmentRequest(daemon, request)).toEqual({
    agentPublicKey: agent.publicKey,
    hostId: 7,
    secret,
  });
  const sealed = sealEnrolmentAnswer(daemon, agent.publicKey, answer, randomBytes);
  expect(openEnrolmentAnswer(agent, daemon.publicKey, sealed)).toEqual(answer);
  const refusal: EnrolmentAnswer = { enrolled: false, reason: "The code was used already." };
  const refused = sealEnrolmentAnswer(daemon, agent.publicKey, refusal, randomBytes);
  expect(openEnrolmentAnswer(agent, daemon.publicKey, refused)).toEqual(refusal);
});

test("another daemon cannot open the request, nor another agent the answer", () => {
  const other = generateKeyPair(randomBytes);
  const request = sealEnrolmentRequest(agent, daemon.publicKey, { hostId: 7, secret }, randomBytes);
  expect(() => openEnrolmentRequest(other, request)).toThrow("forged or damaged");
  const sealed = sealEnrolmentAnswer(daemon, agent.publicKey, answer, randomBytes);
  expect(() => openEnrolmentAnswer(other, daemon.publicKey, sealed)).toThrow("forged or damaged");
});

test("a request with another's public key in it does not open: who asks holds the key that is named", () => {
  const request = sealEnrolmentRequest(agent, daemon.publicKey, { hostId: 7, secret }, randomBytes);
  request.set(generateKeyPair(randomBytes).publicKey, 2);
  expect(() => openEnrolmentRequest(daemon, request)).toThrow("forged or damaged");
});

test("every flipped bit of a request is refused, and every shortened one", () => {
  const request = sealEnrolmentRequest(agent, daemon.publicKey, { hostId: 7, secret }, randomBytes);
  for (let at = 0; at < request.length; at += 1) {
    const flipped = Buffer.from(request);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    expect(() => openEnrolmentRequest(daemon, flipped)).toThrow();
    expect(() => openEnrolmentRequest(daemon, request.subarray(0, at))).toThrow();
  }
});

test("the daemon's key travels in clear, and is the key", () => {
  expect(readDaemonKey(printDaemonKey(daemon.publicKey))).toEqual(daemon.publicKey);
  expect(() => readDaemonKey(printDaemonKey(daemon.publicKey).subarray(0, 30))).toThrow("missing");
});

test("frames of enrolment are told from sealed ones, and on a stream both from text", () => {
  const { agentEnd } = monitorPair();
  const sealed = new Sealer(agentEnd, 1).messages({ sentMs: 0, messages: [] });
  expect(enrolmentKind(sealed)).toBeUndefined();
  expect(enrolmentKind(printEnrolmentHello())).toBe("hello");
  expect(codecOf(frameForStream(printEnrolmentHello())[0] ?? 255)).toBe("sealed");
});
