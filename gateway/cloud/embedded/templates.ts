/** VM templates of the embedded cloud. */

import { epochSeconds } from "../../../shared/clock.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import { appendTemplate } from "../../../shared/template/edit.ts";
import { stringOf, type Template } from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Actor, TemplatePool, UpdateMode } from "../cloud.ts";
import type { VmTemplate } from "../model.ts";
import { authorize, DEFAULT_MODE } from "../permissions.ts";
import { TEMPLATES } from "./kinds.ts";
import { checkName } from "./names.ts";
import { OwnedObjects, ownedBy, type PoolContext } from "./pool.ts";
import { mergeInstantiation } from "./vm-attributes.ts";
import type { VmMaker } from "./vm-maker.ts";

export class Templates extends OwnedObjects<VmTemplate> implements TemplatePool {
  readonly #maker: VmMaker;

  constructor(context: PoolContext, maker: VmMaker) {
    super(context, TEMPLATES, { noun: "virtual machine template", label: "TEMPLATE" });
    this.#maker = maker;
  }

  async allocate(actor: Actor, template: Template): Promise<number> {
    const name = checkName(stringOf(template, "NAME") ?? "");
    const { NAME: _, ...rest } = template;
    return await this.context.registry.transact((tx) => this.#insert(tx, actor, name, rest));
  }

  async update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void> {
    await this.edit(actor, id, "MANAGE", (object) => ({
      ...object,
      template: mode === "append" ? appendTemplate(object.template, template) : template,
    }));
  }

  async delete(actor: Actor, id: number): Promise<void> {
    await this.context.registry.transact((tx) => {
      authorize(actor, this.require(tx, id), "MANAGE", this.words.label);
      tx.delete(TEMPLATES, id);
    });
  }

  async clone(actor: Actor, id: number, name: string): Promise<number> {
    checkName(name);
    return await this.context.registry.transact((tx) => {
      const source = this.require(tx, id);
      authorize(actor, source, "USE", this.words.label);
      if (source.name === name && source.uid === actor.uid) {
        throw new GatehouseError("conflict", `NAME is already taken by TEMPLATE ${source.id}.`);
      }
      return this.#insert(tx, actor, name, source.template);
    });
  }

  async instantiate(
    actor: Actor,
    id: number,
    options: { name?: string; hold?: boolean; extra?: Template; routerId?: number },
  ): Promise<number> {
    return await this.context.registry.transact((tx) => {
      const source = this.require(tx, id);
      authorize(actor, source, "USE", this.words.label);
      const text = mergeInstantiation(source.template, options.extra ?? {});
      const name = options.name || stringOf(options.extra ?? {}, "NAME") || `${source.name}-%i`;
      return this.#maker.make(tx, actor, text, {
        name,
        hold: options.hold === true,
        source,
        routerId: options.routerId,
      }).id;
    });
  }

  #insert(tx: Transaction, actor: Actor, name: string, template: Template): number {
    return tx.insert(TEMPLATES, (id) => ({
      id,
      ...ownedBy(tx, actor),
      name,
      mode: DEFAULT_MODE,
      registrationTime: epochSeconds(this.context.clock),
      template,
    })).id;
  }
}
