/** What the life cycle offers to the HTTP API, to OneGate and to the auto-scaler. */

import type { Actor } from "../../cloud/actor.ts";
import type { Document } from "../../cloud/model.ts";
import type { Ownership, PermissionBits } from "../../cloud/pools/pool.ts";
import type { ServiceCommand } from "../lifecycle/events.ts";
import type { ServiceTemplateBody } from "../model.ts";

/** An action on the VMs of a role at times to come (spec oneflow-api.md 3, "Schedule actions"). */
export interface RoleSchedule {
  readonly action: string;
  readonly args?: string | undefined;
  /** Seconds between groups of `number` VMs; undefined: as configured. */
  readonly period?: number | undefined;
  readonly number?: number | undefined;
}

export interface OneFlow {
  /**
   * Makes a service of the actor out of a template that is merged and checked, and takes it up. Resolves, with the
   * document as it was made (state PENDING), once that is durable.
   */
  instantiate(actor: Actor, template: ServiceTemplateBody): Promise<Document>;
  /**
   * Resolves once the command is taken and durable, not when it is carried out.
   * @throws GatehouseError `not_found`, `forbidden` (MANAGE is needed), `conflict` ("Service cannot be scaled in state:
   *   COOLDOWN"), `bad_request`: the sentences of spec oneflow-api.md 3.
   */
  command(actor: Actor, serviceId: number, command: ServiceCommand): Promise<void>;
  /** The document and its VMs; those done are put back when one refuses. */
  chown(actor: Actor, serviceId: number, owner: Ownership): Promise<void>;
  rename(actor: Actor, serviceId: number, name: string): Promise<void>;
  chmod(actor: Actor, serviceId: number, bits: PermissionBits): Promise<void>;
  /** `role` undefined: every role. */
  schedule(actor: Actor, serviceId: number, role: string | undefined, schedule: RoleSchedule): Promise<void>;
  unschedule(actor: Actor, serviceId: number, role: string | undefined, actionId: number): Promise<void>;
  /** Removes services in DONE that the actor may manage; returns how many. */
  purgeDone(actor: Actor): Promise<number>;
  /** Resolves when no service has anything under way in this process: no effect running, no event waiting. For tests. */
  settled(): Promise<void>;
  close(): Promise<void>;
}
