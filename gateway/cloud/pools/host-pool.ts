/** A cloud's hosts. */

import type { Template } from "../../../shared/template/types.ts";
import type { Actor } from "../actor.ts";
import type { Host } from "../model.ts";
import type { Pool, UpdateMode } from "./pool.ts";

export interface HostPool extends Pool<Host> {
  allocate(actor: Actor, host: { name: string; imMad: string; vmMad: string }): Promise<number>;
  rename(actor: Actor, id: number, name: string): Promise<void>;
  update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void>;
  setState(actor: Actor, id: number, state: "enabled" | "disabled" | "offline"): Promise<void>;
  delete(actor: Actor, id: number): Promise<void>;
}
