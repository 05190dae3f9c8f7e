/** What pools of templates do alike, whatever is made of them: a name, an owner and a text that may be kept, copied and deleted. */

import { epochSeconds } from "../../../shared/clock.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import { appendTemplate } from "../../../shared/template/edit.ts";
import { stringOf, type Template } from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Actor } from "../actor.ts";
import type { VmTemplate } from "../model.ts";
import { authorize, DEFAULT_MODE } from "../permissions.ts";
import type { UpdateMode } from "../pools/pool.ts";
import { checkName } from "./names.ts";
import { OwnedObjects, ownedBy } from "./pool.ts";

/** Templates of VMs and of networks are kept in the same fields. */
export abstract class TextTemplates extends OwnedObjects<VmTemplate> {
  /** May this actor put such a text in the place of `current`? @throws GatehouseError `forbidden` */
  protected abstract checkChange(actor: Actor, given: Template, current: Template): void;

  async allocate(actor: Actor, template: Template): Promise<number> {
    const name = checkName(stringOf(template, "NAME") ?? "");
    const { NAME: _, ...rest } = template;
    return await this.context.registry.transact((tx) => this.#insert(tx, actor, name, rest));
  }

  async update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void> {
    await this.edit(actor, id, "MANAGE", (object) => {
      const updated = mode === "append" ? appendTemplate(object.template, template) : template;
      this.checkChange(actor, updated, object.template);
      return { ...object, template: updated };
    });
  }

  async delete(actor: Actor, id: number): Promise<void> {
    await this.context.registry.transact((tx) => {
      authorize(actor, this.require(tx, id), "MANAGE", this.words.label);
      tx.delete(this.kind, id);
    });
  }

  /** An administrator's text in other hands is as good as it was; it takes no right but USE. */
  async clone(actor: Actor, id: number, name: string): Promise<number> {
    checkName(name);
    return await this.context.registry.transact((tx) => {
      const source = this.require(tx, id);
      authorize(actor, source, "USE", this.words.label);
      if (source.name === name && source.uid === actor.uid) {
        throw new GatehouseError("conflict", `NAME is already taken by ${this.words.label} ${source.id}.`);
      }
      return this.#insert(tx, actor, name, source.template);
    });
  }

  #insert(tx: Transaction, actor: Actor, name: string, template: Template): number {
    return tx.insert(this.kind, (id) => ({
      id,
      ...ownedBy(tx, actor),
      name,
      mode: DEFAULT_MODE,
      registrationTime: epochSeconds(this.context.clock),
      template,
    })).id;
  }
}
