/** Which attributes of a NIC or an alias are addresses of its VM, and who vouches for them. */

/** A network leases these, also where somebody asked for one of its addresses. */
export const LEASED_ADDRESSES = ["IP", "IP6"] as const;

/** What a network, its driver or a template's author writes, and nobody checks. */
export const UNLEASED_ADDRESSES = [
  "IP6_GLOBAL",
  "IP6_ULA",
  "IP6_LINK",
  "IP6_SITE",
  "EXTERNAL_IP",
  "VROUTER_IP",
  "VROUTER_IP6_GLOBAL",
  "VROUTER_IP6_ULA",
] as const;
