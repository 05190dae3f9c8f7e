/** Text messages at the daemon: from where they are taken, whether their host is there, and what RSA work they may cost. */

import { type Clock, epochSeconds } from "../../shared/clock.ts";
import { KeyedBudget, RSA_BUDGET_OVERALL, RSA_BUDGET_PER_HOST } from "../../shared/monitor/budget.ts";
import type { Message, MessageHead } from "../../shared/monitor/message.ts";
import { readMessage } from "../../shared/monitor/read.ts";
import type { RsaKey } from "../../shared/monitor/rsa.ts";
import { decodeTextMessage, type TextDecoding } from "../../shared/monitor/text.ts";
import { splitTextMessage } from "../../shared/monitor/text-head.ts";
import { isLoopbackAddress } from "./addresses.ts";
import { type Applier, isFromAgents } from "./apply.ts";
import type { MonitorCounts, Reason } from "./counts.ts";
import type { HeardHosts } from "./heard-hosts.ts";
import type { AcceptText } from "./settings.ts";

export interface TextReceiverOptions {
  readonly applier: Applier;
  readonly heard: HeardHosts;
  readonly counts: MonitorCounts;
  /** True for a host that a sealed agent speaks for: text, which anybody on this machine can write, must not. */
  readonly isSealed: (hostId: number) => boolean;
  readonly acceptText: AcceptText;
  readonly privateKey: RsaKey | undefined;
  /** How far a time of measuring may be from ours; beyond it the sender's clock is wrong, and ours counts. */
  readonly maxSkewS: number;
  readonly clock: Clock;
}

export class TextReceiver {
  readonly #options: TextReceiverOptions;
  readonly #rsa: KeyedBudget;
  readonly #decoding: TextDecoding;

  constructor(options: TextReceiverOptions) {
    this.#options = options;
    this.#rsa = new KeyedBudget(RSA_BUDGET_PER_HOST, RSA_BUDGET_OVERALL, options.clock.elapsed());
    this.#decoding = {
      privateKey: options.privateKey,
      grantRsa: (head, blocks) => this.#grant(head, blocks),
    };
  }

  /** What is taken from an address. */
  acceptedFrom(address: string): AcceptText {
    return isLoopbackAddress(address) ? "clear" : this.#options.acceptText;
  }

  /** One datagram. @throws MonitorRefusal */
  datagram(bytes: Buffer, address: string): void {
    const { message, at } = this.#read(bytes, address) ?? {};
    if (message !== undefined && at !== undefined) void this.#options.applier.take(message.oid, message, at);
  }

  /** One line of a stream, and when it is stored, if it is: the stream is to wait for that. @throws MonitorRefusal */
  line(bytes: Buffer, address: string): Promise<void> | undefined {
    const { message, at } = this.#read(bytes, address) ?? {};
    if (message === undefined || at === undefined) return undefined;
    return this.#options.applier.take(message.oid, message, at, true);
  }

  forgetIdle(): void {
    this.#rsa.forgetIdle(this.#options.clock.elapsed());
  }

  /** The message, and when it was measured; undefined for what is refused and counted. */
  #read(bytes: Buffer, address: string): { readonly message: Message; readonly at: number } | undefined {
    const { counts, heard } = this.#options;
    const accepted = this.acceptedFrom(address);
    const { head } = splitTextMessage(bytes);
    const reason = this.#refusalOf(head, accepted);
    if (reason !== undefined) {
      counts.refuse(reason);
      return undefined;
    }
    const { message, encrypted } = decodeTextMessage(bytes, this.#decoding);
    if (!encrypted && accepted === "encrypted") {
      counts.refuse("text_not_encrypted");
      return undefined;
    }
    const read = readMessage(message);
    if (isOrdered(head)) heard.noteTime(head.oid, head);
    return { message: read, at: this.#measuredAt(head) };
  }

  /** What the head decides, before anything is inflated. */
  #refusalOf(head: MessageHead, accepted: AcceptText): Reason | undefined {
    const { applier, heard, isSealed } = this.#options;
    if (accepted === "off") return "text_not_taken";
    if (!isFromAgents(head.type)) return "unexpected_type";
    if (!applier.isKnownHost(head.oid)) return "unknown_host";
    if (isSealed(head.oid)) return "sealed_host";
    return isOrdered(head) && heard.isLate(head.oid, head) ? "out_of_order" : undefined;
  }

  #grant({ oid }: MessageHead, blocks: number): boolean {
    const granted = this.#rsa.take(oid, blocks, this.#options.clock.elapsed());
    if (granted) this.#options.counts.rsaBlocks += blocks;
    return granted;
  }

  /** Text is sent right after it was measured, so a time that is far from ours tells of a wrong clock. */
  #measuredAt({ timestamp }: MessageHead): number {
    const now = epochSeconds(this.#options.clock);
    return Math.abs(now - timestamp) <= this.#options.maxSkewS ? Math.min(timestamp, now) : now;
  }
}

/** What a LOG tells stays true, whatever was told after it. */
function isOrdered({ type }: MessageHead): boolean {
  return type !== "LOG";
}
