/** What the life cycle is told of a VM, and how a service's document writes it down. */

import { VM_STATE, vmStateText } from "../../../shared/states/vm.ts";
import { stringOf } from "../../../shared/template/types.ts";
import type { Vm } from "../../cloud/model.ts";
import { vmCondition } from "../lifecycle/condition.ts";
import type { VmSight } from "../lifecycle/events.ts";
import type { ServiceNode } from "../model.ts";

export function sightOf(vm: Vm): VmSight {
  return {
    vmId: vm.id,
    condition: vmCondition(vm.state, vm.lcmState),
    stateName: vmStateText(vm.state, vm.lcmState),
    ready: isReady(vm),
  };
}

/** Of a VM that the cloud does not have any more. */
export function goneSight(vmId: number): VmSight {
  return { vmId, condition: "done", stateName: "DONE", ready: false };
}

const NOT_OWNED = "NOT_OWNED";

/** Of a VM that a service's document names and its owner does not own: nothing of it is told. */
export function strangerSight(vmId: number): VmSight {
  return { vmId, condition: "unknown", stateName: NOT_OWNED, ready: false };
}

export function isStranger(sight: VmSight): boolean {
  return sight.stateName === NOT_OWNED;
}

export function sameSight(one: VmSight, other: VmSight): boolean {
  return one.condition === other.condition && one.stateName === other.stateName && one.ready === other.ready;
}

/** In OpenNebula's own case: `yes` is not READY (spec oneflow-lifecycle.md 4). */
function isReady(vm: Vm): boolean {
  return stringOf(vm.userTemplate, "READY")?.trim() === "YES";
}

export function nodeOf(vm: Vm): ServiceNode {
  return {
    deploy_id: vm.id,
    vm_info: {
      VM: {
        ID: String(vm.id),
        UID: String(vm.uid),
        GID: String(vm.gid),
        UNAME: vm.uname,
        GNAME: vm.gname,
        NAME: vm.name,
      },
    },
  };
}

/** The service that a VM's own notes name, and the role; undefined for other VMs. */
export function belongingOf(vm: Vm): { readonly serviceId: number; readonly role: string } | undefined {
  const service = stringOf(vm.userTemplate, "SERVICE_ID");
  const role = stringOf(vm.userTemplate, "ROLE_NAME");
  if (service === undefined || role === undefined || !/^[0-9]{1,15}$/.test(service)) return undefined;
  return { serviceId: Number(service), role };
}

export function isDone(vm: Vm): boolean {
  return vm.state === VM_STATE.DONE;
}
