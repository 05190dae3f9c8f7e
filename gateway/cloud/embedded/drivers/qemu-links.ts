/** How a guest's interfaces reach the world, and where its guest finds OneGate. */

import { stringOf } from "../../../../shared/template/types.ts";
import { formatIp4, parseIp4 } from "../../address-text.ts";
import type { Vm } from "../../model.ts";
import type { NicLink } from "./qemu-command.ts";
import { type GuestPlan, type NicPlan, planGuest } from "./qemu-plan.ts";
import { tapName } from "./qemu-tap.ts";

/** restricted: OneGate, the guests of its virtual network and nothing else; user: out through the house's machine; bridge: the network's bridge. */
export const QEMU_NETWORKS = ["restricted", "user", "bridge"] as const;
export type QemuNetwork = (typeof QEMU_NETWORKS)[number];

/** Where OpenNebula's transparent proxy has OneGate, for guests whose networks have no gateway. */
export const ONEGATE_LINK_LOCAL = "169.254.16.9";
/** On a wire OneGate is always on this port, wherever the house listens: guests outlive its restarts. */
export const ONEGATE_WIRE_PORT = 5030;

/** VN_MAD of networks that are a bridge of this machine, which somebody else sees to. */
const BRIDGED: ReadonlySet<string> = new Set(["bridge", "dummy", "fw"]);

export interface LinkRules {
  readonly network: QemuNetwork;
  /** Whether the VM's creator and the owner of its template may have more than OneGate in the `user` network. */
  readonly isTrusted: boolean;
}

export function linksOf(plan: GuestPlan, rules: LinkRules): ReadonlyMap<number, NicLink> {
  return new Map(plan.nics.map((nic) => [nic.id, linkOf(plan.vmId, nic, rules)]));
}

function linkOf(vmId: number, nic: NicPlan, { network, isTrusted }: LinkRules): NicLink {
  if (network === "bridge" && BRIDGED.has(nic.networkDriver) && nic.bridge !== "")
    return { kind: "tap", name: tapName(vmId, nic.id) };
  if (network === "user" && isTrusted && nic.ip !== undefined) return userLink(nic, nic.ip);
  return { kind: "wire" };
}

/** QEMU's own network takes the addresses of the VM's, so that what the context tells the guest is so. */
function userLink(nic: NicPlan, guest: string): NicLink {
  const prefix = prefixOf(nic.mask) ?? 24;
  const mask = (0xffffffff << (32 - prefix)) >>> 0;
  const network = ((parseIp4(guest) ?? 0) & mask) >>> 0;
  const gateway = parseIp4(nic.gateway) ?? (network | 1) >>> 0;
  return {
    kind: "user",
    network: `${formatIp4(network)}/${prefix}`,
    gateway: formatIp4(gateway),
    guest,
  };
}

function prefixOf(mask: string): number | undefined {
  const number = parseIp4(mask);
  if (number === undefined) return undefined;
  const prefix = 32 - Math.log2(2 ** 32 - number);
  return Number.isInteger(prefix) && prefix >= 8 && prefix <= 30 ? prefix : undefined;
}

/** The addresses at which a wire has OneGate. */
export function gateAddresses(nic: NicPlan): readonly string[] {
  const gateway = parseIp4(nic.gateway) === undefined ? [] : [nic.gateway];
  return [...gateway, ONEGATE_LINK_LOCAL];
}

/**
 * What the guest is told as ONEGATE_ENDPOINT: on a wire the gateway of its first network, at a port that stays; in QEMU's own
 * network the gateway, which leads to this machine's loopback; on a bridge, or without any interface, what the house says.
 */
export function guestEndpoint(vm: Vm, endpoint: string, rules: LinkRules): string {
  const plan = tryPlan(vm);
  const [nic] = plan?.nics ?? [];
  const link = nic && plan && linksOf(plan, rules).get(nic.id);
  if (nic === undefined || link === undefined || link.kind === "tap") return endpoint;
  const url = new URL(endpoint);
  if (link.kind === "user") {
    url.hostname = link.gateway;
  } else {
    url.hostname = gateAddresses(nic)[0] ?? ONEGATE_LINK_LOCAL;
    url.port = String(ONEGATE_WIRE_PORT);
  }
  return url.href.replace(/\/$/, "");
}

/** A template that cannot be read is refused elsewhere. */
function tryPlan(vm: Vm): GuestPlan | undefined {
  try {
    return stringOf(vm.template, "MEMORY") === undefined ? undefined : planGuest(vm);
  } catch {
    return undefined;
  }
}
