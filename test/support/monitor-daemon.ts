/** A monitoring daemon over an embedded cloud, on free ports of loopback, and agents that speak to it. */

import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { type MonitorDaemon, type MonitorOptions, openMonitor } from "../../gateway/monitor/daemon.ts";
import { monitorSettingsSchema } from "../../gateway/monitor/settings.ts";
import { type MemoryStore, memoryStore } from "../../gateway/store/memory.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { firstDelivery } from "../../shared/monitor/boot.ts";
import { agentChannel, generateKeyPair, type KeyPair } from "../../shared/monitor/keys.ts";
import type { Message, MessageType } from "../../shared/monitor/message.ts";
import type { AcknowledgementContents } from "../../shared/monitor/packed-contents.ts";
import type { Reading, ReportedState } from "../../shared/monitor/readings.ts";
import { receiveAcknowledgement } from "../../shared/monitor/receive.ts";
import { ReplayWindow } from "../../shared/monitor/replay-window.ts";
import { Sealer } from "../../shared/monitor/sealed.ts";
import { frameForStream, splitFrames } from "../../shared/monitor/splitter.ts";
import { SILENT, testCloud, vmInPhase } from "./embedded.ts";

export interface MonitoredCloud {
  readonly cloud: EmbeddedCloud;
  readonly daemon: MonitorDaemon;
  readonly store: MemoryStore;
  readonly clock: Clock;
  readonly hostId: number;
  /** A running VM on the first host. */
  runningVm(): Promise<number>;
  /** Ends the daemon alone, and starts another over the same store. */
  restartDaemon(): Promise<MonitorDaemon>;
  close(): Promise<void>;
}

export interface MonitoredCloudOptions
  extends Partial<Pick<MonitorOptions, "privateKey" | "samples" | "isOpen" | "log">> {
  readonly clock?: Clock;
  readonly settings?: object;
}

export async function monitoredCloud(options: MonitoredCloudOptions = {}): Promise<MonitoredCloud> {
  const { clock = systemClock, settings = {}, log = SILENT, ...others } = options;
  const store = memoryStore();
  const { cloud } = await testCloud({ store, clock });
  const [host] = await cloud.hosts.list(SYSTEM);
  const hostId = host?.id ?? -1;
  const open = () =>
    openMonitor({
      cloud,
      store,
      settings: monitorSettingsSchema.parse(settings),
      host: "127.0.0.1",
      port: 0,
      clock,
      log,
      ...others,
    });
  let daemon = await open();
  return {
    cloud,
    get daemon() {
      return daemon;
    },
    store,
    clock,
    hostId,
    async runningVm() {
      const id = await cloud.vms.allocate(SYSTEM, { NAME: "vm" });
      return (await vmInPhase(cloud, SYSTEM, id, "RUNNING")).id;
    },
    async restartDaemon() {
      await daemon.close();
      daemon = await open();
      return daemon;
    },
    async close() {
      await daemon.close();
      await cloud.close();
      await store.close();
    },
  };
}

/** An agent's end, by hand: every frame is the test's to send. */
export class TestAgent {
  readonly keys: KeyPair;
  readonly hostId: number;
  readonly #daemonKey: Uint8Array;
  readonly #clock: Clock;
  #bootId: number;
  #sealer: Sealer;
  #deliveries = 0;

  private constructor(keys: KeyPair, hostId: number, daemonKey: Uint8Array, clock: Clock) {
    this.keys = keys;
    this.hostId = hostId;
    this.#daemonKey = daemonKey;
    this.#clock = clock;
    this.#bootId = 1;
    this.#sealer = new Sealer(this.channel, 1);
  }

  static async enrol({ daemon, hostId, clock }: MonitoredCloud, forHost = hostId): Promise<TestAgent> {
    const keys = generateKeyPair(randomBytes);
    await daemon.agents.enrol(keys.publicKey, forHost);
    return new TestAgent(keys, forHost, daemon.agents.daemonKey, clock);
  }

  get channel() {
    return agentChannel(this.keys, this.#daemonKey);
  }

  renew(): void {
    this.#bootId += 1;
    this.#sealer = new Sealer(this.channel, this.#bootId);
  }

  frame(...messages: readonly Message[]): Buffer {
    return this.#sealer.messages({ sentMs: this.#clock.now(), messages });
  }

  /** With the next delivery number. */
  numbered(message: Message): Message {
    this.#deliveries += 1;
    return { ...message, delivery: firstDelivery(this.#bootId) + this.#deliveries };
  }

  message(type: MessageType, reading: Reading, oid = this.hostId): Message {
    const status = reading.kind === "failure" ? "FAILURE" : "SUCCESS";
    return { type, status, oid, timestamp: Math.floor(this.#clock.now() / 1_000), reading };
  }

  states(states: Readonly<Record<number, ReportedState>>, part: { sync?: boolean } = {}): Message {
    const vms = Object.entries(states).map(([id, state]) => ({
      id: Number(id),
      deployId: `one-${id}`,
      state,
      more: {},
    }));
    const reading = {
      kind: "states",
      sync: part.sync ?? false,
      missingState: undefined,
      vms,
      more: {},
    } as const;
    return this.numbered(this.message("STATE_VM", reading));
  }
}

/** A datagram to the daemon, from a socket of its own. */
export async function sendDatagrams(daemon: MonitorDaemon, datagrams: readonly Uint8Array[]): Promise<void> {
  const socket = createSocket("udp4");
  try {
    for (const bytes of datagrams) {
      await new Promise<void>((resolve, reject) =>
        socket.send(bytes, daemon.address.port, "127.0.0.1", (error) => (error ? reject(error) : resolve())),
      );
    }
  } finally {
    socket.close();
  }
}

/** A connection whose acknowledgements are read one by one. */
export class TestConnection {
  readonly socket: Socket;
  readonly #agent: TestAgent;
  readonly #answers: AcknowledgementContents[] = [];
  #wake: () => void = () => {};
  #closed = false;

  private constructor(socket: Socket, agent: TestAgent, clock: Clock, window: ReplayWindow) {
    this.socket = socket;
    this.#agent = agent;
    const splitter = splitFrames();
    socket.on("data", (piece) => {
      for (const frame of splitter.push(piece)) {
        const rules = { nowMs: clock.now(), maxSkewMs: 300_000 };
        this.#answers.push(receiveAcknowledgement({ channel: agent.channel, window }, frame, rules));
      }
      this.#wake();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
  }

  static async open({ daemon, clock }: MonitoredCloud, agent: TestAgent): Promise<TestConnection> {
    const socket = connect(daemon.address.port, "127.0.0.1");
    await once(socket, "connect");
    return new TestConnection(socket, agent, clock, new ReplayWindow());
  }

  send(...messages: readonly Message[]): void {
    this.socket.write(frameForStream(this.#agent.frame(...messages)));
  }

  /** The next acknowledgement; undefined when the daemon has cut the connection. */
  async answer(): Promise<AcknowledgementContents | undefined> {
    while (this.#answers.length === 0 && !this.#closed)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.#answers.shift();
  }

  close(): void {
    this.socket.destroy();
  }
}

/** When `holds`, asked after each turn of the event loop. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
