/** VM templates of the embedded cloud. */

import { stringOf, type Template } from "../../../shared/template/types.ts";
import type { Actor } from "../actor.ts";
import { authorize } from "../permissions.ts";
import type { TemplatePool } from "../pools/template-pool.ts";
import { TEMPLATES } from "./kinds.ts";
import type { PoolContext } from "./pool.ts";
import { TextTemplates } from "./text-templates.ts";
import { mergeInstantiation } from "./vm-attributes.ts";
import type { VmMaker } from "./vm-maker.ts";

export class Templates extends TextTemplates implements TemplatePool {
  readonly #maker: VmMaker;

  constructor(context: PoolContext, maker: VmMaker) {
    super(context, TEMPLATES, { noun: "virtual machine template", label: "TEMPLATE" });
    this.#maker = maker;
  }

  /** What a text may hold is looked at when a VM is made of it. */
  protected checkChange(): void {}

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
}
