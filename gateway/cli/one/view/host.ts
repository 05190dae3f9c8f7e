/** Hosts: the list of `onehost`, and its page. */

import { hostStateName } from "../../../../shared/states/host.ts";
import { nodesAt, numberAt, textAt } from "../../../../shared/xml/node.ts";
import type { XmlNode } from "../../../../shared/xml/tree.ts";
import { amountText, percent, timeText } from "../format.ts";
import { Page } from "../page.ts";
import type { Column } from "../table.ts";
import { templateText } from "../template-text.ts";
import { shortHostState } from "./short-state.ts";
import { plainColumn, rowsNamed, type View } from "./view.ts";

const cpuText = (amount: number) => String(amount);
const memoryText = (amountKiB: number) => amountText(amountKiB, "K");

const COLUMNS: readonly Column[] = [
  plainColumn("ID", "ID", 4, "Id"),
  plainColumn("NAME", "NAME", 15, "Name", { left: true }),
  plainColumn("CLUSTER", "CLUSTER", 9, "Cluster", { left: true }),
  { name: "TVM", summary: "VMs on it", size: 3, text: (host) => String(share(host, "RUNNING_VMS")) },
  shareColumn("ALLOCATED_CPU", "CPU given to VMs, of what there is", (host) =>
    shareText(share(host, "CPU_USAGE"), share(host, "MAX_CPU"), cpuText),
  ),
  shareColumn("ALLOCATED_MEM", "Memory given to VMs, of what there is", (host) =>
    shareText(share(host, "MEM_USAGE"), share(host, "MAX_MEM"), memoryText),
  ),
  shareColumn("REAL_CPU", "CPU used, of what there is", (host) =>
    shareText(used(host, "CPU"), share(host, "MAX_CPU"), cpuText),
  ),
  shareColumn("REAL_MEM", "Memory used, of what there is", (host) =>
    shareText(used(host, "MEM"), share(host, "MAX_MEM"), memoryText),
  ),
  {
    name: "STAT",
    summary: "State",
    size: 6,
    left: true,
    text: (host) => shortHostState(numberAt(host, "STATE")),
  },
];

export const hostView: View = {
  columns: COLUMNS,
  defaults: ["ID", "NAME", "CLUSTER", "TVM", "ALLOCATED_CPU", "ALLOCATED_MEM", "STAT"],
  rows: rowsNamed("HOST"),
  page: hostPage,
};

function shareColumn(name: string, summary: string, text: (host: XmlNode) => string): Column {
  return { name, summary, size: 18, text };
}

function share(host: XmlNode, name: string): number {
  return numberAt(host, `HOST_SHARE/${name}`);
}

/** What is used: measured since 5.12, part of HOST_SHARE before. */
function used(host: XmlNode, what: "CPU" | "MEM"): number {
  const measured = what === "CPU" ? "USED_CPU" : "USED_MEMORY";
  return numberAt(host, `MONITORING/CAPACITY/${measured}`) || share(host, `USED_${what}`);
}

/** `31 / 800 (3%)`; `-` before the host was ever measured. */
function shareText(part: number, whole: number, amount: (value: number) => string): string {
  if (whole === 0) return part === 0 ? "-" : `${amount(part)} / -`;
  return `${amount(part)} / ${amount(whole)} (${percent(part, whole)}%)`;
}

function hostPage(host: XmlNode): string {
  const page = new Page(22);
  const lastTime = numberAt(host, "MONITORING/TIMESTAMP") || numberAt(host, "LAST_MON_TIME");
  page.block(`HOST ${textAt(host, "ID")} INFORMATION`, [
    ["ID", textAt(host, "ID")],
    ["NAME", textAt(host, "NAME")],
    ["CLUSTER", textAt(host, "CLUSTER") || "-"],
    ["STATE", hostStateName(numberAt(host, "STATE"))],
    ["IM_MAD", textAt(host, "IM_MAD")],
    ["VM_MAD", textAt(host, "VM_MAD")],
    ["LAST MONITORING TIME", timeText(lastTime)],
  ]);
  page.text("HOST SHARES", sharesText(host));
  page.text("MONITORING INFORMATION", templateText(nodesAt(host, "TEMPLATE")[0]));
  return page.toString();
}

function sharesText(host: XmlNode): string {
  const line = (name: string, value: string) => `${name.padEnd(22)}: ${value}`;
  const part = (what: "CPU" | "MEM", amount: (value: number) => string) => [
    line("  TOTAL", amount(share(host, `TOTAL_${what}`) || share(host, `MAX_${what}`))),
    line("  TOTAL +/- RESERVED", amount(share(host, `MAX_${what}`))),
    line("  USED (REAL)", amount(used(host, what))),
    line("  USED (ALLOCATED)", amount(share(host, `${what}_USAGE`))),
  ];
  return [
    line("RUNNING VMS", String(share(host, "RUNNING_VMS"))),
    "MEMORY",
    ...part("MEM", memoryText),
    "CPU",
    ...part("CPU", cpuText),
  ].join("\n");
}
