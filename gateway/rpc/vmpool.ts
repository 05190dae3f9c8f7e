/** one.vmpool.*: many VMs at once. */

import { z } from "zod";
import { isGatehouseError } from "../../shared/errors.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { vmToDocument } from "../cloud/document/vm.ts";
import type { Vm } from "../cloud/model.ts";
import { CORE_CODE, CoreRefusal } from "./codes.ts";
import { documentXml, documentXmlAsIs, poolXml } from "./document-xml.ts";
import { type Call, flag, integer, type Method, type Methods, method, text, unsupported } from "./method.ts";
import { vmData, withLatest } from "./monitoring.ts";
import { inRange, newestFirst, ownerFilter, refuseSearch } from "./pool-query.ts";
import { vmToShortDocument } from "./vm-short.ts";

const ANY_STATE = -2;
const NOT_DONE = -1;

export const vmpoolMethods: Methods = {
  "one.vmpool.info": listing(false),
  "one.vmpool.infoextended": listing(true),

  "one.vmpool.infoset": method(z.tuple([text, flag.default(false)]), async (call, [list, extended]) => {
    const found = await Promise.all([...new Set(idsIn(list))].map((id) => readable(call, id)));
    return vmPool(call, newestFirst(found.filter((vm) => vm !== undefined)), extended);
  }),

  "one.vmpool.monitoring": method(z.tuple([integer, integer.default(-1)]), async (call, [whose, n]) =>
    vmData(call, await call.cloud.vms.list(call.actor, ownerFilter(whose)), n),
  ),

  "one.vmpool.accounting": unsupported("Accounting is not available in this cloud."),
  "one.vmpool.showback": unsupported("Showback is not available in this cloud."),
  "one.vmpool.calculateshowback": unsupported("Showback is not available in this cloud."),
};

function listing(extended: boolean): Method {
  const parameters = z.tuple([
    integer,
    integer.default(-1),
    integer.default(-1),
    integer.default(NOT_DONE),
    text.default(""),
  ]);
  return method(parameters, async (call, [whose, start, end, state, query]) => {
    refuseSearch(query);
    const vms = await call.cloud.vms.list(call.actor, ownerFilter(whose));
    return vmPool(call, inRange(vms.filter(inState(state)), start, end), extended);
  });
}

function inState(state: number): (vm: Vm) => boolean {
  if (state === ANY_STATE) return () => true;
  return state === NOT_DONE ? (vm) => vm.state !== VM_STATE.DONE : (vm) => vm.state === state;
}

function vmPool(call: Call, vms: readonly Vm[], extended: boolean): string {
  const print = (vm: Vm) =>
    extended
      ? documentXml(vmToDocument(withLatest(call, vm)))
      : documentXmlAsIs(vmToShortDocument(withLatest(call, vm)));
  return poolXml("VM_POOL", vms.map(print));
}

function idsIn(list: string): readonly number[] {
  const ids = list.split(",").filter((id) => id.trim() !== "");
  if (ids.every((id) => /^\s*\d{1,10}\s*$/.test(id))) return ids.map(Number);
  throw new CoreRefusal(CORE_CODE.XML_RPC_API, "The VMs must be given as ids, with commas between them.");
}

/** A set leaves out what is not there, or not the actor's to see. */
async function readable({ cloud, actor }: Call, id: number): Promise<Vm | undefined> {
  try {
    return await cloud.vms.get(actor, id);
  } catch (error) {
    if (isGatehouseError(error) && (error.code === "not_found" || error.code === "forbidden"))
      return undefined;
    throw error;
  }
}
