/**
 * Address arithmetic of address ranges: which MAC, IP and IP6 an index has, and which index an address.
 * Pure; the rules are OpenNebula's, as its recorded networks show them.
 */

import { GatehouseError } from "../../shared/errors.ts";
import type { Vector } from "../../shared/template/types.ts";
import { formatIp4, formatIp6, formatMac, parseIp4, parseIp6, parseMac } from "./address-text.ts";
import type { AddressRange } from "./model.ts";

/** What a range hands out: IP4 counts on from IP, IP6 is made of a prefix and the MAC, IP6_STATIC counts on from IP6. */
const RANGE_TYPES = {
  ETHER: { ip4: false, ip6: false, ip6Static: false },
  IP4: { ip4: true, ip6: false, ip6Static: false },
  IP6: { ip4: false, ip6: true, ip6Static: false },
  IP4_6: { ip4: true, ip6: true, ip6Static: false },
  IP6_STATIC: { ip4: false, ip6: false, ip6Static: true },
  IP4_6_STATIC: { ip4: true, ip6: false, ip6Static: true },
} as const;

type RangeType = keyof typeof RANGE_TYPES;

const TWO_32 = 2 ** 32;

/** An index has 32 bits. OpenNebula allows a bigger SIZE on IP6_STATIC only, and never gets beyond this index either. */
export const MAX_RANGE_SIZE = TWO_32;

/** OpenNebula's default MAC_PREFIX, `02:00`. */
const MAC_PREFIX = 0x0200;

const LINK_LOCAL = 0xfe80n << 112n;

/** The first address of each kind that a range has. */
interface Start {
  readonly mac: number;
  readonly ip4: number | undefined;
  readonly ip6Static: bigint | undefined;
  /** Upper 64 bits; undefined where the range has none. */
  readonly global: bigint | undefined;
  readonly ula: bigint | undefined;
  readonly link: bigint | undefined;
}

/**
 * A range's attributes, checked, with the MAC that OpenNebula gives a range without one: 02:00 and the bytes of IP.
 * A type without IPv4 has no such rule, so the caller brings one (`freshMac`, text), or it is refused.
 * @throws GatehouseError `bad_request`; the text begins with the attribute's name.
 */
export function completeRange(attributes: Vector, size: number, freshMac?: () => string): Vector {
  const type = typeOf(attributes);
  const ip4 = RANGE_TYPES[type].ip4 ? requiredIp4(attributes) : undefined;
  if (ip4 !== undefined && ip4 + size > TWO_32) {
    throw refused("SIZE", `must be at most ${TWO_32 - ip4} from ${attributes.IP} on, not ${size}`);
  }
  const mac = attributes.MAC || macOf(ip4) || freshMac?.();
  if (!mac) throw refused("MAC", `must be given in a range of type ${type}`);
  const completed = attributes.MAC ? attributes : { ...attributes, MAC: mac };
  startOf(completed);
  return completed;
}

function macOf(ip4: number | undefined): string | undefined {
  return ip4 === undefined ? undefined : formatMac(MAC_PREFIX * TWO_32 + ip4);
}

function typeOf(attributes: Vector): RangeType {
  const type = (attributes.TYPE ?? "").toUpperCase();
  if (Object.hasOwn(RANGE_TYPES, type)) return type as RangeType;
  throw refused(
    "TYPE",
    `must be one of ${Object.keys(RANGE_TYPES).join(", ")}, not "${attributes.TYPE ?? ""}"`,
  );
}

function startOf(attributes: Vector): Start {
  const has = RANGE_TYPES[typeOf(attributes)];
  const mac = parseMac(attributes.MAC ?? "");
  if (mac === undefined) throw refused("MAC", `must be a MAC address, not "${attributes.MAC ?? ""}"`);
  return {
    mac,
    ip4: has.ip4 ? requiredIp4(attributes) : undefined,
    ip6Static: has.ip6Static ? requiredIp6(attributes, "IP6") : undefined,
    global: has.ip6 ? prefixOf(attributes, "GLOBAL_PREFIX") : undefined,
    ula: has.ip6 ? prefixOf(attributes, "ULA_PREFIX") : undefined,
    link: has.ip6 ? LINK_LOCAL : undefined,
  };
}

function requiredIp4(attributes: Vector): number {
  const ip = parseIp4(attributes.IP ?? "");
  if (ip === undefined) throw refused("IP", `must be an IPv4 address, not "${attributes.IP ?? ""}"`);
  return ip;
}

function requiredIp6(attributes: Vector, name: string): bigint {
  const ip = parseIp6(attributes[name] ?? "");
  if (ip === undefined) throw refused(name, `must be an IPv6 address, not "${attributes[name] ?? ""}"`);
  return ip;
}

/** A prefix of 64 bits; none when it is empty or all zeros. */
function prefixOf(attributes: Vector, name: string): bigint | undefined {
  if (!attributes[name]) return undefined;
  const prefix = (requiredIp6(attributes, name) >> 64n) << 64n;
  return prefix === 0n ? undefined : prefix;
}

function refused(name: string, problem: string): GatehouseError {
  return new GatehouseError("bad_request", `${name} ${problem}.`);
}

/** OpenNebula counts in the lower four bytes of a MAC, without a carry into the prefix. */
function macAt(start: number, index: number): number {
  const low = start % TWO_32;
  return start - low + ((low + index) % TWO_32);
}

/** Prefix and modified EUI-64 of the MAC, its universal bit inverted (02:00:c0:a8:32:0a gives ::c0ff:fea8:320a). */
function ip6Of(prefix: bigint, mac: number): bigint {
  const bits = BigInt(mac) ^ (0x02n << 40n);
  return prefix | ((bits >> 24n) << 40n) | (0xfffen << 24n) | (bits & 0xffffffn);
}

/**
 * For a whole range's leases at once: index to addresses, named as a NIC and a LEASE have them, in OpenNebula's order.
 * @throws GatehouseError `bad_request` for attributes that `completeRange` refuses.
 */
export function addressesOf(range: AddressRange): (index: number) => Vector {
  const start = startOf(range.attributes);
  const ports = portsOf(range.attributes);
  return (index) => {
    const mac = macAt(start.mac, index);
    const slaac = (prefix: bigint | undefined) =>
      prefix === undefined ? undefined : formatIp6(ip6Of(prefix, mac));
    const { external, internal } = ports?.(index) ?? {};
    return compact([
      ["EXTERNAL_PORT_RANGE", external],
      ["INTERNAL_PORT_RANGE", internal],
      ["IP", start.ip4 === undefined ? undefined : formatIp4(start.ip4 + index)],
      ["IP6", start.ip6Static === undefined ? undefined : formatIp6(start.ip6Static + BigInt(index))],
      ["IP6_GLOBAL", slaac(start.global)],
      ["IP6_LINK", slaac(start.link)],
      ["IP6_ULA", slaac(start.ula)],
      ["MAC", formatMac(mac)],
    ]);
  };
}

/** The addresses of one index. */
export function leaseAddresses(range: AddressRange, index: number): Vector {
  return addressesOf(range)(index);
}

/** Ports forwarded to an address, where the range has PORT_START and PORT_SIZE. */
function portsOf(
  attributes: Vector,
): ((index: number) => { external: string; internal: string }) | undefined {
  const first = Number(attributes.PORT_START ?? 0);
  const count = Number(attributes.PORT_SIZE ?? 0);
  if (!(first > 0 && count > 0)) return undefined;
  return (index) => {
    const from = first + index * count + 1;
    return { external: `${from}:${from + count - 1}`, internal: `1-${count}/${from}` };
  };
}

/** What AR shows beside its attributes: MAC_END, IP_END and the first and last IPv6 addresses. */
export function rangeEnds(range: AddressRange): Vector {
  const start = startOf(range.attributes);
  // A SIZE beyond the index's 32 bits stays among the attributes; the end is computed from it.
  const last = BigInt(range.attributes.SIZE ?? range.size) - 1n;
  const lastIndex = Number(last % BigInt(TWO_32));
  const macEnd = macAt(start.mac, lastIndex);
  const slaac = (prefix: bigint | undefined, mac: number) =>
    prefix === undefined ? undefined : formatIp6(ip6Of(prefix, mac));
  return compact([
    ["MAC_END", formatMac(macEnd)],
    ["IP_END", start.ip4 === undefined ? undefined : formatIp4(start.ip4 + lastIndex)],
    ["IP6_ULA", slaac(start.ula, start.mac)],
    ["IP6_ULA_END", slaac(start.ula, macEnd)],
    ["IP6_GLOBAL", slaac(start.global, start.mac)],
    ["IP6_GLOBAL_END", slaac(start.global, macEnd)],
    ["IP6_END", start.ip6Static === undefined ? undefined : formatIp6(start.ip6Static + last)],
  ]);
}

function compact(entries: readonly (readonly [string, string | undefined])[]): Vector {
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** An address to look for; where several are given, all must be of the same index. */
export interface AddressQuery {
  readonly ip?: string | undefined;
  readonly mac?: string | undefined;
  /** A static IPv6 address. */
  readonly ip6?: string | undefined;
}

/** The index that has this address; undefined when the range has it not (or it is no address). */
export function indexOfAddress(range: AddressRange, wanted: AddressQuery): number | undefined {
  const start = startOf(range.attributes);
  const found = [
    ...(wanted.mac ? [indexOfMac(start.mac, parseMac(wanted.mac))] : []),
    ...(wanted.ip ? [difference(parseIp4(wanted.ip), start.ip4)] : []),
    ...(wanted.ip6 ? [indexOfIp6(start.ip6Static, parseIp6(wanted.ip6))] : []),
  ];
  const [index] = found;
  if (index === undefined || index < 0 || index >= range.size) return undefined;
  return found.every((other) => other === index) ? index : undefined;
}

function difference(address: number | undefined, start: number | undefined): number | undefined {
  return address === undefined || start === undefined ? undefined : address - start;
}

function indexOfMac(start: number, mac: number | undefined): number | undefined {
  if (mac === undefined || Math.floor(mac / TWO_32) !== Math.floor(start / TWO_32)) return undefined;
  return (mac - start + TWO_32) % TWO_32;
}

function indexOfIp6(start: bigint | undefined, ip6: bigint | undefined): number | undefined {
  if (start === undefined || ip6 === undefined) return undefined;
  const distance = ip6 - start;
  return distance >= 0n && distance < BigInt(TWO_32) ? Number(distance) : undefined;
}
