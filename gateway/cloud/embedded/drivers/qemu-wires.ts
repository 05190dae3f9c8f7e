/** The wires of one guest: each of its interfaces that has one, led to this house's OneGate. */

import { connect, type Socket } from "node:net";
import type { Clock } from "../../../../shared/clock.ts";
import { qemuWirePath } from "../../../../shared/guests/qemu-layout.ts";
import { parseIp4, parseMac } from "../../address-text.ts";
import { wireAddressOf } from "../../wire-address.ts";
import { openWire, type Wire } from "../wire/wire.ts";
import type { NicLink } from "./qemu-command.ts";
import { gateAddresses, ONEGATE_WIRE_PORT } from "./qemu-links.ts";
import type { GuestPlan } from "./qemu-plan.ts";

export interface WiresOptions {
  /** The guest's directory. */
  readonly dir: string;
  readonly plan: GuestPlan;
  readonly links: ReadonlyMap<number, NicLink>;
  /** Where OneGate is reached from here. */
  readonly onegate: () => string | undefined;
  readonly clock: Clock;
}

export function openWires({ dir, plan, links, onegate, clock }: WiresOptions): readonly Wire[] {
  return plan.nics
    .filter((nic) => links.get(nic.id)?.kind === "wire")
    .map((nic) =>
      openWire({
        path: qemuWirePath(dir, nic.id),
        clock,
        guestMac: macBytes(nic.mac),
        guestIp: nic.ip === undefined ? undefined : parseIp4(nic.ip),
        addresses: new Set(gateAddresses(nic).map((address) => parseIp4(address) ?? 0)),
        port: ONEGATE_WIRE_PORT,
        connect: () => connectTo(onegate(), plan.vmId),
      }),
    );
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
