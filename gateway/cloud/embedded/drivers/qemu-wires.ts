/** The wires of one guest: each of its interfaces that has one, led to this house's OneGate and to its virtual network. */

import { connect, type Socket } from "node:net";
import type { Clock } from "../../../../shared/clock.ts";
import { qemuWirePath } from "../../../../shared/guests/qemu-layout.ts";
import { parseIp4, parseMac } from "../../address-text.ts";
import { wireAddressOf } from "../../wire-address.ts";
import type { DhcpOffer } from "../wire/dhcp.ts";
import type { Lan } from "../wire/lan.ts";
import { openWire, type Wire } from "../wire/wire.ts";
import type { NicLink } from "./qemu-command.ts";
import { gateAddresses, ONEGATE_LINK_LOCAL, ONEGATE_WIRE_PORT } from "./qemu-links.ts";
import type { GuestPlan, LeasedNic, NicPlan } from "./qemu-plan.ts";

export interface WiresOptions {
  /** The guest's directory. */
  readonly dir: string;
  readonly plan: GuestPlan;
  /** What the cloud gives the VM by now: perhaps less than its guest boots with. */
  readonly leased: readonly LeasedNic[];
  readonly links: ReadonlyMap<number, NicLink>;
  /** Where OneGate is reached from here. */
  readonly onegate: () => string | undefined;
  readonly lan: Lan;
  readonly clock: Clock;
}

/** What an interface had when its guest booted is what its wire is for. */
export interface GuestWire extends Wire {
  /** Goes by what the cloud gives the VM now: an interface that was detached is cut off for good. */
  follow(nics: readonly LeasedNic[]): void;
}

/** As the context packages have it where a network says nothing. */
const DEFAULT_MASK = 0xffffff00;
const MAX_MTU = 1_500;
const LEAST_MTU = 576;
const MAX_DNS = 4;
const HOST_NAME = /^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/;

export function openWires(options: WiresOptions): readonly GuestWire[] {
  const { dir, plan, leased, links, onegate, lan, clock } = options;
  return plan.nics
    .filter((nic) => links.get(nic.id)?.kind === "wire")
    .flatMap((nic) => {
      const now = leasedNow(nic, leased);
      if (now === undefined) return [];
      const wire = openWire({
        path: qemuWirePath(dir, nic.id),
        clock,
        lan,
        place: {
          mac: parseMac(nic.mac) ?? 0,
          addresses: now.leases,
          houseIps: new Set(gateAddresses(nic).map((address) => parseIp4(address) ?? 0)),
        },
        guestMac: macBytes(nic.mac),
        guestIp: nic.ip === undefined ? undefined : parseIp4(nic.ip),
        port: ONEGATE_WIRE_PORT,
        dhcp: dhcpOf(nic, plan.hostName),
        rates: nic.rates,
        connect: () => connectTo(onegate(), plan.vmId),
      });
      return [{ ...wire, follow: (nics) => followNic(wire, nic, nics) }];
    });
}

/** Another interface may have its number by now. */
export function leasedNow({ id, mac }: LeasedNic, nics: readonly LeasedNic[]): LeasedNic | undefined {
  return nics.find((nic) => nic.id === id && nic.mac === mac);
}

function followNic(wire: Wire, nic: NicPlan, nics: readonly LeasedNic[]): void {
  const now = leasedNow(nic, nics);
  if (now === undefined) wire.close();
  else wire.move(now.leases);
}

/** What is not a good answer is not given: undefined without an address. */
export function dhcpOf(nic: NicPlan, hostName: string): DhcpOffer | undefined {
  const ip = parseIp4(nic.ip ?? "");
  if (ip === undefined) return undefined;
  const gateway = parseIp4(nic.gateway);
  const linkLocal = parseIp4(ONEGATE_LINK_LOCAL) ?? 0;
  const dns = nic.dns.split(/[\s,]+/).flatMap((word) => parseIp4(word) ?? []);
  const mtu = Number(nic.mtu);
  return {
    mac: macBytes(nic.mac),
    ip,
    mask: parseIp4(nic.mask) ?? DEFAULT_MASK,
    server: gateway ?? linkLocal,
    gateway,
    dns: dns.slice(0, MAX_DNS),
    mtu: mtu >= LEAST_MTU && mtu <= MAX_MTU ? mtu : MAX_MTU,
    hostName: HOST_NAME.test(hostName) ? hostName : undefined,
    onLink: [linkLocal],
  };
}

function macBytes(mac: string): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(parseMac(mac) ?? 0, 0, 6);
  return bytes;
}

/** Undefined while OneGate does not listen. */
function connectTo(endpoint: string | undefined, vmId: number): Socket | undefined {
  if (endpoint === undefined) return undefined;
  const { hostname, port, protocol } = new URL(endpoint);
  const host = hostname.replace(/^\[|\]$/g, "");
  const target = { host, port: Number(port || (protocol === "https:" ? 443 : 80)), noDelay: true };
  return connect(isLoopback4(host) ? { ...target, localAddress: wireAddressOf(vmId) } : target);
}

function isLoopback4(host: string): boolean {
  return process.platform === "linux" && /^127\.\d+\.\d+\.\d+$/.test(host);
}
