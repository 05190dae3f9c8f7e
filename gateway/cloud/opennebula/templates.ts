/** Templates of an OpenNebula: of VMs, and of networks. */

import { stringOf, type Template } from "../../../shared/template/types.ts";
import type { Actor } from "../actor.ts";
import type { NetworkTemplate, VmTemplate } from "../model.ts";
import type { NetworkTemplatePool } from "../pools/network-pools.ts";
import type { UpdateMode } from "../pools/pool.ts";
import type { TemplatePool } from "../pools/template-pool.ts";
import { recipeKey } from "./makes.ts";
import type { RemoteNetworks } from "./networks.ts";
import type { Objects } from "./objects.ts";
import { OwnedRemotePool, type PoolTools } from "./pool.ts";
import { templateText, updateType } from "./template-text.ts";
import type { RemoteVms } from "./vms.ts";

/** What both kinds have. */
class RegisteredPool<T extends VmTemplate> extends OwnedRemotePool<T> {
  async allocate(actor: Actor, template: Template): Promise<number> {
    const text = templateText(template);
    const name = stringOf(template, "NAME");
    return await this.made({
      key: recipeKey(this.object, actor.uid, "allocate", text),
      call: () => this.tools.core.make(actor, `one.${this.object}.allocate`, text),
      find: (isCandidate) => this.findMine(actor, isCandidate, (one) => one.name === name),
    });
  }

  async update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void> {
    await this.doTo(actor, id, "update", templateText(template), updateType(mode));
  }

  async delete(actor: Actor, id: number): Promise<void> {
    await this.end(actor, id);
  }

  async clone(actor: Actor, id: number, name: string): Promise<number> {
    return await this.made({
      key: recipeKey(this.object, actor.uid, "clone", id, name),
      call: () => this.tools.core.make(actor, `one.${this.object}.clone`, id, name),
      find: (isCandidate) => this.findMine(actor, isCandidate, (one) => one.name === name),
    });
  }
}

export class RemoteTemplates extends RegisteredPool<VmTemplate> implements TemplatePool {
  readonly #vms: RemoteVms;

  constructor(tools: PoolTools, objects: Objects<VmTemplate>, vms: RemoteVms) {
    super(tools, objects, "template");
    this.#vms = vms;
  }

  async instantiate(
    actor: Actor,
    id: number,
    { name = "", hold = false, extra = {} }: { name?: string; hold?: boolean; extra?: Template },
  ): Promise<number> {
    const text = templateText(extra);
    const sought = { name: name || stringOf(extra, "NAME"), notes: extra, templateId: id };
    return await this.#vms.makeByTemplate({
      key: recipeKey("vm", actor.uid, "instantiate", id, name, hold, text),
      call: () => this.tools.core.make(actor, "one.template.instantiate", id, name, hold, text, false),
      find: (isCandidate, floor) => this.#vms.findMade(actor, isCandidate, floor, sought),
    });
  }
}

export class RemoteNetworkTemplates extends RegisteredPool<NetworkTemplate> implements NetworkTemplatePool {
  readonly #networks: RemoteNetworks;

  constructor(tools: PoolTools, objects: Objects<NetworkTemplate>, networks: RemoteNetworks) {
    super(tools, objects, "vntemplate");
    this.#networks = networks;
  }

  async instantiate(
    actor: Actor,
    id: number,
    { name = "", extra = {} }: { readonly name?: string; readonly extra?: Template },
  ): Promise<number> {
    const text = templateText(extra);
    const sought = name || stringOf(extra, "NAME");
    return await this.#networks.makeFrom({
      key: recipeKey("vn", actor.uid, "instantiate", id, name, text),
      call: () => this.tools.core.make(actor, "one.vntemplate.instantiate", id, name, text),
      find: (isCandidate) =>
        this.#networks.findNamed(actor, isCandidate, ({ name: found }) => found === sought),
    });
  }
}
