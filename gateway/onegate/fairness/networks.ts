/** Addresses and CIDR ranges, IPv4 and IPv6, as an operator writes them, and whether an address lies in one of them. */

import { BlockList, isIP, SocketAddress } from "node:net";

interface Network {
  readonly address: string;
  readonly family: "ipv4" | "ipv6";
  /** Undefined: the one address. */
  readonly prefix: number | undefined;
}

/** Where to look up addresses, each in the form of `canonicalAddress`. */
export type AddressTest = (address: string) => boolean;

/** True for `10.0.0.1`, `10.0.0.0/8`, `fd00::/8`. */
export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== undefined;
}

/** True for an address that lies in one of the networks. @throws RangeError for a text that is no network. */
export function networksOf(texts: readonly string[]): AddressTest {
  if (texts.length === 0) return () => false;
  const list = new BlockList();
  for (const text of texts) {
    const network = parseNetwork(text);
    if (network === undefined) throw new RangeError(`${text} is no address and no CIDR range`);
    const { address, prefix, family } = network;
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, prefix, family);
  }
  return (address) => list.check(address, address.includes(":") ? "ipv6" : "ipv4");
}

const MAPPED = "::ffff:";
/** fe80::/10 */
const LINK_LOCAL = /^fe[89ab]/;

/** The one way in which an address is written here: IPv4 for IPv4-mapped IPv6, no zone; undefined for what is none. */
export function canonicalAddress(text: string): string | undefined {
  const family = isIP(text);
  if (family === 4) return text;
  if (family === 0) return undefined;
  const [unzoned = text] = text.split("%", 1);
  const { address } = new SocketAddress({ address: unzoned, family: "ipv6" });
  return address.startsWith(MAPPED) && address.includes(".") ? address.slice(MAPPED.length) : address;
}

/**
 * What an address counts as: itself, or for IPv6 its /64, which one machine has whole and may change within at will;
 * but the one /64 of link-local addresses is everybody's, so they count one by one. `address` is as `canonicalAddress`
 * gives it.
 */
export function countedAs(address: string): string {
  if (!address.includes(":") || LINK_LOCAL.test(address)) return address;
  const [head = "", tail] = address.split("::", 2);
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const gap = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: gap }, () => "0"), ...after];
  return `${groups.slice(0, 4).join(":")}::/64`;
}

function parseNetwork(text: string): Network | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0 || address.includes("%")) return undefined;
  const family = version === 4 ? "ipv4" : "ipv6";
  if (length === undefined) return { address, family, prefix: undefined };
  if (!/^\d{1,3}$/.test(length) || Number(length) > (version === 4 ? 32 : 128)) return undefined;
  return { address, family, prefix: Number(length) };
}
