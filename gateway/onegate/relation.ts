/** Which other VMs a guest may address: those of its own service, or else of its own router (spec onegate-api.md 4.1). */

import { GatehouseError, isGatehouseError } from "../../shared/errors.ts";
import { stringOf } from "../../shared/template/types.ts";
import type { Actor } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { Router, Vm } from "../cloud/model.ts";
import { exactId } from "../http/ids.ts";
import type { ServiceDirectory, ServiceView } from "../oneflow/directory.ts";
import type { Guest } from "./authenticate.ts";

export interface Relations {
  /** The guest's service, which does hold it. @throws GatehouseError `bad_request`, `not_found`. */
  serviceOf(guest: Guest): Promise<ServiceView>;
  /** The same without waiting, where the cloud has it in memory; undefined says nothing yet. */
  peekService(guest: Guest): ServiceView | undefined;
  /** The guest's router, which does hold it. @throws GatehouseError `bad_request`, `not_found`. */
  routerOf(guest: Guest): Promise<Router>;
  /** Passes when the guest may address the VM. @throws GatehouseError `bad_request`, `not_found`. */
  checkReach(guest: Guest, vmId: number): Promise<void>;
  /** A VM within reach, read as the guest's owner. @throws GatehouseError `bad_request`, `not_found`. */
  reach(guest: Guest, vmId: number): Promise<Vm>;
}

export function createRelations(
  cloud: Pick<Cloud, "vms" | "routers">,
  services: ServiceDirectory,
): Relations {
  const serviceOf = async (guest: Guest): Promise<ServiceView> => {
    const service = await services.find(guest.owner, groupId(guest.vm.userTemplate, "SERVICE_ID"));
    checkServiceHolds(service, guest.vm.id);
    return service;
  };
  const peekService = (guest: Guest): ServiceView | undefined => {
    const id = exactId(stringOf(guest.vm.userTemplate, "SERVICE_ID") ?? "");
    const service = id === undefined ? undefined : services.peek(guest.owner, id);
    return service?.vmIds.has(guest.vm.id) ? service : undefined;
  };
  const routerOf = async (guest: Guest): Promise<Router> => {
    const router = await readRouter(cloud, guest.owner, groupId(guest.vm.template, "VROUTER_ID"));
    checkRouterHolds(router, guest.vm.id);
    return router;
  };
  const checkReach = async (guest: Guest, vmId: number): Promise<void> => {
    if (vmId === guest.vm.id) return;
    if (guest.vm.userTemplate.SERVICE_ID !== undefined) {
      checkServiceHolds(await serviceOf(guest), vmId);
    } else if (guest.vm.template.VROUTER_ID !== undefined) {
      checkRouterHolds(await routerOf(guest), vmId);
    } else {
      throw new GatehouseError(
        "bad_request",
        "This VM does not belong to any Virtual Router or Service, so it cannot retrieve information from other VMs",
      );
    }
  };
  const reach = async (guest: Guest, vmId: number): Promise<Vm> => {
    await checkReach(guest, vmId);
    return readVm(cloud, guest.owner, vmId);
  };
  return { serviceOf, peekService, routerOf, checkReach, reach };
}

/** A VM as its owner sees it. @throws GatehouseError `not_found` when it is gone, or not the owner's to see. */
async function readVm(cloud: Pick<Cloud, "vms">, owner: Actor, vmId: number): Promise<Vm> {
  try {
    return await cloud.vms.get(owner, vmId);
  } catch (error) {
    if (isUnreadable(error))
      throw new GatehouseError("not_found", `[one.vm.info] ${error.message}`, { cause: error });
    throw error;
  }
}

/** True when an object is not there for this reader. */
export function isUnreadable(error: unknown): error is GatehouseError {
  return isGatehouseError(error) && (error.code === "not_found" || error.code === "forbidden");
}

function groupId(template: Vm["template"], name: "SERVICE_ID" | "VROUTER_ID"): number {
  const id = exactId(stringOf(template, name)?.trim() ?? "");
  if (id === undefined) throw new GatehouseError("bad_request", `Empty or invalid ${name}`);
  return id;
}

async function readRouter(cloud: Pick<Cloud, "routers">, owner: Actor, id: number): Promise<Router> {
  try {
    return await cloud.routers.get(owner, id);
  } catch (cause) {
    if (isUnreadable(cause))
      throw new GatehouseError("not_found", `Virtual router ${id} not found`, { cause });
    throw cause;
  }
}

function checkServiceHolds(service: ServiceView, vmId: number): void {
  if (service.vmIds.size === 0) throw new GatehouseError("bad_request", `Service ${service.id} is empty.`);
  if (service.vmIds.has(vmId)) return;
  throw new GatehouseError("bad_request", `Service ${service.id} does not contain VM ${vmId}.`);
}

function checkRouterHolds(router: Router, vmId: number): void {
  if (router.vmIds.length === 0)
    throw new GatehouseError("bad_request", `Virtual router ${router.id} is empty.`);
  if (router.vmIds.includes(vmId)) return;
  throw new GatehouseError("bad_request", `Virtual Router ${router.id} does not contain VM ${vmId}.`);
}
