/** Sealed frames at the daemon: whose they are, whether they are new, and what they may speak of. */

import type { Clock } from "../../shared/clock.ts";
import { errorText, isGatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { type Message, NO_OBJECT } from "../../shared/monitor/message.ts";
import { receiveMessages } from "../../shared/monitor/receive.ts";
import { MonitorRefusal } from "../../shared/monitor/refusal.ts";
import { openMessages } from "../../shared/monitor/sealed.ts";
import { type FrameHead, parseFrameHead } from "../../shared/monitor/sealed-head.ts";
import type { Agent, Agents } from "./agents.ts";
import { type Applier, isFromAgents } from "./apply.ts";
import type { MonitorCounts, Reason } from "./counts.ts";
import type { Mailboxes } from "./mailboxes.ts";
import { withPartialFailures } from "./partial-failures.ts";

export interface SealedReceiverOptions {
  readonly agents: Agents;
  readonly applier: Applier;
  readonly mailboxes: Mailboxes;
  readonly counts: MonitorCounts;
  /** False: what must arrive is not taken yet, and is to be sent again. */
  readonly isOpen?: (() => boolean) | undefined;
  readonly maxSkewMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a stream is to do about a frame. */
export interface FrameOutcome {
  readonly agent: Agent;
  /** These are applied and durable, or were before. */
  readonly deliveries: readonly number[];
  readonly renew: boolean;
  /** What is not acknowledged could not be stored: the agent is to send it again, later. */
  readonly failed: boolean;
}

interface Opened {
  readonly agent: Agent;
  readonly bootId: number;
  readonly messages: readonly Message[];
  /** By how much the sender's clock is behind ours, in seconds; the way of the frame counts as nothing. */
  readonly behindS: number;
}

const NOTHING: readonly number[] = [];

export class SealedReceiver {
  readonly #options: SealedReceiverOptions;
  /** Agents whose boot is being noted. */
  readonly #noting = new Set<Agent>();

  constructor(options: SealedReceiverOptions) {
    this.#options = options;
  }

  /** A datagram. Nothing of it is acknowledged. @throws MonitorRefusal */
  datagram(frame: Buffer): void {
    const { counts, applier } = this.#options;
    const opened = this.#open(frame, parseFrameHead(frame));
    if (opened === undefined) return;
    const { agent } = opened;
    if (opened.bootId > (agent.kept()?.bootId ?? Number.POSITIVE_INFINITY)) {
      // It is not held back until then: a fresh measurement follows.
      counts.refuse("boot_pending");
      if (!this.#noting.has(agent)) void this.#noteBoot(opened);
      return;
    }
    for (const message of opened.messages) {
      // One that is numbered would make those before it, still on their way by TCP, look known.
      const reason = message.delivery === undefined ? refusalOf(agent, message) : "unexpected_type";
      if (reason === undefined) void applier.take(agent.hostId, message, this.#measuredAt(opened, message));
      else counts.refuse(reason);
    }
  }

  /**
   * A frame of a stream. Undefined for one that is not taken for a reason that is counted and says nothing about the stream.
   * @throws MonitorRefusal
   */
  stream(frame: Buffer): FrameOutcome | Promise<FrameOutcome> | undefined {
    const head = parseFrameHead(frame);
    const stale = this.#staleBoot(frame, head);
    if (stale !== undefined) return { agent: stale, deliveries: NOTHING, renew: true, failed: false };
    const opened = this.#open(frame, head);
    if (opened === undefined) return undefined;
    const { agent, messages } = opened;
    const isNewBoot = opened.bootId > (agent.kept()?.bootId ?? Number.POSITIVE_INFINITY);
    if (isNewBoot || messages.some(({ delivery }) => delivery !== undefined)) return this.#deliver(opened);
    this.#takeAll(opened);
    return { agent, deliveries: NOTHING, renew: false, failed: false };
  }

  /**
   * The agent of an authentic frame whose boot may not be trusted: an earlier one, or one that was noted before this start.
   * The time of sending does not matter, since nothing of the frame is taken.
   */
  #staleBoot(frame: Buffer, head: FrameHead): Agent | undefined {
    const agent = this.#options.agents.find(head.keyId);
    if (agent === undefined || !agent.isStale(head.bootId)) return undefined;
    openMessages(agent.channel, frame);
    return agent;
  }

  /** @throws MonitorRefusal */
  #open(frame: Buffer, head: FrameHead): Opened | undefined {
    const { agents, clock, maxSkewMs, counts } = this.#options;
    const agent = agents.find(head.keyId);
    if (agent === undefined) {
      counts.refuse("unknown_key");
      return undefined;
    }
    const nowMs = clock.now();
    const { sentMs, messages } = receiveMessages(agent, frame, { nowMs, maxSkewMs });
    return {
      agent,
      bootId: head.bootId,
      messages: withPartialFailures(messages),
      behindS: Math.round((nowMs - sentMs) / 1_000),
    };
  }

  async #noteBoot({ agent, bootId }: Opened): Promise<boolean> {
    const { agents, mailboxes, log } = this.#options;
    this.#noting.add(agent);
    try {
      return await mailboxes.run(agent.hostId, () => agents.noteBoot(agent.keyId, bootId));
    } catch (error) {
      log.warn({ host: agent.hostId, reason: errorText(error) }, "An agent's boot could not be noted");
      return false;
    } finally {
      this.#noting.delete(agent);
    }
  }

  #takeAll(opened: Opened): void {
    const { applier, counts } = this.#options;
    for (const message of opened.messages) {
      const reason = refusalOf(opened.agent, message);
      if (reason === undefined)
        void applier.take(opened.agent.hostId, message, this.#measuredAt(opened, message));
      else counts.refuse(reason);
    }
  }

  async #deliver(opened: Opened): Promise<FrameOutcome> {
    const { agent } = opened;
    const failed = { agent, deliveries: NOTHING, renew: false, failed: true };
    if (opened.bootId > (agent.kept()?.bootId ?? -1) && !(await this.#noteBoot(opened))) return failed;
    const numbered = opened.messages.filter(({ delivery }) => delivery !== undefined);
    this.#takeAll({ ...opened, messages: opened.messages.filter(({ delivery }) => delivery === undefined) });
    if (numbered.length === 0) return { ...failed, failed: false };
    return await this.#options.mailboxes.run(agent.hostId, () => this.#storeInOrder(opened, numbered));
  }

  /**
   * Applies deliveries that are new, then notes the highest, then they are acknowledged. These are two transactions, the
   * cloud's and ours, and a crash may fall between them: then the agent sends again what was applied. That does no harm.
   * SYSTEM_HOST sets the same attributes once more. A STATE_VM finds its VMs where it left them and says nothing new, or
   * finds that they moved on since, later than it was measured, and is stale (embedded/monitoring/state-rules.ts). And what
   * is sent again is all that came after the last number noted, in order, so the last word on each VM is again the last.
   */
  async #storeInOrder(opened: Opened, numbered: readonly Message[]): Promise<FrameOutcome> {
    const { counts } = this.#options;
    const { agent } = opened;
    const known = agent.kept()?.highestDelivery;
    // Its key was taken away while this waited.
    if (known === undefined) return { agent, deliveries: NOTHING, renew: false, failed: true };
    const deliveries: number[] = [];
    let highest = known;
    let failed = false;
    for (const message of numbered) {
      const delivery = message.delivery ?? 0;
      if (delivery <= highest) counts.repeatedDeliveries += 1;
      else if (await this.#store(opened, message)) highest = delivery;
      else {
        failed = true;
        break;
      }
      deliveries.push(delivery);
    }
    const isNoted = highest === known || (await this.#noteDelivery(agent, highest));
    if (!isNoted) return { agent, deliveries: NOTHING, renew: false, failed: true };
    counts.acknowledged += deliveries.length;
    return { agent, deliveries, renew: false, failed };
  }

  /** False when it is to be sent again. What is refused for good is counted and done with. */
  async #store(opened: Opened, message: Message): Promise<boolean> {
    const { applier, counts, isOpen, log } = this.#options;
    const { agent } = opened;
    if (isOpen?.() === false) return false;
    const reason = refusalOf(agent, message);
    if (reason !== undefined) {
      counts.refuse(reason);
      return true;
    }
    try {
      await applier.store(agent.hostId, message, this.#measuredAt(opened, message));
      return true;
    } catch (error) {
      counts.refuse("not_stored");
      log.error({ host: agent.hostId, type: message.type, err: error }, "A message could not be stored");
      // Only the store comes back; anything else would fail again, and hold up what comes behind it for good.
      return !(isGatehouseError(error) && error.code === "unavailable");
    }
  }

  async #noteDelivery(agent: Agent, highest: number): Promise<boolean> {
    try {
      return await this.#options.agents.noteDelivery(agent.keyId, highest);
    } catch (error) {
      this.#options.counts.refuse("not_stored");
      this.#options.log.warn(
        { host: agent.hostId, reason: errorText(error) },
        "Deliveries could not be noted",
      );
      return false;
    }
  }

  /** Seconds since the epoch by our clock; what does not say when it was measured was measured now. */
  #measuredAt({ behindS }: Opened, { timestamp }: Message): number {
    const now = Math.floor(this.#options.clock.now() / 1_000);
    return timestamp === 0 ? now : Math.min(timestamp + behindS, now);
  }
}

/** Why this agent's message is not taken. A LOG may be about no object. */
function refusalOf({ hostId }: Agent, { type, oid }: Message): Reason | undefined {
  if (!isFromAgents(type)) return "unexpected_type";
  const isOwn = oid === hostId || (type === "LOG" && oid === NO_OBJECT);
  return isOwn ? undefined : "other_host";
}

/** The reason of whatever a receiver threw; what is no refusal is a fault of ours, and thrown on. */
export function reasonOf(error: unknown): Reason {
  if (error instanceof MonitorRefusal) return error.reason;
  throw error;
}
