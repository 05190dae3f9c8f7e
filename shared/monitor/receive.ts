/**
 * A sealed frame at its receiver, in the one right order: what is cheap first, what is authentic before it is
 * remembered.
 */

import type { Channel } from "./keys.ts";
import type { AcknowledgementContents, MessageContents } from "./packed-contents.ts";
import { MonitorRefusal } from "./refusal.ts";
import type { ReplayVerdict, ReplayWindow } from "./replay-window.ts";
import { openAcknowledgement, openMessages } from "./sealed.ts";
import { type FrameHead, parseFrameHead } from "./sealed-head.ts";

/** Default for the skew of the time of sending: clocks without NTP drift seconds a day. */
export const DEFAULT_MAX_SKEW_MS = 300_000;

export interface ReceivingRules {
  /** Wall clock of the receiver, ms since the epoch. */
  readonly nowMs: number;
  /** How far the time of sending may lie from it, either way. The time of measuring may be any. */
  readonly maxSkewMs: number;
}

/** The other side, as a receiver knows it. */
export interface Peer {
  readonly channel: Channel;
  /** Of what the other side sends; one for each channel. */
  readonly window: ReplayWindow;
}

/**
 * An agent's frame at the daemon.
 * @throws MonitorRefusal as openMessages does, and `replayed`, `old_boot` or `clock_skew`; the window is then unchanged.
 */
export function receiveMessages(peer: Peer, frame: Uint8Array, rules: ReceivingRules): MessageContents {
  return receive(peer, frame, rules, openMessages);
}

/** The daemon's answer at the agent. Throws as receiveMessages does. */
export function receiveAcknowledgement(
  peer: Peer,
  frame: Uint8Array,
  rules: ReceivingRules,
): AcknowledgementContents {
  return receive(peer, frame, rules, openAcknowledgement);
}

function receive<T extends { readonly sentMs: number }>(
  { channel, window }: Peer,
  frame: Uint8Array,
  { nowMs, maxSkewMs }: ReceivingRules,
  open: (channel: Channel, frame: Uint8Array) => T,
): T {
  const head = parseFrameHead(frame);
  refuseSeen(window.verdict(head.bootId, head.sequence), head);
  const contents = open(channel, frame);
  const skewMs = Math.abs(nowMs - contents.sentMs);
  if (skewMs > maxSkewMs)
    throw new MonitorRefusal(
      "clock_skew",
      `A frame of key ${head.keyId} was sent ${Math.round(skewMs / 1000)} s from now by its sender's clock: at most ${Math.round(maxSkewMs / 1000)} s are allowed.`,
    );
  window.accept(head.bootId, head.sequence);
  return contents;
}

function refuseSeen(verdict: ReplayVerdict, { keyId, bootId, sequence }: FrameHead): void {
  if (verdict === "replayed")
    throw new MonitorRefusal(
      "replayed",
      `Frame ${sequence} of boot ${bootId} of key ${keyId} came before, or too late.`,
    );
  if (verdict === "old_boot")
    throw new MonitorRefusal(
      "old_boot",
      `A frame of boot ${bootId} of key ${keyId} came: a later boot has spoken.`,
    );
}
