/** What is measured of VMs and hosts, as documents have it: the latest reading, and MONITORING_DATA. */

import { epochSeconds } from "../../shared/clock.ts";
import { GatehouseError } from "../../shared/errors.ts";
import type { History, HistoryQuery } from "../../shared/monitor/history.ts";
import { isJsonObject } from "../cloud/document/fields.ts";
import { hostToDocument } from "../cloud/document/host.ts";
import { historyReadings, hostMonitoring, hostReadings, vmMonitoring } from "../cloud/document/readings.ts";
import type { Host, JsonObject, Vm } from "../cloud/model.ts";
import type { LatestReading } from "../cloud/monitoring.ts";
import { documentXml } from "./document-xml.ts";
import type { Call } from "./method.ts";

/** What `n` means beside a number of seconds back (spec monitoring.md 9). */
const ALL = -1;
const LAST = 0;

/** Readings of one answer: some 40 MB of text. */
const MAX_READINGS = 100_000;

/** Histories that are read at the same time. */
const AT_ONCE = 8;

/** The VM with its latest reading as MONITORING; what a world brought stands until the first one. */
export function withLatest({ cloud }: Pick<Call, "cloud">, vm: Vm): Vm {
  const latest = cloud.monitoring.latestVm(vm.id);
  if (latest === undefined) return vm;
  return { ...vm, lastPoll: Math.max(vm.lastPoll, latest.at), monitoring: vmMonitoring(vm.id, latest) };
}

/** `{"HOST": {...}}` with what is measured there. */
export function hostDocument(
  { cloud }: Pick<Call, "cloud">,
  host: Host,
  vms: readonly Pick<Vm, "id" | "template">[],
): JsonObject {
  const { monitoring } = cloud;
  return hostToDocument(
    host,
    vms,
    hostReadings(host, monitoring.latestHost(host.id), monitoring.wildsOn(host.id)),
  );
}

/** MONITORING_DATA of VMs: `n` is -1 for all that is kept raw, 0 for the last reading, or seconds back. */
export async function vmData(call: Call, vms: readonly Vm[], n: number): Promise<string> {
  const { monitoring } = call.cloud;
  const known = (vm: Vm): readonly JsonObject[] => {
    const latest = monitoring.latestVm(vm.id);
    if (latest !== undefined) return [vmMonitoring(vm.id, latest)];
    return Object.keys(vm.monitoring).length === 0 ? [] : [{ ...vm.monitoring, ID: String(vm.id) }];
  };
  return await dataXml(call, vms, n, {
    last: known,
    history: (vm, query) => monitoring.vmHistory(vm.id, query),
    print: (vm, reading) => vmMonitoring(vm.id, reading),
  });
}

/** The same of hosts. */
export async function hostData(call: Call, hosts: readonly Host[], n: number): Promise<string> {
  const { monitoring } = call.cloud;
  const known = (host: Host): readonly JsonObject[] => {
    const latest = monitoring.latestHost(host.id);
    if (latest !== undefined) return [hostMonitoring(host.id, latest)];
    const brought = host.extra?.MONITORING;
    const isReading = isJsonObject(brought) && Object.keys(brought).length > 0;
    return isReading ? [{ ...brought, ID: String(host.id) }] : [];
  };
  return await dataXml(call, hosts, n, {
    last: known,
    history: (host, query) => monitoring.hostHistory(host.id, query),
    print: (host, reading) => hostMonitoring(host.id, reading),
  });
}

interface Measured<T> {
  readonly last: (object: T) => readonly JsonObject[];
  readonly history: (object: T, query: HistoryQuery) => Promise<History | undefined>;
  readonly print: (object: T, reading: LatestReading) => JsonObject;
}

async function dataXml<T extends { readonly id: number }>(
  call: Call,
  objects: readonly T[],
  n: number,
  { last, history, print }: Measured<T>,
): Promise<string> {
  const query = queryOf(call, n);
  const found: JsonObject[] = [];
  const ordered = objects.toSorted((left, right) => left.id - right.id);
  for (let next = 0; next < ordered.length; next += AT_ONCE) {
    const some = ordered.slice(next, next + AT_ONCE);
    const read = await Promise.all(some.map((object) => query && history(object, query)));
    for (const [index, object] of some.entries()) {
      const kept = read[index];
      // Where no history is kept, the last reading is all there is.
      if (kept === undefined) found.push(...last(object));
      else for (const reading of historyReadings(kept)) found.push(print(object, reading));
      if (found.length > MAX_READINGS) throw tooMany();
    }
  }
  return documentXml({ MONITORING_DATA: found.length === 0 ? {} : { MONITORING: found } });
}

function queryOf({ clock }: Call, n: number): HistoryQuery | undefined {
  if (n === LAST) return undefined;
  const to = epochSeconds(clock);
  return n <= ALL ? { from: 0, to, resolution: "raw" } : { from: to - n, to, resolution: "auto" };
}

function tooMany(): GatehouseError {
  return new GatehouseError(
    "too_large",
    `There are more than ${MAX_READINGS} readings; ask for those of fewer seconds, or of single objects.`,
  );
}
