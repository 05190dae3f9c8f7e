/** MAC, IPv4 and IPv6 addresses between text and number: MAC and IPv4 fit a double exactly, IPv6 takes a bigint. */

import { isIPv4, isIPv6 } from "node:net";

const MAC = /^[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}$/i;

/** The 48 bits of `02:00:0a:00:00:0a`; undefined for anything else. */
export function parseMac(text: string): number | undefined {
  if (!MAC.test(text)) return undefined;
  return text.split(":").reduce((sum, byte) => sum * 256 + Number.parseInt(byte, 16), 0);
}

/** Lower-case, two digits a byte, as OpenNebula prints it. */
export function formatMac(mac: number): string {
  return (mac.toString(16).padStart(12, "0").match(/../g) ?? []).join(":");
}

/** The 32 bits of a dotted quad without leading zeros; undefined for anything else. */
export function parseIp4(text: string): number | undefined {
  if (!isIPv4(text)) return undefined;
  return text.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
}

export function formatIp4(ip: number): string {
  return [24, 16, 8, 0].map((shift) => (ip >>> shift) & 0xff).join(".");
}

/** The 128 bits of an IPv6 address without a zone; undefined for anything else. */
export function parseIp6(text: string): bigint | undefined {
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const [head = "", tail] = withoutDots(text).split("::");
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => "0");
  return [...left, ...zeros, ...right].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

function groupsOf(half: string): readonly string[] {
  return half === "" ? [] : half.split(":");
}

/** A dotted quad at the end stands for the last two groups. */
function withoutDots(text: string): string {
  const start = text.lastIndexOf(":") + 1;
  const quad = parseIp4(text.slice(start));
  if (quad === undefined) return text;
  return `${text.slice(0, start)}${(quad >>> 16).toString(16)}:${(quad & 0xffff).toString(16)}`;
}

/** Lower-case, the longest run of zero groups shortened, as inet_ntop and RFC 5952 have it. */
export function formatIp6(ip: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    Number((ip >> BigInt(16 * (7 - index))) & 0xffffn).toString(16),
  );
  const run = longestZeroRun(groups);
  if (run.length < 2) return groups.join(":");
  return `${groups.slice(0, run.start).join(":")}::${groups.slice(run.start + run.length).join(":")}`;
}

function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (const [index, group] of groups.entries()) {
    length = group === "0" ? length + 1 : 0;
    if (length > best.length) best = { start: index - length + 1, length };
  }
  return best;
}
