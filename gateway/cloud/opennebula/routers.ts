/** Virtual routers of an OpenNebula. */

import { GatehouseError } from "../../../shared/errors.ts";
import { stringOf, type Template, vectorsOf } from "../../../shared/template/types.ts";
import type { Actor } from "../actor.ts";
import type { Router } from "../model.ts";
import type { RouterPool } from "../pools/network-pools.ts";
import type { UpdateMode } from "../pools/pool.ts";
import { recipeKey } from "./makes.ts";
import type { Objects } from "./objects.ts";
import { OwnedRemotePool, type PoolTools } from "./pool.ts";
import { seenAfter } from "./refusals.ts";
import { templateText, updateType } from "./template-text.ts";
import type { RemoteVms } from "./vms.ts";

/** As the embedded cloud has it: more in one call is a mistake. */
const MAX_COUNT = 1_000;

interface Instantiation {
  readonly count: number;
  readonly templateId: number;
  readonly name?: string;
  readonly hold?: boolean;
  readonly extra?: Template;
}

export class RemoteRouters extends OwnedRemotePool<Router> implements RouterPool {
  readonly #vms: RemoteVms;

  constructor(tools: PoolTools, objects: Objects<Router>, vms: RemoteVms) {
    super(tools, objects, "vrouter");
    this.#vms = vms;
  }

  async allocate(actor: Actor, template: Template): Promise<number> {
    const text = templateText(template);
    const name = stringOf(template, "NAME");
    return await this.made({
      key: recipeKey("vrouter", actor.uid, "allocate", text),
      call: () => this.tools.core.make(actor, "one.vrouter.allocate", text),
      find: (isCandidate) => this.findMine(actor, isCandidate, (router) => router.name === name),
    });
  }

  async update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void> {
    await this.doTo(actor, id, "update", templateText(template), updateType(mode));
  }

  /** The core gives no id for it: it is the one that was not there before. */
  async attachNic(actor: Actor, id: number, template: Template): Promise<number> {
    return await this.#inTurn(id, async () => {
      const before = nicIds(await this.objects.get(actor, id));
      await this.doTo(actor, id, "attachnic", templateText(template));
      const router = await seenAfter("one.vrouter.attachnic", () => this.objects.get(actor, id));
      await this.#vms.lookAgain(router.vmIds);
      const added = nicIds(router).find((nic) => !before.includes(nic));
      if (added === undefined)
        throw new GatehouseError("wrong_state", `Router ${id} did not take the interface.`);
      return added;
    });
  }

  async detachNic(actor: Actor, id: number, nicId: number): Promise<void> {
    await this.doTo(actor, id, "detachnic", nicId);
    await this.#vms.lookAgain(this.objects.sight.known(id)?.vmIds ?? []);
  }

  async delete(actor: Actor, id: number): Promise<void> {
    const vmIds = this.objects.sight.known(id)?.vmIds ?? [];
    await this.end(actor, id);
    await this.#vms.lookAgain(vmIds);
  }

  /** The core gives the router's id: its VMs are those that it did not have before. */
  async instantiate(actor: Actor, id: number, options: Instantiation): Promise<readonly number[]> {
    const { count, templateId, name = "", hold = false, extra = {} } = options;
    if (!Number.isSafeInteger(count) || count < 1 || count > MAX_COUNT)
      throw new GatehouseError("bad_request", `A router's VMs are a number from 1 to ${MAX_COUNT}.`);
    const text = templateText(extra);
    return await this.#inTurn(id, async () => {
      await this.tools.ready();
      const before = new Set((await this.objects.get(actor, id)).vmIds);
      const newOnes = async () =>
        (await this.objects.get(actor, id)).vmIds.filter((vmId) => !before.has(vmId));
      const made = await this.tools.makes.once({
        key: recipeKey("vm", actor.uid, "vrouter", id, count, templateId, name, hold, text),
        highest: () => Math.max(-1, ...before),
        call: async () => {
          await this.tools.core.write(
            actor,
            "one.vrouter.instantiate",
            id,
            count,
            templateId,
            name,
            hold,
            text,
          );
          return await seenAfter("one.vrouter.instantiate", newOnes);
        },
        find: async (isCandidate) => {
          const { vmIds } = await this.objects.get(actor, id);
          const found = vmIds.filter(isCandidate);
          return found.length === count ? found : undefined;
        },
        idsOf: (vmIds) => vmIds,
      });
      await this.objects.refresh(id);
      await this.#vms.lookAgain(made);
      return made;
    });
  }

  async #inTurn<T>(id: number, work: () => Promise<T>): Promise<T> {
    return await this.tools.turns.run(`vrouter ${id}`, work);
  }
}

function nicIds({ template }: Router): readonly number[] {
  return vectorsOf(template, "NIC").flatMap(({ NIC_ID }) => (NIC_ID === undefined ? [] : [Number(NIC_ID)]));
}
