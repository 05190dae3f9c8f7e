/** Virtual routers: a set of VMs that share floating addresses. */

import { GatehouseError } from "../../../shared/errors.ts";
import { appendTemplate } from "../../../shared/template/edit.ts";
import { stringOf, type Template, type Vector, vectorsOf } from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Actor, RouterPool, UpdateMode } from "../cloud.ts";
import type { Router } from "../model.ts";
import { authorize, DEFAULT_MODE } from "../permissions.ts";
import { ROUTERS, TEMPLATES } from "./kinds.ts";
import { releaseNic, takeLease } from "./leases.ts";
import { checkName } from "./names.ts";
import { findNetwork, isFloating } from "./nics.ts";
import { missing, OwnedObjects, ownedBy, type PoolContext } from "./pool.ts";
import { mergeInstantiation } from "./vm-attributes.ts";
import type { VmMaker } from "./vm-maker.ts";
import type { Vms } from "./vms.ts";

/** A router's VMs at once; an HA pair is two. */
const MAX_INSTANCES = 1_000;

export class Routers extends OwnedObjects<Router> implements RouterPool {
  readonly #maker: VmMaker;
  readonly #vms: Vms;

  constructor(context: PoolContext, maker: VmMaker, vms: Vms) {
    super(context, ROUTERS, { noun: "virtual router", label: "VROUTER" });
    this.#maker = maker;
    this.#vms = vms;
  }

  async allocate(actor: Actor, template: Template): Promise<number> {
    const name = checkName(stringOf(template, "NAME") ?? "");
    const { NAME: _, ...rest } = template;
    return await this.context.registry.transact((tx) => {
      const router = tx.insert(ROUTERS, (id) => ({
        id,
        ...ownedBy(tx, actor),
        name,
        mode: DEFAULT_MODE,
        vmIds: [],
        template: { ...rest, ...routerNics(tx, actor, id, vectorsOf(rest, "NIC")) },
      }));
      return router.id;
    });
  }

  async update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void> {
    await this.edit(actor, id, "MANAGE", (router) => {
      // The interfaces hold leases: they change by attaching and detaching, not by text.
      const { NIC: _asked, ...text } = template;
      const updated = mode === "append" ? appendTemplate(router.template, text) : text;
      const nics = router.template.NIC;
      return { ...router, template: nics === undefined ? updated : { ...updated, NIC: nics } };
    });
  }

  async delete(actor: Actor, id: number): Promise<void> {
    await this.context.registry.transact((tx) => {
      const router = this.require(tx, id);
      authorize(actor, router, "MANAGE", this.words.label);
      for (const nic of vectorsOf(router.template, "NIC")) {
        releaseNic(tx, floatingAddress(nic), { kind: "router", id });
      }
      tx.delete(ROUTERS, id);
      for (const vmId of router.vmIds) this.#vms.endWhateverItDoes(tx, vmId);
    });
  }

  async instantiate(
    actor: Actor,
    id: number,
    options: { count: number; templateId: number; name?: string; hold?: boolean; extra?: Template },
  ): Promise<readonly number[]> {
    if (!Number.isSafeInteger(options.count) || options.count < 1 || options.count > MAX_INSTANCES) {
      throw new GatehouseError(
        "bad_request",
        `The number of VMs must be 1 to ${MAX_INSTANCES}, not ${options.count}.`,
      );
    }
    return await this.context.registry.transact((tx) => {
      const router = this.require(tx, id);
      authorize(actor, router, "MANAGE", this.words.label);
      const source = tx.get(TEMPLATES, options.templateId);
      if (source === undefined) {
        throw missing({ noun: "virtual machine template", label: "TEMPLATE" }, options.templateId);
      }
      authorize(actor, source, "USE", "TEMPLATE");
      const nics = vectorsOf(router.template, "NIC").map(nicForVm);
      const text = {
        ...mergeInstantiation(source.template, options.extra ?? {}),
        ...severalOrOne("NIC", nics),
      };
      const first = router.vmIds.length;
      const made = Array.from({ length: options.count }, (_, position) => {
        const name = options.name || `vr-${router.name}-${first + position}`;
        return this.#maker.make(tx, actor, text, { name, hold: options.hold === true, source, routerId: id })
          .id;
      });
      tx.put(ROUTERS, {
        ...router,
        vmIds: [...router.vmIds, ...made],
        template: { ...router.template, TEMPLATE_ID: String(source.id) },
      });
      return made;
    });
  }
}

/** The router's own interfaces: floating ones take the address that its VMs share. */
function routerNics(tx: Transaction, actor: Actor, routerId: number, asked: readonly Vector[]): Template {
  const nics = asked.map((nic, position): Vector => {
    const network = findNetwork(tx, actor, nic);
    const numbered = { ...nic, NIC_ID: String(position) };
    if (network === undefined) return numbered;
    authorize(actor, network, "USE", "NET");
    const named = { ...numbered, NETWORK: network.name, NETWORK_ID: String(network.id) };
    if (!isFloating(nic)) return named;
    const { IP, ...unaddressed } = named as Vector;
    const lease = takeLease(tx, network.id, { kind: "router", id: routerId }, { ip: IP });
    const { IP: ip, MAC: mac, IP6_GLOBAL: ip6 } = lease.addresses;
    return {
      ...unaddressed,
      AR_ID: String(lease.rangeId),
      ...(ip === undefined ? {} : { VROUTER_IP: ip }),
      ...(ip6 === undefined ? {} : { VROUTER_IP6_GLOBAL: ip6 }),
      ...(mac === undefined ? {} : { VROUTER_MAC: mac }),
    };
  });
  return severalOrOne("NIC", nics);
}

/** A VM's copy of a router interface: it takes an address of its own, and knows the shared one. */
function nicForVm(nic: Vector): Vector {
  const { NIC_ID: _id, AR_ID: _range, ...rest } = nic;
  return rest;
}

/** The router's lease, in the form in which a NIC names one. */
function floatingAddress(nic: Vector): Vector {
  const { VROUTER_MAC, VROUTER_IP, ...rest } = nic;
  return {
    ...rest,
    ...(VROUTER_MAC === undefined ? {} : { MAC: VROUTER_MAC }),
    ...(VROUTER_IP === undefined ? {} : { IP: VROUTER_IP }),
  };
}

function severalOrOne(name: string, vectors: readonly Vector[]): Template {
  const [only] = vectors;
  if (only === undefined) return {};
  return { [name]: vectors.length === 1 ? only : vectors };
}
