/** Groups of an OpenNebula, and its groups of VMs, which are only read. */

import type { Template } from "../../../shared/template/types.ts";
import { type Actor, SYSTEM } from "../actor.ts";
import type { Group, VmGroup } from "../model.ts";
import { isAdmin } from "../permissions.ts";
import type { UpdateMode } from "../pools/pool.ts";
import type { GroupPool } from "../pools/user-pools.ts";
import { recipeKey } from "./makes.ts";
import { OwnedRemotePool, RemotePool } from "./pool.ts";
import { ALL } from "./pool-look.ts";
import { templateText, updateType } from "./template-text.ts";

export class RemoteGroups extends RemotePool<Group> implements GroupPool {
  protected maySee(actor: Actor, group: Group): boolean {
    return isAdmin(actor) || actor.gids.includes(group.id);
  }

  override async list(actor: Actor): Promise<readonly Group[]> {
    return await this.objects.list(actor, ALL);
  }

  async allocate(actor: Actor, name: string): Promise<number> {
    return await this.made({
      key: recipeKey("group", actor.uid, name),
      call: () => this.tools.core.make(actor, "one.group.allocate", name),
      find: async (isCandidate) =>
        (await this.objects.list(SYSTEM, ALL)).find((one) => one.name === name && isCandidate(one.id))?.id,
    });
  }

  async update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void> {
    await this.doTo(actor, id, "update", templateText(template), updateType(mode));
  }

  async delete(actor: Actor, id: number): Promise<void> {
    await this.end(actor, id);
  }
}

export class RemoteVmGroups extends OwnedRemotePool<VmGroup> {}
