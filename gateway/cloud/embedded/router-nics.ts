/** A router's own interfaces: those its VMs are given a copy of, and the floating addresses that it leases itself. */

import type { Template, Vector } from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Actor } from "../actor.ts";
import { authorize } from "../permissions.ts";
import { releaseNic, takeLease } from "./leases.ts";
import { findNetwork, isFloating } from "./nics.ts";

export function routerNics(
  tx: Transaction,
  actor: Actor,
  routerId: number,
  asked: readonly Vector[],
): readonly Vector[] {
  return asked.map((nic, position) => routerNic(tx, actor, routerId, nic, position));
}

/** A floating one takes the address that its VMs share. @throws GatehouseError as a VM's interface does. */
export function routerNic(
  tx: Transaction,
  actor: Actor,
  routerId: number,
  asked: Vector,
  nicId: number,
): Vector {
  const network = findNetwork(tx, actor, asked);
  const numbered = { ...asked, NIC_ID: String(nicId) };
  if (network === undefined) return numbered;
  authorize(actor, network, "USE", "NET");
  const named: Vector = { ...numbered, NETWORK: network.name, NETWORK_ID: String(network.id) };
  if (!isFloating(asked)) return named;
  const { IP, ...unaddressed } = named;
  const lease = takeLease(tx, network.id, { kind: "router", id: routerId }, { ip: IP });
  const { IP: ip, MAC: mac, IP6_GLOBAL: ip6 } = lease.addresses;
  return {
    ...unaddressed,
    AR_ID: String(lease.rangeId),
    ...(ip === undefined ? {} : { VROUTER_IP: ip }),
    ...(ip6 === undefined ? {} : { VROUTER_IP6_GLOBAL: ip6 }),
    ...(mac === undefined ? {} : { VROUTER_MAC: mac }),
  };
}

/** A VM's copy of a router interface: it takes an address of its own, and knows the shared one. */
export function nicForVm(nic: Vector): Vector {
  const { NIC_ID: _id, AR_ID: _range, ...rest } = nic;
  return rest;
}

/** Gives back the address of a floating interface. */
export function releaseFloating(tx: Transaction, routerId: number, nic: Vector): void {
  const { VROUTER_MAC, VROUTER_IP, ...rest } = nic;
  const address = {
    ...rest,
    ...(VROUTER_MAC === undefined ? {} : { MAC: VROUTER_MAC }),
    ...(VROUTER_IP === undefined ? {} : { IP: VROUTER_IP }),
  };
  releaseNic(tx, address, { kind: "router", id: routerId });
}

/** A template with these interfaces, and no others. */
export function withNics(template: Template, nics: readonly Vector[]): Template {
  const { NIC: _, ...rest } = template;
  const [only] = nics;
  if (only === undefined) return rest;
  return { ...rest, NIC: nics.length === 1 ? only : nics };
}
