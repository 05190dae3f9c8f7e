/**
 * Whose request it is, by address: the peer's, or whom a trusted proxy names in X-Forwarded-For. `Forwarded`
 * (RFC 7239) is not read: two headers that may contradict each other are a way around the one that a proxy cleans.
 */

import { canonicalAddress, networksOf } from "./networks.ts";

/** Of a request that came through no socket, as `app.request()` makes it. */
export const NO_PEER = "local";
/** Of a socket that was gone before it was asked. */
export const GONE_PEER = "gone";

/** Longer chains of trusted proxies are walked no further. */
const MAX_HOPS = 32;
/** Peers whose canonical form is remembered. */
const MAX_REMEMBERED = 4_096;

/** `forwardedFor`: X-Forwarded-For, lines that came twice joined by commas, as node does. */
export type ReadAddress = (peer: string | undefined, forwardedFor: string | undefined) => string;

/**
 * Reads X-Forwarded-For from the right, as long as who added an entry is trusted; an entry that is no address ends the
 * walk at who added it.
 * @throws RangeError for a proxy that is no address and no CIDR range.
 */
export function createAddressReader(trustedProxies: readonly string[]): ReadAddress {
  const isTrusted = networksOf(trustedProxies);
  const canonical = rememberedCanonical();
  return function read(peer, forwardedFor) {
    if (peer === undefined) return GONE_PEER;
    let address = canonical(peer);
    if (forwardedFor === undefined || trustedProxies.length === 0) return address;
    const entries = forwardedFor.split(",");
    for (let hop = 0; hop < MAX_HOPS && isTrusted(address); hop += 1) {
      const entry = hopAddress(entries.pop());
      if (entry === undefined) break;
      address = entry;
    }
    return address;
  };
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`. */
function hopAddress(entry: string | undefined): string | undefined {
  const text = entry?.trim() ?? "";
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text);
  if (bracketed !== null) return bracketed[1]?.includes(":") ? canonicalAddress(bracketed[1]) : undefined;
  return canonicalAddress(text.replace(/^([\d.]+):\d{1,5}$/, "$1"));
}

function rememberedCanonical(): (peer: string) => string {
  const known = new Map<string, string>();
  return (peer) => {
    if (!peer.includes(":")) return peer;
    const before = known.get(peer);
    if (before !== undefined) return before;
    const address = canonicalAddress(peer) ?? peer;
    if (known.size >= MAX_REMEMBERED) known.clear();
    known.set(peer, address);
    return address;
  };
}
