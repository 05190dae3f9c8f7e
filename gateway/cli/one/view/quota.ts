/** What users and groups use of their quotas, as columns of their lists. */

import { nodesAt, numberAt, textAt, withChild } from "../../../../shared/xml/node.ts";
import type { XmlNode } from "../../../../shared/xml/tree.ts";
import { amountText } from "../format.ts";
import type { Column } from "../table.ts";

/** The rows of a pool, each with its VM_QUOTA, which the pool keeps in QUOTAS elements of the same id. */
export function rowsWithQuotas(element: string): (pool: XmlNode) => readonly XmlNode[] {
  return (pool) => {
    const quotas = new Map(nodesAt(pool, "QUOTAS").map((quota) => [textAt(quota, "ID"), quota]));
    return nodesAt(pool, element).map((row) => {
      const [quota] = nodesAt(quotas.get(textAt(row, "ID")), "VM_QUOTA");
      return quota === undefined ? row : withChild(row, "VM_QUOTA", quota);
    });
  };
}

export const QUOTA_COLUMNS: readonly Column[] = [
  quotaColumn("VMS", "VMs, used and allowed", 9, 3, String),
  quotaColumn("MEMORY", "Memory of VMs, used and allowed", 17, 7, (amount) => amountText(amount, "M")),
  quotaColumn("CPU", "CPUs of VMs, used and allowed", 11, 3, (amount) => amount.toFixed(1)),
];

function quotaColumn(
  name: string,
  summary: string,
  size: number,
  pad: number,
  amount: (value: number) => string,
): Column {
  const text = (row: XmlNode) => {
    const [quota] = nodesAt(row, "VM_QUOTA/VM");
    if (quota === undefined) return "-";
    const limit = numberAt(quota, name);
    const allowed = limit > 0 ? amount(limit) : "-";
    return `${amount(numberAt(quota, `${name}_USED`)).padStart(pad)} / ${allowed.padStart(pad)}`;
  };
  return { name, summary, size, text };
}
