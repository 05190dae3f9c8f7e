/**
 * The monitor codecs against datagrams and streams nobody would send: each is taken or refused by a MonitorRefusal,
 * what is taken means the same when it is sent on, no forged, changed or repeated sealed frame is ever taken, and
 * memory does not grow.
 */

import { setImmediate } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { deflateRawSync, deflateSync } from "node:zlib";
import nacl from "tweetnacl";
import { agentChannel, type Channel, daemonChannel, generateKeyPair } from "../../shared/monitor/keys.ts";
import type { TextMessage } from "../../shared/monitor/message.ts";
import { packMessages, unpackMessages } from "../../shared/monitor/packed-contents.ts";
import { printMessage } from "../../shared/monitor/print.ts";
import { readMessage } from "../../shared/monitor/read.ts";
import { receiveMessages } from "../../shared/monitor/receive.ts";
import { isMonitorRefusal } from "../../shared/monitor/refusal.ts";
import { ReplayWindow } from "../../shared/monitor/replay-window.ts";
import { openMessages, Sealer } from "../../shared/monitor/sealed.ts";
import { HEAD_BYTES, nonceOf } from "../../shared/monitor/sealed-head.ts";
import {
  codecOf,
  frameForStream,
  type StreamSplitter,
  splitFrames,
  splitLines,
} from "../../shared/monitor/splitter.ts";
import { decodeTextMessage } from "../../shared/monitor/text.ts";
import { calmMemorySample } from "../support/memory.ts";
import { monitorVm } from "../support/monitor-messages.ts";
import { monitorRecordings, recordedKeys } from "../support/monitor-recordings.ts";
import { type Random, seededRandom } from "../support/random.ts";

export interface MonitorFuzzOptions {
  /** Default DEFAULT_INPUTS. */
  readonly inputs?: number | undefined;
  readonly seed?: number | undefined;
  readonly log?: ((line: string) => void) | undefined;
}

export interface MonitorFuzzResult {
  readonly inputs: number;
  readonly seed: number;
  readonly taken: number;
  readonly refused: number;
  /** Heap and buffers after collecting garbage, at the end more than after the first tenth. */
  readonly grownBytes: number;
}

const DEFAULT_INPUTS = 1_000_000;
const LOG_EVERY = 100_000;
/** zlib lets go of its buffers on the next turn of the event loop, which in the daemon follows every datagram. */
const TURN_EVERY = 100;
/** What the engine's own caches may take more from the first tenth to the end. */
const ALLOWED_GROWTH_BYTES = 16 * 1024 * 1024;
const SENT_MS = 1_795_169_756_000;
/** RSA takes 0.3 ms a block: few of the inputs get it. */
const GRANTED_BLOCKS = 2;
const STREAM_BYTES = 4096;

interface World {
  readonly random: Random;
  readonly texts: readonly Buffer[];
  readonly messages: readonly TextMessage[];
  /** Authentic frames, all of them received once. */
  readonly frames: readonly Buffer[];
  readonly agentEnd: Channel;
  readonly daemonEnd: Channel;
  readonly window: ReplayWindow;
}

type Attempt = (world: World) => boolean;

const { privateKey } = recordedKeys();

/** @throws Error with the seed and the input's number at the first input that breaks a law. */
export async function monitorFuzz(options: MonitorFuzzOptions = {}): Promise<MonitorFuzzResult> {
  const { inputs = DEFAULT_INPUTS, seed = 1, log = () => {} } = options;
  const world = makeWorld(seededRandom(seed));
  let taken = 0;
  let afterTenth = 0;
  for (let index = 0; index < inputs; index += 1) {
    if (index % TURN_EVERY === 0) await setImmediate();
    if (index === Math.floor(inputs / 10)) afterTenth = (await calmMemorySample()).liveBytes;
    if (tryOne(world, `number ${index}, seed ${seed}`)) taken += 1;
    if ((index + 1) % LOG_EVERY === 0) log(`monitor-fuzz: ${index + 1} of ${inputs} inputs`);
  }
  await setImmediate();
  const grownBytes = (await calmMemorySample()).liveBytes - afterTenth;
  if (grownBytes > ALLOWED_GROWTH_BYTES)
    throw new Error(`monitor-fuzz: memory grew by ${grownBytes} bytes, ${ALLOWED_GROWTH_BYTES} are allowed`);
  return { inputs, seed, taken, refused: inputs - taken, grownBytes };
}

const ATTEMPTS: readonly Attempt[] = [
  randomDatagram,
  changedText,
  changedText,
  changedPayload,
  changedFrame,
  changedFrame,
  forgedFrame,
  repeatedFrame,
  changedContents,
  changedStream,
];

function tryOne(world: World, which: string): boolean {
  const attempt = world.random.pick(ATTEMPTS);
  try {
    return attempt(world);
  } catch (cause) {
    if (isMonitorRefusal(cause)) return false;
    throw new Error(`monitor-fuzz, ${attempt.name} ${which}`, { cause });
  }
}

function makeWorld(random: Random): World {
  const bytes = (count: number) => Uint8Array.from({ length: count }, () => random.integer(256));
  const agent = generateKeyPair(bytes);
  const daemon = generateKeyPair(bytes);
  const agentEnd = agentChannel(agent, daemon.publicKey);
  const daemonEnd = daemonChannel(daemon, agent.publicKey);
  const recordings = monitorRecordings();
  const messages = recordings.map(({ bytes: one }) => decodeTextMessage(one, { privateKey }).message);
  const sealer = new Sealer(agentEnd, 2);
  const made = [...messages.map(readMessage), ...[1, 5, 20].map((vms) => monitorVm(random, vms))];
  const frames = made.map((message) => sealer.messages({ sentMs: SENT_MS, messages: [message] }));
  const world = {
    random,
    texts: recordings.map((one) => one.bytes),
    messages,
    frames,
    agentEnd,
    daemonEnd,
    window: new ReplayWindow(),
  };
  for (const frame of frames) receiveFrame(world, frame);
  return world;
}

function receiveFrame({ daemonEnd, window }: World, frame: Uint8Array): void {
  receiveMessages({ channel: daemonEnd, window }, frame, { nowMs: SENT_MS, maxSkewMs: 1000 });
}

/** As the daemon takes a datagram; true for one that was taken. */
function receive(world: World, datagram: Buffer): boolean {
  if (codecOf(datagram[0] ?? 0) === "text") return receiveText(datagram);
  receiveFrame(world, datagram);
  throw new Error("a sealed frame was taken that no agent sent");
}

function receiveText(datagram: Buffer): boolean {
  const { message } = decodeTextMessage(datagram, {
    privateKey,
    grantRsa: (_, blocks) => blocks <= GRANTED_BLOCKS,
  });
  checkMeaning(message);
  return true;
}

/** What was read is read again from its print, and comes through a sealed frame. */
function checkMeaning(text: TextMessage): void {
  const message = readMessage(text);
  if (!isDeepStrictEqual(readMessage(printMessage(message)), message))
    throw new Error("printed, it reads otherwise");
  const contents = { sentMs: SENT_MS, messages: [message] };
  if (!isDeepStrictEqual(unpackMessages(packMessages(contents)), contents))
    throw new Error("sealed, it reads otherwise");
}

function randomDatagram(world: World): boolean {
  const { random } = world;
  const bytes = Buffer.from(Array.from({ length: random.integer(200) }, () => random.integer(256)));
  if (random.integer(2) === 0 && bytes.length > 0) bytes[0] = 1;
  return receive(world, bytes);
}

function changedText(world: World): boolean {
  return receive(world, change(world.random.pick(world.texts), world.random));
}

/** A right envelope with a changed payload: what a broken probe would make of it. */
function changedPayload({ random, messages }: World): boolean {
  const message = random.pick(messages);
  const payload = change(Buffer.from(message.payload), random);
  const head = `${message.type} ${message.status} ${message.oid} ${message.timestamp}`;
  return receiveText(Buffer.from(`${head} ${deflateSync(payload, { level: 1 }).toString("base64")}`));
}

function changedFrame(world: World): boolean {
  const { random, frames } = world;
  const frame = random.pick(frames);
  const changed = change(frame, random);
  if (changed.equals(frame)) return repeatedFrame(world);
  return receive(world, Buffer.concat([Buffer.from([1]), changed.subarray(1)]));
}

/** A head of any boot and number over a box of another, or of noise. */
function forgedFrame(world: World): boolean {
  const { random, frames } = world;
  const head = Buffer.from(random.pick(frames).subarray(0, HEAD_BYTES));
  head.writeUIntBE(3 + random.integer(1000), 10, 6);
  return receive(world, Buffer.concat([head, random.pick(frames).subarray(HEAD_BYTES)]));
}

function repeatedFrame(world: World): boolean {
  return receive(world, world.random.pick(world.frames));
}

/** Sealed by the right key: what an agent could send that has been taken over. */
function changedContents({ random, frames, agentEnd, daemonEnd }: World): boolean {
  const frame = random.pick(frames);
  const packed = packMessages(openMessages(daemonEnd, frame));
  const content =
    random.integer(4) === 0
      ? change(deflateRawSync(packed), random)
      : deflateRawSync(change(packed, random), { level: 1 });
  const head = frame.subarray(0, HEAD_BYTES);
  const box = nacl.box.after(content, nonceOf(head), agentEnd.sharedKey);
  const opened = openMessages(daemonEnd, Buffer.concat([head, box]));
  if (!isDeepStrictEqual(unpackMessages(packMessages(opened)), opened))
    throw new Error("sealed again, it differs");
  return true;
}

/** Lines or frames one after another, changed and cut anywhere. */
function changedStream(world: World): boolean {
  const { random, texts, frames } = world;
  const sealed = random.integer(2) === 0;
  const splitter = sealed ? splitFrames(STREAM_BYTES) : splitLines(STREAM_BYTES);
  const parts = Array.from({ length: 1 + random.integer(4) }, () =>
    sealed ? frameForStream(random.pick(frames)) : Buffer.concat([random.pick(texts), Buffer.from("\n")]),
  );
  const stream = random.integer(2) === 0 ? Buffer.concat(parts) : change(Buffer.concat(parts), random);
  for (let at = 0; at < stream.length; ) {
    const end = at + 1 + random.integer(random.integer(2) === 0 ? 8 : 2000);
    checkSplit(world, splitter, stream.subarray(at, end));
    at = end;
  }
  splitter.end();
  return true;
}

function checkSplit(world: World, splitter: StreamSplitter, piece: Buffer): void {
  for (const message of splitter.push(piece)) {
    if (message.length > STREAM_BYTES) throw new Error("a message of a stream is larger than is allowed");
    tryOneOf(world, message);
  }
  if (splitter.held > STREAM_BYTES) throw new Error("a stream holds back more than is allowed");
}

function tryOneOf(world: World, message: Buffer): void {
  try {
    receive(world, message);
  } catch (error) {
    if (!isMonitorRefusal(error)) throw error;
  }
}

/** One to three changes: a bit turned, a byte set, bytes cut out, doubled or brought in, or the end cut off. */
function change(bytes: Buffer, random: Random): Buffer {
  let out: Buffer = Buffer.from(bytes);
  for (let left = 1 + random.integer(3); left > 0; left -= 1) out = changeOnce(out, random);
  return out;
}

function changeOnce(bytes: Buffer, random: Random): Buffer {
  if (bytes.length === 0) return Buffer.from([random.integer(256)]);
  const at = random.integer(bytes.length);
  const end = Math.min(bytes.length, at + 1 + random.integer(8));
  switch (random.integer(6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([random.integer(256)]), bytes.subarray(at)]);
    case 4:
      return replaced(bytes, at, random.integer(256));
    default:
      return replaced(bytes, at, (bytes[at] ?? 0) ^ (1 << random.integer(8)));
  }
}

function replaced(bytes: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = byte;
  return copy;
}
