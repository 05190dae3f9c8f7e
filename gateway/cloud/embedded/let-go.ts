/** What a VM that ended gives back: its addresses, and its place in its router. */

import type { Transaction } from "../../store/transaction.ts";
import type { Vm } from "../model.ts";
import { ROUTERS, routerIdOf } from "./kinds.ts";
import { releaseNics } from "./nics.ts";

/** To be called in the transaction that makes the VM DONE. */
export function letGo(tx: Transaction, vm: Vm): void {
  releaseNics(tx, vm.id, vm.template);
  const routerId = routerIdOf(vm);
  const router = routerId === undefined ? undefined : tx.get(ROUTERS, routerId);
  if (router?.vmIds.includes(vm.id)) {
    tx.put(ROUTERS, { ...router, vmIds: router.vmIds.filter((id) => id !== vm.id) });
  }
}
