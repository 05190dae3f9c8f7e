/** Network templates of the embedded cloud: administrators make them, and whoever may use one has networks made of it. */

import { GatehouseError } from "../../../shared/errors.ts";
import { stringOf, type Template } from "../../../shared/template/types.ts";
import type { Actor } from "../actor.ts";
import { authorize, authorizeAdmin } from "../permissions.ts";
import type { NetworkTemplatePool } from "../pools/network-pools.ts";
import { restrictedChange, VNET_RESTRICTED } from "../restricted.ts";
import { NETWORK_TEMPLATES } from "./kinds.ts";
import { makeNetwork, readNetwork } from "./network-maker.ts";
import type { PoolContext } from "./pool.ts";
import { TextTemplates } from "./text-templates.ts";
import { mergeInstantiation } from "./vm-attributes.ts";

export class NetworkTemplates extends TextTemplates implements NetworkTemplatePool {
  constructor(context: PoolContext) {
    super(context, NETWORK_TEMPLATES, { noun: "virtual network template", label: "VNTEMPLATE" });
  }

  override async allocate(actor: Actor, template: Template): Promise<number> {
    authorizeAdmin(actor, "CREATE", this.words.label);
    return await super.allocate(actor, template);
  }

  async instantiate(
    actor: Actor,
    id: number,
    { name, extra = {} }: { readonly name?: string; readonly extra?: Template },
  ): Promise<number> {
    return await this.context.registry.transact((tx) => {
      const source = this.require(tx, id);
      authorize(actor, source, "USE", this.words.label);
      this.checkChange(actor, extra, source.template);
      const chosen = name || stringOf(extra, "NAME") || source.name;
      const text = mergeInstantiation(source.template, extra);
      return makeNetwork(tx, actor, { ...readNetwork({ ...text, NAME: chosen }), sourceId: id });
    });
  }

  /** What would choose the wire. @throws GatehouseError `forbidden`. */
  protected checkChange(actor: Actor, given: Template, current: Template): void {
    const name = restrictedChange(actor, given, current, VNET_RESTRICTED);
    if (name === undefined) return;
    throw new GatehouseError("forbidden", `Template includes a restricted attribute ${name}.`);
  }
}
