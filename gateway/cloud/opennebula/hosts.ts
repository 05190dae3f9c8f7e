/** Hosts of an OpenNebula. */

import type { Template } from "../../../shared/template/types.ts";
import { type Actor, SYSTEM } from "../actor.ts";
import type { Host } from "../model.ts";
import { authorizeAdmin, isAdmin } from "../permissions.ts";
import type { HostPool } from "../pools/host-pool.ts";
import type { UpdateMode } from "../pools/pool.ts";
import { recipeKey } from "./makes.ts";
import { RemotePool } from "./pool.ts";
import { ALL } from "./pool-look.ts";
import { templateText, updateType } from "./template-text.ts";

/** The numbers of one.host.status. */
const STATUS = { enabled: 0, disabled: 1, offline: 2 } as const;
const DEFAULT_CLUSTER = -1;

export class RemoteHosts extends RemotePool<Host> implements HostPool {
  protected maySee(actor: Actor): boolean {
    return isAdmin(actor);
  }

  /** The core would give others an empty list. */
  override async list(actor: Actor): Promise<readonly Host[]> {
    authorizeAdmin(actor, "USE", "HOST");
    return await this.objects.list(actor, ALL);
  }

  async allocate(actor: Actor, host: { name: string; imMad: string; vmMad: string }): Promise<number> {
    const { name, imMad, vmMad } = host;
    return await this.made({
      key: recipeKey("host", actor.uid, name, imMad, vmMad),
      call: () => this.tools.core.make(actor, "one.host.allocate", name, imMad, vmMad, DEFAULT_CLUSTER),
      find: async (isCandidate) =>
        (await this.objects.list(SYSTEM, ALL)).find((one) => one.name === name && isCandidate(one.id))?.id,
    });
  }

  async rename(actor: Actor, id: number, name: string): Promise<void> {
    await this.doTo(actor, id, "rename", name);
  }

  async update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void> {
    await this.doTo(actor, id, "update", templateText(template), updateType(mode));
  }

  async setState(actor: Actor, id: number, state: "enabled" | "disabled" | "offline"): Promise<void> {
    await this.doTo(actor, id, "status", STATUS[state]);
  }

  async delete(actor: Actor, id: number): Promise<void> {
    await this.end(actor, id);
  }
}
