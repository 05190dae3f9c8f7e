/** What history has of a service's VMs, as the table that `oneflow simulate` replays (metrics-csv.ts). */

import { GatehouseError } from "../../../shared/errors.ts";
import type { History } from "../../../shared/monitor/history.ts";
import { SYSTEM } from "../../cloud/actor.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import type { Document } from "../../cloud/model.ts";
import { leadingNumber } from "../elasticity/numbers.ts";
import { flowOf } from "../engine/service-document.ts";
import { belongingOf, isDone } from "../engine/sight.ts";

/** More is no table that anybody replays in one go. */
export const MAX_HISTORY_ROWS = 200_000;

const NAME = /^[A-Z][A-Z0-9_]*$/;

interface Row {
  /** Seconds since the epoch. */
  readonly at: number;
  readonly role: string;
  readonly vmId: number;
  readonly values: ReadonlyMap<string, number>;
}

/**
 * A line a reading of a VM of the service, with every metric that is a number; of what is kept as windows
 * alone, their means. What guests report of themselves is in no history.
 * @param from and `to` in seconds since the epoch
 * @throws GatehouseError `unavailable` when history cannot be read, `bad_request` when there is too much of it
 */
export async function historyCsv(
  cloud: Pick<Cloud, "vms" | "monitoring">,
  document: Document,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<string> {
  const rows: Row[] = [];
  for (const { role, vmId } of await vmsOf(cloud, document, from)) {
    const history = await cloud.monitoring.vmHistory(vmId, { from, to, resolution: "auto" });
    if (history === undefined) continue;
    for (const { at, values } of readingsIn(history)) rows.push({ at, role, vmId, values });
    if (rows.length > MAX_HISTORY_ROWS) throw tooMuch();
  }
  return tableOf(rows.sort((one, other) => one.at - other.at));
}

/** Those of the service's owner that name it, also such as have ended since: a role that shrank had them. */
async function vmsOf(
  cloud: Pick<Cloud, "vms">,
  document: Document,
  from: number,
): Promise<readonly { readonly role: string; readonly vmId: number }[]> {
  const roles = new Set(flowOf(document).body.roles.map(({ name }) => name));
  const all = await cloud.vms.list(SYSTEM);
  return all.flatMap((vm) => {
    const belongs = vm.uid === document.uid ? belongingOf(vm) : undefined;
    const isThere = !isDone(vm) || vm.etime >= from;
    const isOne = belongs?.serviceId === document.id && roles.has(belongs.role);
    return isOne && isThere ? [{ role: belongs.role, vmId: vm.id }] : [];
  });
}

function readingsIn(history: History): readonly Pick<Row, "at" | "values">[] {
  if (history.resolution === "raw") {
    return history.points.map(({ at, names, values }) => ({
      at,
      values: numbersOf(names, (index) => leadingNumber(String(values[index] ?? ""))),
    }));
  }
  return history.points.map(({ at, names, sums, counts }) => ({
    at,
    values: numbersOf(names, (index) => meanOf(sums[index], counts[index])),
  }));
}

function meanOf(sum: number | undefined, count: number | undefined): number | undefined {
  return sum === undefined || count === undefined || count === 0 ? undefined : sum / count;
}

function numbersOf(
  names: readonly string[],
  valueAt: (index: number) => number | undefined,
): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const [index, name] of names.entries()) {
    const value = NAME.test(name) ? valueAt(index) : undefined;
    if (value !== undefined) values.set(name, value);
  }
  return values;
}

function tableOf(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap(({ values }) => [...values.keys()]))].sort();
  const lines = rows.map(({ at, role, vmId, values }) =>
    [at, role, vmId, ...names.map((name) => values.get(name) ?? "")].join(","),
  );
  return `${[["time", "role", "vm", ...names].join(","), ...lines].join("\n")}\n`;
}

function tooMuch(): GatehouseError {
  return new GatehouseError(
    "bad_request",
    `There are more than ${MAX_HISTORY_ROWS} readings in that time; ask for less with last, such as last=1h.`,
  );
}
