/** A cloud's VM templates. */

import type { Template } from "../../../shared/template/types.ts";
import type { Actor } from "../actor.ts";
import type { VmTemplate } from "../model.ts";
import type { TextTemplatePool } from "./pool.ts";

export interface TemplatePool extends TextTemplatePool<VmTemplate> {
  /**
   * USE on the template is enough. Every name in `extra` replaces all values of that name, vectors and arrays as a
   * whole, as one.template.instantiate does; `name` may hold %i for the VM's id. Returns the VM id.
   */
  instantiate(
    actor: Actor,
    id: number,
    options: { name?: string; hold?: boolean; extra?: Template; routerId?: number },
  ): Promise<number>;
}
