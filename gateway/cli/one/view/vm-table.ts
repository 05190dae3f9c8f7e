/** The columns of `onevm list`. */

import { VM_STATE } from "../../../../shared/states/vm.ts";
import { nodesAt, numberAt, textAt } from "../../../../shared/xml/node.ts";
import type { XmlNode } from "../../../../shared/xml/tree.ts";
import { amountText, periodText } from "../format.ts";
import type { Column } from "../table.ts";
import { shortVmState } from "./short-state.ts";
import { plainColumn } from "./view.ts";

const ON_A_HOST: readonly number[] = [VM_STATE.ACTIVE, VM_STATE.SUSPENDED, VM_STATE.POWEROFF];
const ADDRESSES = ["IP", "EXTERNAL_IP", "IP6", "IP6_GLOBAL", "IP6_ULA"] as const;

export const VM_DEFAULT_COLUMNS = ["ID", "USER", "GROUP", "NAME", "STAT", "CPU", "MEM", "HOST", "TIME"];

export const VM_COLUMNS: readonly Column[] = [
  plainColumn("ID", "ID", 6, "Id"),
  plainColumn("USER", "UNAME", 8, "Name of the owner", { left: true }),
  plainColumn("GROUP", "GNAME", 8, "Name of the group", { left: true }),
  {
    name: "NAME",
    summary: "Name; a star before it: to be rescheduled",
    size: 15,
    left: true,
    text: (vm) => `${textAt(vm, "RESCHED") === "1" ? "*" : ""}${textAt(vm, "NAME")}`,
  },
  {
    name: "STAT",
    summary: "State",
    size: 4,
    text: (vm) => shortVmState(numberAt(vm, "STATE"), numberAt(vm, "LCM_STATE")),
  },
  plainColumn("CPU", "TEMPLATE/CPU", 4, "CPUs given"),
  {
    name: "MEM",
    summary: "Memory given",
    size: 7,
    text: (vm) => amountText(numberAt(vm, "TEMPLATE/MEMORY") * 1024, "K"),
  },
  plainColumn("UCPU", "MONITORING/CPU", 4, "CPU used, in percent of one"),
  {
    name: "UMEM",
    summary: "Memory used",
    size: 7,
    text: (vm) => amountText(numberAt(vm, "MONITORING/MEMORY"), "K"),
  },
  { name: "HOST", summary: "Host it is on", size: 10, left: true, text: (vm) => hostOf(vm) ?? "" },
  {
    name: "TIME",
    summary: "Time since it was made, until its end",
    size: 10,
    text: (vm, now) => periodText((numberAt(vm, "ETIME") || now) - numberAt(vm, "STIME")),
  },
  {
    name: "IP",
    summary: "Addresses",
    size: 15,
    left: true,
    whole: true,
    text: (vm) => addressesOf(vm).join(","),
  },
];

/** Where a VM is, or has its resources; undefined when it is nowhere. */
export function hostOf(vm: XmlNode): string | undefined {
  const last = nodesAt(vm, "HISTORY_RECORDS/HISTORY").at(-1);
  return last !== undefined && ON_A_HOST.includes(numberAt(vm, "STATE"))
    ? textAt(last, "HOSTNAME")
    : undefined;
}

function addressesOf(vm: XmlNode): readonly string[] {
  const nics = [...nodesAt(vm, "TEMPLATE/NIC"), ...nodesAt(vm, "TEMPLATE/NIC_ALIAS")];
  return nics.flatMap((nic) => ADDRESSES.map((name) => textAt(nic, name)).filter((text) => text !== ""));
}
