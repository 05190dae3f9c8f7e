/** Virtual routers: a set of VMs that share floating addresses. */

import { GatehouseError } from "../../../shared/errors.ts";
import { appendTemplate } from "../../../shared/template/edit.ts";
import { stringOf, type Template, vectorsOf } from "../../../shared/template/types.ts";
import type { Actor } from "../actor.ts";
import type { Router } from "../model.ts";
import { authorize, DEFAULT_MODE } from "../permissions.ts";
import type { RouterPool } from "../pools/network-pools.ts";
import type { UpdateMode } from "../pools/pool.ts";
import { ROUTERS, TEMPLATES } from "./kinds.ts";
import { checkName } from "./names.ts";
import { refuseRestricted } from "./nics.ts";
import { missing, OwnedObjects, ownedBy, type PoolContext } from "./pool.ts";
import { nicForVm, releaseFloating, routerNic, routerNics, withNics } from "./router-nics.ts";
import { mergeInstantiation } from "./vm-attributes.ts";
import type { VmMaker } from "./vm-maker.ts";
import type { Vms } from "./vms.ts";

/** A router's VMs at once; an HA pair is two. */
const MAX_INSTANCES = 1_000;

/** A VRRP group has one byte, and 0 is none. */
const MAX_KEEPALIVED_ID = 255;

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
    refuseRestricted(actor, { NIC: vectorsOf(rest, "NIC") });
    return await this.context.registry.transact((tx) => {
      const router = tx.insert(ROUTERS, (id) => ({
        id,
        ...ownedBy(tx, actor),
        name,
        mode: DEFAULT_MODE,
        vmIds: [],
        template: withNics(rest, routerNics(tx, actor, id, vectorsOf(rest, "NIC"))),
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

  async attachNic(actor: Actor, id: number, template: Template): Promise<number> {
    const [asked, second] = vectorsOf(template, "NIC");
    if (asked === undefined || second !== undefined)
      throw new GatehouseError("bad_request", "The template must hold one NIC = [ ... ].");
    refuseRestricted(actor, { NIC: asked });
    let nicId = -1;
    await this.edit(actor, id, "MANAGE", (router, tx) => {
      const nics = vectorsOf(router.template, "NIC");
      nicId = Math.max(-1, ...nics.map((nic) => Number(nic.NIC_ID))) + 1;
      const nic = routerNic(tx, actor, id, asked, nicId);
      for (const vmId of router.vmIds) this.#vms.plug(tx, actor, vmId, nicForVm(nic), nicId);
      return { ...router, template: withNics(router.template, [...nics, nic]) };
    });
    return nicId;
  }

  async detachNic(actor: Actor, id: number, nicId: number): Promise<void> {
    await this.edit(actor, id, "MANAGE", (router, tx) => {
      const nics = vectorsOf(router.template, "NIC");
      const removed = nics.find((nic) => Number(nic.NIC_ID) === nicId);
      if (removed === undefined)
        throw new GatehouseError(
          "not_found",
          `NIC with NIC_ID ${nicId} does not exist in the virtual router ${id}.`,
        );
      releaseFloating(tx, id, removed);
      for (const vmId of router.vmIds) this.#vms.unplug(tx, vmId, nicId);
      const left = nics.filter((nic) => nic !== removed);
      return { ...router, template: withNics(router.template, left) };
    });
  }

  async delete(actor: Actor, id: number): Promise<void> {
    await this.context.registry.transact((tx) => {
      const router = this.require(tx, id);
      authorize(actor, router, "MANAGE", this.words.label);
      for (const nic of vectorsOf(router.template, "NIC")) releaseFloating(tx, id, nic);
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
      const merged = mergeInstantiation(source.template, options.extra ?? {});
      const text = { ...(nics.length > 0 ? withNics(merged, nics) : merged), ...keepalived(router) };
      const first = router.vmIds.length;
      const pattern = options.name || `vr-${router.name}-%i`;
      const made = Array.from({ length: options.count }, (_, position) => {
        const name = pattern.replaceAll("%i", String(first + position));
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

/** What its VMs elect their master by, when there are several: the router's own, or made of its id (recorded: 1 of router 0). */
function keepalived({ id, template }: Router): Template {
  const own = Number(stringOf(template, "KEEPALIVED_ID"));
  const isRight = Number.isSafeInteger(own) && own >= 1 && own <= MAX_KEEPALIVED_ID;
  const password = stringOf(template, "KEEPALIVED_PASSWORD");
  return {
    VROUTER_KEEPALIVED_ID: String(isRight ? own : (id % MAX_KEEPALIVED_ID) + 1),
    ...(password && { VROUTER_KEEPALIVED_PASSWORD: password }),
  };
}
