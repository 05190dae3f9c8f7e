/**
 * One TCP connection that a guest opened to OneGate: the server's half of RFC 9293, between the guest's segments and a socket
 * of the house. The wire loses nothing but what the guest drops, so segments are taken in order only, and sent again one
 * after another when the guest does not acknowledge. No window scaling, no timestamps, no selective acknowledgement.
 */

import type { Socket } from "node:net";
import type { Clock } from "../../../../shared/clock.ts";
import { TCP_FLAG, type TcpSegment } from "./packets.ts";

export type SentSegment = Omit<TcpSegment, "sourcePort" | "destinationPort">;

export interface TcpConnectionOptions {
  /** The guest's first segment. */
  readonly syn: TcpSegment;
  readonly initialSequence: number;
  /** On its way to OneGate; not connected yet. */
  readonly upstream: Socket;
  readonly clock: Clock;
  readonly send: (segment: SentSegment) => void;
  /** Told how many bytes it keeps, whenever that is another number; it may be reset for it. */
  readonly onKept: (bytes: number) => void;
  /** Called once, when nothing is left to do. */
  readonly onEnd: () => void;
}

/** What Ethernet carries of TCP over IPv4. */
const MSS = 1460;
/** RFC 9293, 3.7.1: without the option. */
const DEFAULT_MSS = 536;
const LEAST_MSS = 64;
/** Kept for a guest that reads slowly, and for a OneGate that does. */
const BUFFER_BYTES = 64 * 1024;
const WINDOW_BYTES = 65_535;
const FIRST_RETRY_MS = 500;
const MAX_RETRIES = 8;
/** For a guest to end its half after OneGate's: one that was reset meanwhile never does. */
const LAST_WORD_MS = 60_000;

const NOTHING = Buffer.alloc(0);

export class TcpConnection {
  readonly #options: TcpConnectionOptions;
  readonly #mss: number;
  #state: "connecting" | "syn-received" | "open" | "over" = "connecting";
  /** The guest's next byte. */
  #receiveNext: number;
  /** Our first byte that is not acknowledged, and our next one. */
  #sendUnacknowledged: number;
  #sendNext: number;
  /** Beyond `sendNext` after a step back, for what is sent again. */
  #sendHighest: number;
  /** From `sendUnacknowledged` on. */
  #buffer: Buffer = NOTHING;
  #guestWindow: number;
  #offeredWindow = WINDOW_BYTES;
  #upstreamEnded = false;
  #finSent = false;
  #guestFinished = false;
  #retries = 0;
  #kept = 0;
  #cancelRetry: (() => void) | undefined;

  constructor(options: TcpConnectionOptions) {
    const { syn, initialSequence, upstream } = options;
    this.#options = options;
    this.#mss = Math.min(MSS, Math.max(LEAST_MSS, syn.mss ?? DEFAULT_MSS));
    this.#receiveNext = wrap(syn.sequence + 1);
    this.#sendUnacknowledged = initialSequence;
    this.#sendNext = wrap(initialSequence + 1);
    this.#sendHighest = this.#sendNext;
    this.#guestWindow = syn.window;
    upstream.once("connect", () => this.#connected());
    upstream.on("data", (bytes) => this.#heardUpstream(bytes));
    upstream.once("end", () => {
      this.#upstreamEnded = true;
      this.#push();
    });
    upstream.on("error", () => this.reset());
    // After an orderly end both sides are done with it; else this resets.
    upstream.once("close", () => {
      if (!this.#upstreamEnded) this.reset();
    });
  }

  /** A segment of the guest's. */
  hear(segment: TcpSegment): void {
    if (this.#state === "over") return;
    if (has(segment, TCP_FLAG.rst)) {
      if (segment.sequence === this.#receiveNext) this.#end();
    } else if (has(segment, TCP_FLAG.syn)) {
      this.#heardSyn();
    } else if (has(segment, TCP_FLAG.ack) && this.#state !== "connecting") {
      this.#heardAcknowledgement(segment);
      this.#heardPayload(segment);
      this.#endWhenDone();
    }
  }

  /** Is this the SYN that began it, once more? */
  began(syn: TcpSegment): boolean {
    return this.#options.syn.sequence === syn.sequence;
  }

  /** Breaks it off, and tells the guest. */
  reset(): void {
    if (this.#state === "over") return;
    this.#send(TCP_FLAG.rst | TCP_FLAG.ack, this.#sendNext, NOTHING);
    this.#end();
  }

  /** Forgets it without a word. */
  drop(): void {
    this.#end();
  }

  #connected(): void {
    if (this.#state !== "connecting") return;
    this.#state = "syn-received";
    this.#sendSynAck();
    this.#retryLater();
  }

  #heardSyn(): void {
    if (this.#state === "syn-received") this.#sendSynAck();
    else if (this.#state === "open") this.#acknowledge();
  }

  #heardAcknowledgement({ acknowledgement, window }: TcpSegment): void {
    let acknowledged = distance(this.#sendUnacknowledged, acknowledgement);
    if (acknowledged > distance(this.#sendUnacknowledged, this.#sendHighest)) {
      this.#acknowledge();
      return;
    }
    if (acknowledged < 0) return;
    this.#guestWindow = window;
    if (acknowledged > 0) {
      this.#sendUnacknowledged = acknowledgement;
      this.#retries = 0;
      if (this.#state === "syn-received") {
        this.#state = "open";
        acknowledged -= 1;
      }
      if (distance(this.#sendNext, acknowledgement) > 0) {
        this.#sendNext = acknowledgement;
        this.#finSent = acknowledged > this.#buffer.length;
      }
      this.#buffer = this.#buffer.subarray(Math.min(acknowledged, this.#buffer.length));
      if (this.#buffer.length < BUFFER_BYTES) this.#options.upstream.resume();
      this.#tellKept();
      this.#stopRetry();
    }
    this.#push();
  }

  #heardPayload(segment: TcpSegment): void {
    if (this.#state !== "open") return;
    const { sequence, payload } = segment;
    const isFin = has(segment, TCP_FLAG.fin);
    if (payload.length === 0 && !isFin) return;
    const known = distance(sequence, this.#receiveNext);
    // A gap: what came before is sent again, and all after it.
    if (known >= 0 && known <= payload.length && !this.#guestFinished) {
      const fresh = payload.subarray(known, known + this.#offeredWindow);
      this.#receiveNext = wrap(this.#receiveNext + fresh.length);
      // The bytes lie in a piece that QEMU's socket read, which is not used again.
      if (fresh.length > 0) this.#options.upstream.write(fresh, () => this.#taken());
      this.#tellKept();
      if (isFin && known + fresh.length === payload.length) {
        this.#guestFinished = true;
        this.#receiveNext = wrap(this.#receiveNext + 1);
        this.#options.upstream.end();
      }
    }
    this.#acknowledge();
  }

  /** OneGate took something: a guest that was told to wait is told that there is room. */
  #taken(): void {
    this.#tellKept();
    if (this.#offeredWindow < WINDOW_BYTES / 2 && this.#room() >= WINDOW_BYTES / 2) this.#acknowledge();
  }

  #heardUpstream(bytes: Buffer): void {
    if (this.#state === "over") return;
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
    if (this.#buffer.length >= BUFFER_BYTES) this.#options.upstream.pause();
    this.#tellKept();
    this.#push();
  }

  /** Sends what the guest has room for, and the end after it. */
  #push(): void {
    if (this.#state !== "open") return;
    for (;;) {
      const sent = this.#sentBytes();
      const size = Math.min(this.#mss, this.#buffer.length - sent, this.#guestWindow - sent);
      if (size <= 0 || this.#finSent) break;
      this.#sendBytes(sent, size);
    }
    if (this.#upstreamEnded && !this.#finSent && this.#sentBytes() === this.#buffer.length) {
      this.#finSent = true;
      this.#sendNext = wrap(this.#sendNext + 1);
      this.#send(TCP_FLAG.fin | TCP_FLAG.ack, wrap(this.#sendNext - 1), NOTHING);
    }
    if (this.#buffer.length > 0 || this.#sendNext !== this.#sendUnacknowledged) this.#retryLater();
  }

  #sendBytes(from: number, size: number): void {
    const payload = this.#buffer.subarray(from, from + size);
    this.#sendNext = wrap(this.#sendNext + size);
    this.#send(TCP_FLAG.psh | TCP_FLAG.ack, wrap(this.#sendNext - size), payload);
  }

  /** Of the buffer. */
  #sentBytes(): number {
    return distance(this.#sendUnacknowledged, this.#sendNext) - (this.#finSent ? 1 : 0);
  }

  #retryLater(): void {
    this.#cancelRetry ??= this.#options.clock.after(FIRST_RETRY_MS * 2 ** this.#retries, () => this.#retry());
  }

  #stopRetry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  /** Also asks a guest whose window is shut, with a byte, whether it has opened. */
  #retry(): void {
    this.#cancelRetry = undefined;
    this.#retries += 1;
    if (this.#retries > MAX_RETRIES) this.reset();
    else if (this.#state === "syn-received") {
      this.#sendSynAck();
      this.#retryLater();
    } else this.#sendAgain();
  }

  #sendAgain(): void {
    this.#sendNext = this.#sendUnacknowledged;
    this.#finSent = false;
    const size = Math.min(this.#mss, this.#buffer.length, Math.max(1, this.#guestWindow));
    if (size > 0) {
      this.#sendBytes(0, size);
      this.#retryLater();
    } else this.#push();
  }

  #sendSynAck(): void {
    this.#send(TCP_FLAG.syn | TCP_FLAG.ack, wrap(this.#sendNext - 1), NOTHING, MSS);
  }

  #acknowledge(): void {
    if (this.#state === "open") this.#send(TCP_FLAG.ack, this.#sendNext, NOTHING);
  }

  #send(flags: number, sequence: number, payload: Buffer, mss?: number): void {
    if (distance(this.#sendHighest, this.#sendNext) > 0) this.#sendHighest = this.#sendNext;
    this.#offeredWindow = this.#room();
    const acknowledgement = this.#receiveNext;
    this.#options.send({ sequence, acknowledgement, flags, window: this.#offeredWindow, mss, payload });
  }

  /** A socket that is paused reads on until it has its fill. */
  #tellKept(): void {
    if (this.#state === "over") return;
    const { upstream, onKept } = this.#options;
    const readAhead = upstream.isPaused() ? upstream.readableHighWaterMark : 0;
    const kept = this.#buffer.length + readAhead + upstream.writableLength;
    if (kept === this.#kept) return;
    this.#kept = kept;
    onKept(kept);
  }

  /** For bytes of the guest's. */
  #room(): number {
    return Math.max(0, WINDOW_BYTES - this.#options.upstream.writableLength);
  }

  #endWhenDone(): void {
    const allSent = this.#finSent && this.#sendUnacknowledged === this.#sendNext;
    if (allSent && this.#guestFinished) this.#end();
    // Nothing is left to be sent again.
    else if (allSent) this.#cancelRetry ??= this.#options.clock.after(LAST_WORD_MS, () => this.reset());
  }

  #end(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#stopRetry();
    this.#options.upstream.destroy();
    this.#options.onKept(0);
    this.#options.onEnd();
  }
}

function has(segment: TcpSegment, flag: number): boolean {
  return (segment.flags & flag) !== 0;
}

/** Sequence numbers go round at 2^32. */
function wrap(sequence: number): number {
  return sequence >>> 0;
}

/** How far `to` is after `from`, negative when it is before. */
function distance(from: number, to: number): number {
  return (to - from) | 0;
}
