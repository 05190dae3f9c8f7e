/** one.vm.*: single VMs. */

import { z } from "zod";
import type { Template } from "../../shared/template/types.ts";
import { SYSTEM } from "../cloud/actor.ts";
import { vmToDocument } from "../cloud/document/vm.ts";
import { authorize } from "../cloud/permissions.ts";
import { RECOVER_OPERATIONS, VM_ACTIONS, type VmAction } from "../cloud/pools/vm-pool.ts";
import { restrictedChange, restrictedUpdate } from "../cloud/restricted.ts";
import { CORE_CODE, CoreRefusal } from "./codes.ts";
import { documentXml } from "./document-xml.ts";
import { type Call, flag, integer, type Methods, method, text, unsupported } from "./method.ts";
import { vmData, withLatest } from "./monitoring.ts";
import { ownedMethods } from "./owned.ts";
import { IN_VM_UPDATE, templateArgument, updateArguments } from "./template-argument.ts";
import { vmScheduleMethods } from "./vm-schedule.ts";

/** Names of releases before 5.0 (and seed 003). */
const OLD_ACTIONS: Readonly<Record<string, VmAction>> = {
  shutdown: "terminate",
  "shutdown-hard": "terminate-hard",
  delete: "terminate-hard",
};

export const vmMethods: Methods = {
  ...ownedMethods("vm", (cloud) => cloud.vms),
  ...vmScheduleMethods,

  "one.vm.info": method(z.tuple([integer, flag.default(false)]), async ({ cloud, actor }, [id]) =>
    documentXml(vmToDocument(withLatest({ cloud }, await cloud.vms.get(actor, id)))),
  ),

  "one.vm.allocate": method(z.tuple([text, flag.default(false)]), async (call, [source, hold]) => {
    const template = vmTemplate(call, source);
    return await call.cloud.vms.allocate(call.actor, template, { hold });
  }),

  "one.vm.update": method(z.tuple([integer, text, integer.default(0)]), async (call, [id, source, type]) => {
    const vm = await call.cloud.vms.get(SYSTEM, id);
    authorize(call.actor, vm, "MANAGE", "VM");
    const { template, mode } = updateArguments(source, type, IN_VM_UPDATE);
    const restricted = restrictedChange(call.actor, template, vm.userTemplate);
    if (restricted !== undefined) throw new CoreRefusal(CORE_CODE.INTERNAL, restrictedUpdate(restricted));
    await call.cloud.vms.updateUserTemplate(call.actor, id, template, mode);
    return id;
  }),

  "one.vm.action": method(z.tuple([text, integer]), async ({ cloud, actor }, [name, id]) => {
    await cloud.vms.act(actor, id, actionNamed(name));
    return id;
  }),

  "one.vm.recover": method(z.tuple([integer, integer]), async ({ cloud, actor }, [id, number]) => {
    const operation = RECOVER_OPERATIONS[number];
    if (operation === undefined)
      throw new CoreRefusal(
        CORE_CODE.XML_RPC_API,
        `Wrong recovery operation code: ${number}; 0 to 5 are known.`,
      );
    await cloud.vms.recover(actor, id, operation);
    return id;
  }),

  // Whether capacity is enforced, which datastore, and extra text mean nothing to our drivers.
  "one.vm.deploy": method(z.tuple([integer, integer]), async ({ cloud, actor }, [id, hostId]) => {
    await cloud.vms.deploy(actor, id, hostId);
    return id;
  }),

  "one.vm.attachnic": method(z.tuple([integer, text]), async (call, [id, source]) => {
    await call.cloud.vms.attachNic(call.actor, id, vmTemplate(call, source));
    return id;
  }),

  "one.vm.detachnic": method(z.tuple([integer, integer]), async ({ cloud, actor }, [id, nicId]) => {
    await cloud.vms.detachNic(actor, id, nicId);
    return id;
  }),

  "one.vm.snapshotcreate": method(
    z.tuple([integer, text.default("")]),
    async ({ cloud, actor }, [id, name]) => cloud.vms.createSnapshot(actor, id, name),
  ),

  "one.vm.snapshotrevert": method(z.tuple([integer, integer]), async ({ cloud, actor }, [id, snapshotId]) => {
    await cloud.vms.revertSnapshot(actor, id, snapshotId);
    return id;
  }),

  "one.vm.snapshotdelete": method(z.tuple([integer, integer]), async ({ cloud, actor }, [id, snapshotId]) => {
    await cloud.vms.deleteSnapshot(actor, id, snapshotId);
    return id;
  }),

  "one.vm.monitoring": method(z.tuple([integer, integer.default(-1)]), async (call, [id, n]) =>
    vmData(call, [await call.cloud.vms.get(call.actor, id)], n),
  ),

  "one.vm.migrate": unsupported("Migration is not available in this cloud: a VM stays on its host."),
  "one.vm.updateconf": unsupported("The configuration of a VM cannot be changed in this cloud."),
  "one.vm.resize": unsupported("The capacity of a VM cannot be changed in this cloud."),
  "one.vm.attach": unsupported("Disks are not available in this cloud."),
  "one.vm.detach": unsupported("Disks are not available in this cloud."),
  "one.vm.disksaveas": unsupported("Disks are not available in this cloud."),
  "one.vm.diskresize": unsupported("Disks are not available in this cloud."),
  "one.vm.disksnapshotcreate": unsupported("Disks are not available in this cloud."),
  "one.vm.disksnapshotrevert": unsupported("Disks are not available in this cloud."),
  "one.vm.disksnapshotdelete": unsupported("Disks are not available in this cloud."),
  "one.vm.disksnapshotrename": unsupported("Disks are not available in this cloud."),
  "one.vm.backup": unsupported("Backups are not available in this cloud."),
};

/** VM text, in which only administrators may write restricted attributes; others may repeat those of `base`. */
export function vmTemplate({ actor }: Call, source: string, base: Template = {}): Template {
  const template = templateArgument(source);
  const restricted = restrictedChange(actor, template, base);
  if (restricted === undefined) return template;
  throw new CoreRefusal(
    CORE_CODE.AUTHORIZATION,
    `VM Template includes a restricted attribute ${restricted}.`,
  );
}

function actionNamed(name: string): VmAction {
  const action =
    VM_ACTIONS.find((known) => known === name) ??
    (Object.hasOwn(OLD_ACTIONS, name) ? OLD_ACTIONS[name] : undefined);
  if (action !== undefined) return action;
  throw new CoreRefusal(CORE_CODE.ACTION, `Action "${name}" is not supported`);
}
