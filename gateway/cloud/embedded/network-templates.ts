/** Network templates of the embedded cloud: administrators make them, and whoever may use one has networks made of it. */

import { epochSeconds } from "../../../shared/clock.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import { appendTemplate } from "../../../shared/template/edit.ts";
import { stringOf, type Template } from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Actor, NetworkTemplatePool, UpdateMode } from "../cloud.ts";
import type { NetworkTemplate } from "../model.ts";
import { authorize, authorizeAdmin, DEFAULT_MODE } from "../permissions.ts";
import { restrictedChange, VNET_RESTRICTED } from "../restricted.ts";
import { NETWORK_TEMPLATES } from "./kinds.ts";
import { checkName } from "./names.ts";
import { makeNetwork, readNetwork } from "./network-maker.ts";
import { OwnedObjects, ownedBy, type PoolContext } from "./pool.ts";
import { mergeInstantiation } from "./vm-attributes.ts";

export class NetworkTemplates extends OwnedObjects<NetworkTemplate> implements NetworkTemplatePool {
  constructor(context: PoolContext) {
    super(context, NETWORK_TEMPLATES, { noun: "virtual network template", label: "VNTEMPLATE" });
  }

  async allocate(actor: Actor, template: Template): Promise<number> {
    authorizeAdmin(actor, "CREATE", this.words.label);
    const name = checkName(stringOf(template, "NAME") ?? "");
    const { NAME: _, ...rest } = template;
    return await this.context.registry.transact((tx) => this.#insert(tx, actor, name, rest));
  }

  async update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void> {
    await this.edit(actor, id, "MANAGE", (object) => {
      const updated = mode === "append" ? appendTemplate(object.template, template) : template;
      refuseRestricted(actor, updated, object.template);
      return { ...object, template: updated };
    });
  }

  async delete(actor: Actor, id: number): Promise<void> {
    await this.context.registry.transact((tx) => {
      authorize(actor, this.require(tx, id), "MANAGE", this.words.label);
      tx.delete(NETWORK_TEMPLATES, id);
    });
  }

  /** An administrator's text in other hands is as good as it was; it takes no right but USE, as for VM templates. */
  async clone(actor: Actor, id: number, name: string): Promise<number> {
    checkName(name);
    return await this.context.registry.transact((tx) => {
      const source = this.require(tx, id);
      authorize(actor, source, "USE", this.words.label);
      if (source.name === name && source.uid === actor.uid) {
        throw new GatehouseError("conflict", `NAME is already taken by VNTEMPLATE ${source.id}.`);
      }
      return this.#insert(tx, actor, name, source.template);
    });
  }

  async instantiate(
    actor: Actor,
    id: number,
    { name, extra = {} }: { readonly name?: string; readonly extra?: Template },
  ): Promise<number> {
    return await this.context.registry.transact((tx) => {
      const source = this.require(tx, id);
      authorize(actor, source, "USE", this.words.label);
      refuseRestricted(actor, extra, source.template);
      const chosen = name || stringOf(extra, "NAME") || source.name;
      const text = mergeInstantiation(source.template, extra);
      return makeNetwork(tx, actor, { ...readNetwork({ ...text, NAME: chosen }), sourceId: id });
    });
  }

  #insert(tx: Transaction, actor: Actor, name: string, template: Template): number {
    return tx.insert(NETWORK_TEMPLATES, (id) => ({
      id,
      ...ownedBy(tx, actor),
      name,
      mode: DEFAULT_MODE,
      registrationTime: epochSeconds(this.context.clock),
      template,
    })).id;
  }
}

/** What would choose the wire. @throws GatehouseError `forbidden`. */
function refuseRestricted(actor: Actor, given: Template, current: Template): void {
  const name = restrictedChange(actor, given, current, VNET_RESTRICTED);
  if (name === undefined) return;
  throw new GatehouseError("forbidden", `Template includes a restricted attribute ${name}.`);
}
