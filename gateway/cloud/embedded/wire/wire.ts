/**
 * The wire of a guest's interface: a socket of its QEMU, and the house at its end, with OneGate, DHCP and a port of the virtual
 * network. QEMU keeps listening when the house is gone, so a wire is taken up again by the next one; connections of the guest's to
 * OneGate do not survive that, the guest does, and those to other guests.
 */

import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import type { Clock } from "../../../../shared/clock.ts";
import type { WireTraffic } from "../../../../shared/guests/wire-traffic.ts";
import { answerDhcp, type DhcpOffer } from "./dhcp.ts";
import type { FairShare } from "./fair-share.ts";
import { FrameReader } from "./frame-reader.ts";
import { Gate } from "./gate.ts";
import type { Lan } from "./lan.ts";
import { newSender, Outlet } from "./outlet.ts";
import { Pace, type Rates } from "./pace.ts";
import type { NetworkAddress, Place, Port } from "./switch.ts";

export interface WireOptions {
  /** QEMU's socket. */
  readonly path: string;
  readonly clock: Clock;
  readonly lan: Lan;
  readonly place: Place;
  readonly guestMac: Buffer;
  readonly guestIp: number | undefined;
  /** Of OneGate. */
  readonly port: number;
  /** Undefined: it is given no address. */
  readonly dhcp: DhcpOffer | undefined;
  readonly rates: Rates;
  /** Begins a connection to OneGate; undefined while there is none. */
  readonly connect: () => Socket | undefined;
}

export interface Wire {
  /** What it has carried so far, as its guest sees it: what the guest sent counts although it reached nobody. */
  traffic(): WireTraffic;
  /** Its guest has other leases from now on. */
  move(addresses: readonly NetworkAddress[]): void;
  close(): void;
}

const RECONNECT_MS = 200;
/** What a read of the socket, each frame in it and their bytes cost the house, as measured; what it answers itself costs more. */
const READ_US = 8;
const FRAME_US = 1;
const BYTE_US = 0.0015;
const ANSWER_US = 20;
/** A connection to OneGate, with both ends of it. */
const CONNECTION_US = 100;

/** Connects, and connects again whenever QEMU hung up or is not there yet, until it is closed. */
export function openWire(options: WireOptions): Wire {
  const { lan, place, clock } = options;
  const outlet = new Outlet();
  const sent = { bytes: 0 };
  let port = lan.switch.join(place, outlet);
  let isClosed = false;
  let cut: () => void = () => {};
  const lay = (): void => {
    cut = joinQemu(
      options,
      () => port,
      sent,
      () => {
        if (!isClosed) cut = clock.after(RECONNECT_MS, lay);
      },
    );
  };
  lay();
  return {
    traffic: () => ({ receivedBytes: outlet.writtenBytes, sentBytes: sent.bytes }),
    move(addresses) {
      if (!isClosed) port = lan.switch.move(port, addresses);
    },
    close() {
      isClosed = true;
      cut();
      lan.switch.leave(port);
    },
  };
}

/** The returned function hangs up. */
function joinQemu(
  options: WireOptions,
  port: () => Port<Outlet>,
  sent: { bytes: number },
  onEnd: () => void,
): () => void {
  const { lan, path } = options;
  const socket = connect(path);
  const outlet = port().station;
  const ear = newEar(options, outlet, port);
  const counting: Ear = {
    hear(frame) {
      sent.bytes += frame.length;
      return ear.hear(frame);
    },
    close: () => ear.close(),
  };
  const { clock, rates } = options;
  const inbound = new Pace(clock, rates.inbound);
  const stopListening = listen(socket, counting, lan.time, new Pace(clock, rates.outbound));
  outlet.attach({
    write: (bytes, taken) =>
      socket.write(bytes, () => {
        if (!inbound.holds(bytes.length, taken)) taken();
      }),
  });
  socket.on("error", () => {});
  socket.once("close", () => {
    outlet.attach(undefined);
    ear.close();
    inbound.close();
    stopListening();
    onEnd();
  });
  return () => socket.destroy();
}

/** Hears of what comes in a piece as much as the wire's share and pace allow, the rest later, and reads no more until then. */
function listen(socket: Socket, ear: Ear, time: FairShare, pace: Pace): () => void {
  const reader = new FrameReader();
  let waiting: readonly Buffer[] = [];
  const orHangUp = (work: () => void): void => {
    try {
      work();
    } catch {
      // QEMU does not speak so; what has taken its place may begin anew.
      socket.destroy();
    }
  };
  const goOn = (): void => orHangUp(hearOn);
  const hearOn = (): void => {
    if (pace.isHolding) return;
    const frames = waiting;
    waiting = [];
    for (const [index, frame] of frames.entries()) {
      const isInShare = share.spend(ear.hear(frame));
      if (!pace.holds(frame.length, goOn) && isInShare) continue;
      waiting = frames.slice(index + 1);
      socket.pause();
      return;
    }
    socket.resume();
  };
  const share = time.join(goOn);
  socket.on("data", (bytes) =>
    orHangUp(() => {
      waiting = reader.push(bytes);
      if (share.spend(READ_US)) hearOn();
      else socket.pause();
    }),
  );
  return () => {
    pace.close();
    share.close();
  };
}

interface Ear {
  /** What it cost, in µs. */
  hear(frame: Buffer): number;
  close(): void;
}

function newEar(options: WireOptions, outlet: Outlet, port: () => Port<Outlet>): Ear {
  const { lan, place, dhcp } = options;
  const guest = newSender();
  const house = newSender();
  const answer = (frame: Buffer): void => outlet.send(house, frame);
  let connections = 0;
  const gate = new Gate({
    ...options,
    connect() {
      connections += 1;
      return options.connect();
    },
    addresses: place.houseIps,
    hold: lan.held.join(),
    randomSequence: () => randomBytes(4).readUInt32BE(),
    send: answer,
  });
  return {
    hear(frame) {
      const cost = FRAME_US + frame.length * BYTE_US;
      const verdict = lan.switch.decide(port(), frame);
      if (verdict.to === "nobody") return cost;
      if (verdict.to === "guest") {
        verdict.station.send(guest, frame);
        return cost;
      }
      const reply = verdict.to === "sender" ? verdict.frame : dhcp && answerDhcp(frame, dhcp);
      connections = 0;
      if (reply === undefined) gate.hear(frame);
      else answer(reply);
      return cost + ANSWER_US + connections * CONNECTION_US;
    },
    close: () => gate.close(),
  };
}
