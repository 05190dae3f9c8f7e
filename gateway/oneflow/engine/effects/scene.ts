/** What an effect is done with: the service as it is at that moment, and the cloud. */

import { errorText, GatehouseError, isGatehouseError } from "../../../../shared/errors.ts";
import type { Logger } from "../../../../shared/log.ts";
import { type Actor, SYSTEM } from "../../../cloud/actor.ts";
import type { Cloud } from "../../../cloud/cloud.ts";
import type { Document, Owned } from "../../../cloud/model.ts";
import type { Ownership } from "../../../cloud/pools/pool.ts";
import type { VmSight } from "../../lifecycle/events.ts";
import type { Role, ServiceBody, ServiceNode } from "../../model.ts";
import type { OneFlowSettings } from "../../settings.ts";
import type { Patience } from "../attempt.ts";

export interface Scene {
  readonly serviceId: number;
  readonly document: Document;
  readonly body: ServiceBody;
  /** Whose VMs, networks and routers these are. */
  readonly owner: Actor;
}

export interface Tools {
  readonly cloud: Cloud;
  readonly log: Logger;
  readonly settings: Pick<OneFlowSettings, "vmNameTemplate" | "vrNameTemplate">;
  readonly patience: Patience;
  /** From here on what happens to the VM is told to the service; gives the VM as it is now. */
  adopt(serviceId: number, vmId: number): Promise<{ readonly node: ServiceNode; readonly sight: VmSight }>;
  /** The newest that is known of a VM of the service. */
  see(serviceId: number, sight: VmSight): void;
}

/** @throws GatehouseError `not_found`: it went while the effect waited its turn. */
export function roleOf({ body }: Pick<Scene, "body">, name: string): Role {
  const role = body.roles.find((candidate) => candidate.name === name);
  if (role === undefined) throw new GatehouseError("not_found", `Role ${name} does not exist`);
  return role;
}

/**
 * Whoever may write the document of an administrator's service may name any router or network there.
 * @throws GatehouseError `forbidden` for what is not the owner's
 */
export async function refuseForeign(
  pool: { get(actor: Actor, id: number): Promise<Pick<Owned, "uid">> },
  { owner }: Scene,
  id: number,
): Promise<void> {
  const { uid } = await pool.get(SYSTEM, id);
  if (uid !== owner.uid)
    throw new GatehouseError("forbidden", `${id} belongs to user ${uid}, and not to the service's owner.`);
}

/** The service may have been given away while something was made for it. */
export async function followOwner(
  pool: { chown(actor: Actor, id: number, owner: Ownership): Promise<void> },
  id: number,
  { serviceId, document, owner }: Scene,
  { cloud, log }: Pick<Tools, "cloud" | "log">,
): Promise<void> {
  const now = cloud.documents.peek(SYSTEM, serviceId) ?? document;
  if (now.uid === owner.uid) return;
  await pool.chown(SYSTEM, id, { uid: now.uid, gid: now.gid }).catch((err: unknown) => {
    log.error({ serviceId, id, err }, "What was made for a service could not follow it to a new owner");
  });
}

/** Why a call failed, as OpenNebula's clients tell it: `[one.vm.action] User [3] : Not authorized ...`. */
export class CallFailure extends Error {
  constructor(call: string, cause: unknown) {
    super(`[${call}] ${isGatehouseError(cause) ? cause.message : "Internal error."}`, { cause });
    this.name = "CallFailure";
  }
}

/** Gives the name of the core's call to whatever the work throws. @throws CallFailure. */
export async function calling<T>(call: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isGatehouseError(error)) throw new CallFailure(call, error);
    throw error;
  }
}

/** The sentence for the service's log; what is not written for people stays in the house's own log. */
export function reasonOf(error: unknown, { log }: Pick<Tools, "log">, serviceId: number): string {
  if (error instanceof CallFailure) return error.message;
  if (isGatehouseError(error)) return error.message;
  log.error(
    { serviceId, err: error, reason: errorText(error) },
    "Work for a service failed for a reason of ours",
  );
  return "Internal error.";
}
