/** What the daemon counts: plain numbers, by reasons and types that are closed sets, never by host. */

import { MESSAGE_TYPES, type MessageType } from "../../shared/monitor/message.ts";
import { REFUSAL_REASONS } from "../../shared/monitor/refusal.ts";

/** Why something that came is not taken: what shared/monitor refuses, and what the daemon itself does. */
export const REASONS = [
  ...REFUSAL_REASONS,
  /** A sealed frame of a key that no agent has. */
  "unknown_key",
  /** A message of a sealed agent about another host than its own. */
  "other_host",
  /** A message about a host that is not there. */
  "unknown_host",
  /** Text about a host that a sealed agent speaks for. */
  "sealed_host",
  /** Text, from where none is taken. */
  "text_not_taken",
  /** Text in clear, from where only encrypted text is taken. */
  "text_not_encrypted",
  /** A type that agents do not send. */
  "unexpected_type",
  /** Measured before the last message of the same type of that host. */
  "out_of_order",
  /** A datagram of a boot that is not yet noted as its agent's. */
  "boot_pending",
  /** Datagrams waited already: too many in all, or too many of one address. */
  "queue_full",
  "address_queue_full",
  /** A message without acknowledgement, whose host has too many waiting for the store. */
  "host_queue_full",
  /** A LOG message beyond its host's rate. */
  "log_rate",
  /** The store could not take it. */
  "not_stored",
] as const;

export type Reason = (typeof REASONS)[number];

/** Why a connection was ended. */
export const CUTS = [
  /** Too many, in all or of one address. */
  "too_many",
  /** Nothing was proved on it in time. */
  "silent",
  /** A message that was begun did not come to its end in time. */
  "stalled",
  /** Nothing came for long. */
  "idle",
  /** What it sent is no message, so the stream is out of step. */
  "malformed",
  /** It holds most of what all hold unfinished. */
  "held_bytes",
  /** It does not read its acknowledgements. */
  "unread",
  /** A later connection of the same agent. */
  "replaced",
  /** Its messages cannot be stored: the agent is to come again. */
  "not_stored",
] as const;

export type Cut = (typeof CUTS)[number];

export type Transport = "udp" | "tcp";
export type Codec = "sealed" | "text";

function zeros<N extends string>(names: readonly N[]): Map<N, number> {
  return new Map(names.map((name) => [name, 0]));
}

export class MonitorCounts {
  datagrams = 0;
  connections = 0;
  /** Messages taken in hand, by type. */
  readonly messages = zeros<MessageType>(MESSAGE_TYPES);
  readonly frames = zeros<`${Codec} ${Transport}`>(["sealed udp", "sealed tcp", "text udp", "text tcp"]);
  readonly refusals = zeros<Reason>(REASONS);
  readonly cuts = zeros<Cut>(CUTS);
  /** Records of VMs, by what became of them. */
  vmsApplied = 0;
  vmsUnknown = 0;
  /** VM states that a report changed, and that it did not. */
  statesChanged = 0;
  statesIgnored = 0;
  /** Deliveries that were known, and acknowledged again. */
  repeatedDeliveries = 0;
  acknowledged = 0;
  renewals = 0;
  rsaBlocks = 0;
  probeFailures = 0;

  refuse(reason: Reason): void {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
  }

  cut(reason: Cut): void {
    this.cuts.set(reason, (this.cuts.get(reason) ?? 0) + 1);
  }

  frame(kind: `${Codec} ${Transport}`): void {
    this.frames.set(kind, (this.frames.get(kind) ?? 0) + 1);
  }

  message(type: MessageType): void {
    this.messages.set(type, (this.messages.get(type) ?? 0) + 1);
  }
}
