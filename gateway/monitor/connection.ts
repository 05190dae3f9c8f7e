/**
 * One TCP peer: its stream cut into messages, one of which is handled a turn. While messages wait, or one waits for the
 * store, nothing more is read from it, so that TCP itself holds the sender back.
 */

import type { Socket } from "node:net";
import type { Clock } from "../../shared/clock.ts";
import { enrolmentKind } from "../../shared/monitor/enrolment.ts";
import { isMonitorRefusal } from "../../shared/monitor/refusal.ts";
import {
  codecOf,
  frameForStream,
  type StreamSplitter,
  splitFrames,
  splitLines,
} from "../../shared/monitor/splitter.ts";
import type { Agent } from "./agents.ts";
import type { Cut, MonitorCounts } from "./counts.ts";
import type { Enrolment } from "./enrol.ts";
import { type FrameOutcome, reasonOf, type SealedReceiver } from "./sealed-receiver.ts";
import type { TextReceiver } from "./text-receiver.ts";
import type { Turns, Worker } from "./turns.ts";

/** Of what was read, so much is cut into messages at a time: a piece of tiny ones makes thousands. */
const BITE_BYTES = 4_096;

/** Acknowledgements that the peer has not read. */
const MAX_UNREAD_BYTES = 256 * 1_024;

/** An agent that renews its boot needs one of them. */
const MAX_RENEWALS = 4;

/** Frames of enrolment on one connection: an agent sends two. */
const MAX_ENROLMENTS = 4;

export interface ConnectionOptions {
  readonly sealed: SealedReceiver;
  readonly text: TextReceiver;
  readonly counts: MonitorCounts;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
  /** Takes frames of agents that have no key here yet; without it none can enrol. */
  readonly enrolment?: Pick<Enrolment, "answer"> | undefined;
}

export interface ConnectionEvents {
  /** What it holds of its peer's bytes has changed by so many. */
  held(connection: Connection, change: number): void;
  /** Its agent is known: it has sent an authentic frame of a boot that is trusted. */
  proved(connection: Connection, agent: Agent): void;
}

export class Connection implements Worker {
  readonly socket: Socket;
  readonly address: string;
  readonly acceptedAt: number;
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  #splitter: StreamSplitter | undefined;
  #isText = false;
  /** Read, and not yet cut into messages. */
  #piece: Buffer = Buffer.alloc(0);
  #messages: readonly Buffer[] = [];
  #next = 0;
  #held = 0;
  #ended = false;
  #busy = false;
  #answered = false;
  #renewals = 0;
  #enrolments = 0;
  #heardAt: number;
  #begunAt: number | undefined;
  #isProved = false;

  constructor(socket: Socket, address: string, options: ConnectionOptions, events: ConnectionEvents) {
    this.socket = socket;
    this.address = address;
    this.#options = options;
    this.#events = events;
    this.acceptedAt = options.clock.elapsed();
    this.#heardAt = this.acceptedAt;
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
  }

  /** Bytes of its peer that wait here. */
  get held(): number {
    return this.#held;
  }

  /** A message of it was taken. */
  get isProved(): boolean {
    return this.#isProved;
  }

  /** When bytes came last, by Clock.elapsed. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Since when a message has been coming that is not whole yet. */
  get begunAt(): number | undefined {
    return this.#busy ? undefined : this.#begunAt;
  }

  cut(reason: Cut): void {
    if (this.socket.destroyed) return;
    this.#options.counts.cut(reason);
    this.socket.destroy();
  }

  /** To be called once, when the socket is closed. */
  closed(): void {
    this.#options.turns.forget(this);
    this.#piece = Buffer.alloc(0);
    this.#messages = [];
    this.#next = 0;
    this.#splitter = undefined;
    this.#tellHeld();
  }

  /** One message. */
  step(): boolean {
    if (this.socket.destroyed || this.#busy) return false;
    const message = this.#messages[this.#next];
    if (message === undefined) return this.#bite();
    this.#next += 1;
    try {
      if (this.#isText) this.#takeText(message);
      else this.#takeSealed(message);
    } catch (error) {
      this.#refused(error);
    }
    return this.#busy ? false : this.#goOn();
  }

  get #hasWork(): boolean {
    return this.#next < this.#messages.length || this.#piece.length > 0;
  }

  readonly #onData = (piece: Buffer): void => {
    const first = piece[0];
    if (first === undefined) return;
    this.#heardAt = this.#options.clock.elapsed();
    if (this.#splitter === undefined && !this.#begin(first)) return;
    this.socket.pause();
    this.#piece = this.#piece.length === 0 ? piece : Buffer.concat([this.#piece, piece]);
    this.#tellHeld();
    this.#options.turns.ask(this);
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    if (!this.#busy) this.#options.turns.ask(this);
  };

  /** The first byte tells what the peer speaks; a frame's length begins with 0. */
  #begin(first: number): boolean {
    if (codecOf(first) === "text") {
      if (this.#options.text.acceptedFrom(this.address) === "off") {
        this.#options.counts.refuse("text_not_taken");
        this.cut("malformed");
        return false;
      }
      this.#isText = true;
      this.#splitter = splitLines();
      return true;
    }
    if (first !== 0) {
      this.#options.counts.refuse("unknown_version");
      this.cut("malformed");
      return false;
    }
    this.#splitter = splitFrames();
    return true;
  }

  /** Cuts a little more of what was read into messages; at the stream's end, what is left. */
  #bite(): boolean {
    try {
      const bite = this.#piece.subarray(0, BITE_BYTES);
      this.#piece = this.#piece.subarray(bite.length);
      this.#next = 0;
      if (bite.length > 0) this.#messages = this.#splitter?.push(bite) ?? [];
      else this.#messages = this.#ended ? (this.#splitter?.end() ?? []) : [];
      // A new message that begins where this one ended has time of its own.
      if (this.#messages.length > 0) this.#begunAt = undefined;
    } catch (error) {
      this.#refused(error);
      return false;
    }
    return this.#goOn();
  }

  #goOn(): boolean {
    this.#tellHeld();
    if (this.#hasWork) return true;
    const isBegun = (this.#splitter?.held ?? 0) > 0;
    this.#begunAt = isBegun ? (this.#begunAt ?? this.#heardAt) : undefined;
    this.#messages = [];
    this.#next = 0;
    if (this.#ended) {
      if (isBegun) return true;
      this.socket.end();
    } else this.socket.resume();
    return false;
  }

  #takeText(line: Buffer): void {
    this.#options.counts.frame("text tcp");
    const stored = this.#options.text.line(line, this.address);
    this.#isProved = true;
    if (stored !== undefined) this.#during(stored);
  }

  #takeSealed(frame: Buffer): void {
    if (enrolmentKind(frame) !== undefined) {
      this.#enrol(frame);
      return;
    }
    this.#options.counts.frame("sealed tcp");
    const outcome = this.#options.sealed.stream(frame);
    if (outcome === undefined) return;
    if (!(outcome instanceof Promise)) {
      this.#answer(outcome);
      return;
    }
    this.#during(outcome.then((settled) => this.#answer(settled), this.#options.onFault));
  }

  /** An agent that has no key here yet. */
  #enrol(frame: Buffer): void {
    this.#enrolments += 1;
    const { enrolment } = this.#options;
    if (enrolment === undefined || this.#enrolments > MAX_ENROLMENTS) this.cut("malformed");
    else this.#during(this.#answerEnrolment(enrolment, frame));
  }

  async #answerEnrolment(enrolment: Pick<Enrolment, "answer">, frame: Buffer): Promise<void> {
    try {
      const answer = await enrolment.answer(frame);
      if (answer === undefined) this.cut("malformed");
      else this.socket.write(frameForStream(answer));
    } catch (error) {
      if (isMonitorRefusal(error)) this.#refused(error);
      else {
        this.#options.onFault(error);
        this.cut("not_stored");
      }
    }
  }

  /** Nothing else of the peer is handled meanwhile. */
  #during(work: Promise<void>): void {
    this.#busy = true;
    void work.finally(() => {
      this.#busy = false;
      if (!this.socket.destroyed) this.#options.turns.ask(this);
    });
  }

  /** The first frame is always answered, so that the agent knows at once whether its boot is trusted. */
  #answer({ agent, deliveries, renew, failed }: FrameOutcome): void {
    if (this.socket.destroyed) return;
    if (renew) this.#renewals += 1;
    else if (!this.#isProved && !failed) {
      this.#isProved = true;
      this.#events.proved(this, agent);
    }
    if (renew || deliveries.length > 0 || (!this.#answered && !failed)) {
      const sentMs = this.#options.clock.now();
      this.socket.write(frameForStream(agent.sealer.acknowledgement({ sentMs, deliveries, renew })));
      this.#answered = true;
      if (renew) this.#options.counts.renewals += 1;
    }
    if (failed) this.cut("not_stored");
    else if (this.#renewals > MAX_RENEWALS) this.cut("malformed");
    else if (this.socket.writableLength > MAX_UNREAD_BYTES) this.cut("unread");
  }

  /** A frame that is seen, forged or late says nothing about the stream; what is out of step ends it. */
  #refused(error: unknown): void {
    try {
      const reason = reasonOf(error);
      this.#options.counts.refuse(reason);
      const isOutOfStep = reason === "malformed" || reason === "too_large" || reason === "unknown_version";
      if (isOutOfStep && !this.#isText) this.cut("malformed");
      else if (this.#isText && reason === "too_large") this.cut("malformed");
    } catch (fault) {
      this.#options.onFault(fault);
      this.cut("malformed");
    }
  }

  #tellHeld(): void {
    let held = this.#piece.length + (this.#splitter?.held ?? 0);
    for (let at = this.#next; at < this.#messages.length; at += 1) held += this.#messages[at]?.length ?? 0;
    const change = held - this.#held;
    this.#held = held;
    if (change !== 0) this.#events.held(this, change);
  }
}
