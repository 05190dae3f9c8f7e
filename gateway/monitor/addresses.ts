/** Addresses of peers, as sockets print them. */

const MAPPED = "::ffff:";

/** 127.0.0.0/8 and ::1, also where a socket for both families prints IPv4 as IPv6. */
export function isLoopbackAddress(address: string): boolean {
  return (
    (address.startsWith(MAPPED) ? address.slice(MAPPED.length) : address).startsWith("127.") ||
    address === "::1"
  );
}
