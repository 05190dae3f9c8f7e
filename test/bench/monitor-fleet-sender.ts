/**
 * All agents of a fleet in one process, at default periods: each with its own key, sealer and TCP connection, from many
 * addresses of loopback. Datagrams for what fits one, the connection for what must arrive.
 */

import { createSocket } from "node:dgram";
import { connect, type Socket } from "node:net";
import { DEFAULT_PERIODS } from "../../agent/host/settings.ts";
import { epochSeconds, systemClock } from "../../shared/clock.ts";
import { firstDelivery } from "../../shared/monitor/boot.ts";
import { type Channel, parseKey } from "../../shared/monitor/keys.ts";
import { type Message, mustArrive } from "../../shared/monitor/message.ts";
import { fitsDatagram, openAcknowledgement, Sealer } from "../../shared/monitor/sealed.ts";
import { frameForStream, splitFrames } from "../../shared/monitor/splitter.ts";
import { FleetTalk } from "../support/fleet.ts";

export interface FleetAgent {
  readonly hostId: number;
  readonly keyId: string;
  /** What it and the daemon have agreed upon, as printKey prints it. */
  readonly sharedKey: string;
}

export type FleetRequest =
  /** Each agent connects and is answered. */
  | {
      readonly kind: "connect";
      readonly port: number;
      readonly vmsPerHost: number;
      readonly agents: readonly FleetAgent[];
    }
  /** From now on all speak at their periods. */
  | { readonly kind: "speak" }
  | { readonly kind: "count" };

/** The answer to each request. */
export interface FleetCounts {
  readonly sent: number;
  readonly acknowledged: number;
  readonly connected: number;
}

interface Speaker {
  readonly hostId: number;
  readonly channel: Channel;
  readonly sealer: Sealer;
  readonly socket: Socket;
  delivery: number;
}

/** Connections from one address; a daemon takes 2,048. */
const PER_ADDRESS = 1_000;
const CONNECTING_AT_ONCE = 50;
/** So often is sent what has become due. */
const TICK_MS = 20;
const BOOT_ID = 1;

const datagrams = createSocket({ type: "udp4", sendBufferSize: 4 * 1024 * 1024 });
const counts = { sent: 0, acknowledged: 0, connected: 0 };
let speakers: readonly Speaker[] = [];
let talk = new FleetTalk(1);
let port = 0;

process.on("message", (request: FleetRequest) => {
  void obey(request).then(() => process.send?.(counts));
});
process.on("disconnect", () => process.exit(0));

async function obey(request: FleetRequest): Promise<void> {
  if (request.kind === "speak") speak();
  if (request.kind !== "connect") return;
  port = request.port;
  talk = new FleetTalk(request.vmsPerHost);
  const made: Speaker[] = [];
  for (let at = 0; at < request.agents.length; at += CONNECTING_AT_ONCE)
    made.push(...(await Promise.all(request.agents.slice(at, at + CONNECTING_AT_ONCE).map(introduce))));
  speakers = made;
}

/** Resolves when the daemon has answered its hello. */
async function introduce({ hostId, keyId, sharedKey }: FleetAgent): Promise<Speaker> {
  const channel = { keyId, sharedKey: parseKey(sharedKey) };
  const localAddress = `127.0.1.${1 + Math.floor(hostId / PER_ADDRESS)}`;
  const socket = connect({ host: "127.0.0.1", port, localAddress }).setNoDelay(true);
  const speaker = {
    hostId,
    channel,
    socket,
    sealer: new Sealer(channel, BOOT_ID),
    delivery: firstDelivery(BOOT_ID),
  };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const splitter = splitFrames();
  socket.on("data", (piece) => {
    for (const frame of splitter.push(piece)) {
      counts.acknowledged += openAcknowledgement(channel, frame).deliveries.length;
      resolve();
    }
  });
  socket.on("error", reject);
  socket.on("close", () => {
    counts.connected -= 1;
    reject(new Error(`the connection of host ${hostId} was closed`));
  });
  socket.on("connect", () => {
    counts.connected += 1;
    say(speaker, talk.beacon(hostId, epochSeconds(systemClock)), true);
  });
  await promise;
  return speaker;
}

function say({ sealer, socket }: Speaker, message: Message, byStream = false): void {
  const frame = sealer.messages({ sentMs: systemClock.now(), messages: [message] });
  if (byStream || !fitsDatagram(frame)) socket.write(frameForStream(frame));
  else datagrams.send(frame, port, "127.0.0.1");
}

/** Each kind goes round all agents once in its period, evenly; the kinds begin at different agents. */
function speak(): void {
  const { BEACON_HOST, SYSTEM_HOST, MONITOR_HOST, MONITOR_VM, SYNC_STATE_VM } = DEFAULT_PERIODS;
  const rounds = [
    { periodS: BEACON_HOST, message: talk.beacon.bind(talk) },
    { periodS: SYSTEM_HOST, message: talk.system.bind(talk) },
    { periodS: MONITOR_HOST, message: talk.monitor.bind(talk) },
    { periodS: MONITOR_VM, message: talk.vms.bind(talk) },
    { periodS: SYNC_STATE_VM, message: talk.allRun.bind(talk) },
  ].map((round, index) => ({ ...round, said: 0, first: Math.floor((index * speakers.length) / 5) }));
  const began = systemClock.elapsed();
  setInterval(() => {
    const passedS = (systemClock.elapsed() - began) / 1_000;
    for (const round of rounds) {
      const due = Math.floor((passedS * speakers.length) / round.periodS);
      for (; round.said < due; round.said += 1) {
        const speaker = speakers[(round.first + round.said) % speakers.length];
        if (speaker !== undefined) tell(speaker, round.message(speaker.hostId, epochSeconds(systemClock)));
      }
    }
  }, TICK_MS);
}

function tell(speaker: Speaker, message: Message): void {
  counts.sent += 1;
  if (!mustArrive(message.type)) {
    say(speaker, message);
    return;
  }
  speaker.delivery += 1;
  say(speaker, { ...message, delivery: speaker.delivery }, true);
}
