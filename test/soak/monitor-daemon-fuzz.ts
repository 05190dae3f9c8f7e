/**
 * A whole daemon over an embedded cloud, against what strangers send it by datagram and by stream: nothing of it falls,
 * no memory grows, and nothing that the cloud tells of hosts and VMs is changed.
 */

import { once } from "node:events";
import { connect } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { frameForStream } from "../../shared/monitor/splitter.ts";
import { calmMemorySample } from "../support/memory.ts";
import {
  eventually,
  type MonitoredCloud,
  monitoredCloud,
  sendDatagrams,
  TestAgent,
  TestConnection,
} from "../support/monitor-daemon.ts";
import { monitorVm } from "../support/monitor-messages.ts";
import { monitorRecordings } from "../support/monitor-recordings.ts";
import { type Random, seededRandom } from "../support/random.ts";

export interface MonitorDaemonFuzzOptions {
  /** Default DEFAULT_INPUTS. */
  readonly inputs?: number | undefined;
  readonly seed?: number | undefined;
  readonly log?: ((line: string) => void) | undefined;
}

export interface MonitorDaemonFuzzResult {
  readonly inputs: number;
  readonly seed: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Heap and buffers after collecting garbage, at the end more than after the first tenth. */
  readonly grownBytes: number;
}

const DEFAULT_INPUTS = 1_000_000;
/** Sent, and seen to be read, before the next. */
const BATCH = 200;
/** Of so many batches one goes by TCP, as pieces of streams. */
const STREAM_EVERY = 5;
/** Of one connection: the first that is out of step ends it. */
const STREAM_INPUTS = 20;
const LOG_EVERY = 100_000;
const ALLOWED_GROWTH_BYTES = 24 * 1024 * 1024;

interface World {
  readonly house: MonitoredCloud;
  readonly agent: TestAgent;
  readonly random: Random;
  /** Authentic, and all of them received before. */
  readonly frames: readonly Buffer[];
  readonly texts: readonly Buffer[];
}

/** @throws Error when a law is broken. */
export async function monitorDaemonFuzz(
  options: MonitorDaemonFuzzOptions = {},
): Promise<MonitorDaemonFuzzResult> {
  const { inputs = DEFAULT_INPUTS, seed = 1, log = () => {} } = options;
  const faults: unknown[] = [];
  const note = (details: object) => void faults.push(details);
  const house = await monitoredCloud({ log: { error: note, warn() {}, info() {}, debug() {} } });
  try {
    const world = await makeWorld(house, seededRandom(seed));
    const before = await stateOf(house);
    let afterTenth = 0;
    let logged = 0;
    for (let sent = 0, batch = 0; sent < inputs; batch += 1) {
      if (sent >= inputs / 10 && afterTenth === 0) afterTenth = (await calmMemorySample()).liveBytes;
      sent += batch % STREAM_EVERY === 0 ? await sendStream(world) : await sendBatch(world);
      if (sent >= logged + LOG_EVERY) {
        logged = sent;
        log(`monitor-daemon-fuzz: ${sent} of ${inputs} inputs`);
      }
    }
    await eventually(() => house.daemon.queues().datagrams + house.daemon.queues().mailboxes === 0);
    const grownBytes = (await calmMemorySample()).liveBytes - afterTenth;
    if (grownBytes > ALLOWED_GROWTH_BYTES) throw new Error(`memory grew by ${grownBytes} bytes`);
    if (faults.length > 0) throw new Error(`${faults.length} faults came to light`, { cause: faults[0] });
    if (!isDeepStrictEqual(await stateOf(house), before)) throw new Error("the cloud is not as it was");
    await stillHears(world);
    const refused = Object.fromEntries([...house.daemon.counts.refusals].filter(([, count]) => count > 0));
    return { inputs, seed, refused, grownBytes };
  } catch (cause) {
    throw new Error(`monitor-daemon-fuzz, seed ${seed}`, { cause });
  } finally {
    await house.close();
  }
}

async function makeWorld(house: MonitoredCloud, random: Random): Promise<World> {
  const vmId = await house.runningVm();
  const agent = await TestAgent.enrol(house);
  const connection = await TestConnection.open(house, agent);
  connection.send();
  await connection.answer();
  const messages = [1, 5, 20].map((vms) => monitorVm(random, vms, house.hostId));
  const stored = agent.states({ [vmId]: "RUNNING" });
  connection.send(stored);
  await connection.answer();
  connection.close();
  const frames = [...messages.map((message) => agent.frame(message)), agent.frame(), agent.frame(stored)];
  const { counts } = house.daemon;
  await sendDatagrams(house.daemon, frames);
  await eventually(() => (counts.frames.get("sealed udp") ?? 0) === frames.length);
  // Of hosts that are not there: what is changed of them is refused at the latest by that.
  const texts = monitorRecordings().map(({ bytes }) => bytes);
  return { house, agent, random, frames, texts };
}

/** How many it has sent. */
async function sendBatch(world: World): Promise<number> {
  const { counts } = world.house.daemon;
  const wanted = counts.datagrams + BATCH;
  await sendDatagrams(
    world.house.daemon,
    Array.from({ length: BATCH }, () => junk(world)),
  );
  // The kernel may drop some of them: what has come is read, and then goes the next.
  let turns = 0;
  await eventually(() => {
    turns += 1;
    return (counts.datagrams >= wanted || turns > 50) && world.house.daemon.queues().datagrams === 0;
  });
  return BATCH;
}

/** Junk in pieces, cut anywhere, then a cut of the connection or its end; how much it has sent. */
async function sendStream(world: World): Promise<number> {
  const { daemon } = world.house;
  const socket = connect(daemon.address.port, "127.0.0.1");
  socket.on("error", () => undefined).resume();
  await once(socket, "connect");
  const pieces = Array.from({ length: STREAM_INPUTS }, () => {
    const bytes = junk(world);
    return bytes[0] === 1 && world.random.integer(4) > 0 ? frameForStream(bytes) : bytes;
  });
  const stream = Buffer.concat(pieces);
  for (let at = 0; at < stream.length && !socket.destroyed; ) {
    const end = at + 1 + world.random.integer(4_000);
    socket.write(stream.subarray(at, end));
    at = end;
  }
  if (world.random.integer(2) === 0) socket.resetAndDestroy();
  else socket.end();
  if (!socket.closed) await Promise.race([once(socket, "close"), turnsOfTheLoop(2_000)]);
  socket.destroy();
  return STREAM_INPUTS;
}

async function turnsOfTheLoop(turns: number): Promise<void> {
  let left = turns;
  await eventually(() => {
    left -= 1;
    return left <= 0;
  });
}

function junk({ random, frames, texts }: World): Buffer {
  switch (random.integer(6)) {
    case 0:
      return Buffer.from(Array.from({ length: 1 + random.integer(300) }, () => random.integer(256)));
    case 1:
      return random.pick(frames);
    case 2:
      return changed(random, random.pick(texts));
    case 3:
      return truncated(random, random.pick(texts));
    case 4:
      return truncated(random, random.pick(frames));
    default:
      return changed(random, random.pick(frames));
  }
}

function changed(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let flips = 1 + random.integer(4); flips > 0; flips -= 1) {
    const at = random.integer(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << random.integer(8));
  }
  // A flip may lead to the one host that is there, which text may speak of: it is sent on as of another.
  return /^[A-Z_]+ (\S+ )?0 /.test(copy.toString("latin1", 0, 64)) ? Buffer.from("X") : copy;
}

function truncated(random: Random, bytes: Buffer): Buffer {
  return bytes.subarray(0, random.integer(bytes.length));
}

async function stateOf({ cloud, hostId, daemon }: MonitoredCloud): Promise<object> {
  return {
    vms: await cloud.vms.list(SYSTEM),
    hosts: await cloud.hosts.list(SYSTEM),
    host: cloud.monitoring.latestHost(hostId),
    vm: cloud.monitoring.latestVm(0),
    agents: daemon.agents.ofHost(hostId),
  };
}

/** After all of it, an agent is heard as before. */
async function stillHears({ house, agent }: World): Promise<void> {
  agent.renew();
  const connection = await TestConnection.open(house, agent);
  connection.send(agent.states({}));
  const answer = await connection.answer();
  connection.close();
  if (answer?.deliveries.length !== 1) throw new Error("the agent is not heard any more");
}
