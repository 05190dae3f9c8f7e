/** MONITORING sections and the measured parts of a HOST, in the shapes of spec monitoring.md 9. */

import { isCounter } from "../../../shared/monitor/counters.ts";
import type { History, WindowPoint } from "../../../shared/monitor/history.ts";
import { stringOf, type Template, type Vector, vectorsOf } from "../../../shared/template/types.ts";
import type { Host, JsonObject, JsonValue } from "../model.ts";
import type { LatestReading } from "../monitoring.ts";
import type { HostReadings } from "./host.ts";
import { printList } from "./json-form.ts";

/** Attributes of SYSTEM_HOST that HOST_SHARE shows in its own form, and TEMPLATE does not. */
const CAPACITY = ["DS", "PCI", "CORE", "HUGEPAGE", "MEMORY_NODE"] as const;
const LOCATION = ["DS_LOCATION_USED_MB", "DS_LOCATION_TOTAL_MB", "DS_LOCATION_FREE_MB"] as const;
const IN_SHARE: ReadonlySet<string> = new Set([...CAPACITY, ...LOCATION]);

/** Of MONITOR_HOST, those that have a section and another name in it; forecasts keep their ending. */
const CAPACITY_NAMES: Readonly<Record<string, string>> = {
  FREECPU: "FREE_CPU",
  FREEMEMORY: "FREE_MEMORY",
  USEDCPU: "USED_CPU",
  USEDMEMORY: "USED_MEMORY",
};
const FORECAST = /_FORECAST(_FAR)?$/;

/** Names of wild VMs that a document lists; the count is of all. */
const MAX_WILD_NAMES = 1_000;

/** A VM's reading, flat, with ID and TIMESTAMP among the others by the alphabet. */
export function vmMonitoring(vmId: number, { at, attributes }: LatestReading): Template {
  return sorted({ ...attributes, ID: String(vmId), TIMESTAMP: String(at) });
}

export function hostMonitoring(hostId: number, { at, attributes }: LatestReading): JsonObject {
  const capacity: Record<string, JsonValue> = {};
  const system: Record<string, JsonValue> = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value !== "string" || name === "HYPERVISOR") continue;
    const [ending = ""] = FORECAST.exec(name) ?? [];
    const capacityName = CAPACITY_NAMES[name.slice(0, name.length - ending.length)];
    if (capacityName === undefined) system[name] = value;
    else capacity[capacityName + ending] = value;
  }
  const nodes = numaReadings(attributes);
  return {
    TIMESTAMP: String(at),
    ID: String(hostId),
    CAPACITY: sorted(capacity),
    SYSTEM: sorted(system),
    ...(nodes.length > 0 && printList("NUMA_NODE", nodes)),
  };
}

function numaReadings(attributes: Template): readonly JsonObject[] {
  const pages = vectorsOf(attributes, "HUGEPAGE");
  const memories = vectorsOf(attributes, "MEMORY_NODE");
  return nodeIds(pages, memories).map((node) => ({
    ...printList("HUGEPAGE", onNode(pages, node).map(withoutNode)),
    ...printList("MEMORY", onNode(memories, node).map(withoutNode)),
    NODE_ID: node,
  }));
}

/** A host's document parts: what it was measured to have, and its latest reading. */
export function hostReadings(
  host: Pick<Host, "id" | "template">,
  latest: LatestReading | undefined,
  wilds: readonly string[] | undefined,
): HostReadings {
  const { template } = host;
  return {
    share: hostShare(template),
    monitoring: latest && hostMonitoring(host.id, latest),
    template: {
      ...Object.fromEntries(Object.entries(template).filter(([name]) => !IN_SHARE.has(name))),
      ...(wilds !== undefined && {
        TOTAL_WILDS: String(wilds.length),
        ...(wilds.length > 0 && { WILDS: wilds.slice(0, MAX_WILD_NAMES).join(",") }),
      }),
    },
  };
}

/** Undefined for a host that was never measured. */
function hostShare(template: Template): JsonObject | undefined {
  const cpu = stringOf(template, "TOTALCPU");
  const memory = stringOf(template, "TOTALMEMORY");
  if (cpu === undefined && memory === undefined) return undefined;
  const devices = vectorsOf(template, "PCI").map((device) => sorted({ VMID: "-1", ...device }));
  const nodes = numaNodes(template);
  return {
    ...(memory !== undefined && {
      TOTAL_MEM: memory,
      MAX_MEM: unreserved(memory, stringOf(template, "RESERVED_MEM")),
    }),
    ...(cpu !== undefined && {
      TOTAL_CPU: cpu,
      MAX_CPU: unreserved(cpu, stringOf(template, "RESERVED_CPU")),
    }),
    ...datastores(template),
    ...(devices.length > 0 && { PCI_DEVICES: printList("PCI", devices) }),
    ...(nodes.length > 0 && { NUMA_NODES: printList("NODE", nodes) }),
  };
}

/** A reserve is an amount, or a share as `10%`; a negative one offers more than there is. */
function unreserved(total: string, reserve: string | undefined): string {
  const text = (reserve ?? "").trim();
  const amount = Number(text.replace(/%$/, ""));
  if (text === "" || !Number.isFinite(amount)) return total;
  const reserved = text.endsWith("%") ? (Number(total) * amount) / 100 : amount;
  return String(Math.round(Number(total) - reserved));
}

function datastores(template: Template): JsonObject | undefined {
  const [used, total, free] = LOCATION.map((name) => stringOf(template, name));
  const each = vectorsOf(template, "DS").map(sorted);
  if (total === undefined && each.length === 0) return undefined;
  return {
    DATASTORES: {
      DISK_USAGE: "0",
      ...(each.length > 0 && printList("DS", each)),
      FREE_DISK: free ?? "0",
      MAX_DISK: total ?? "0",
      USED_DISK: used ?? "0",
    },
  };
}

/** Nothing is pinned here, so every thread is free: `0:-1`. */
function numaNodes(template: Template): readonly JsonObject[] {
  const cores = vectorsOf(template, "CORE");
  const pages = vectorsOf(template, "HUGEPAGE");
  const memories = vectorsOf(template, "MEMORY_NODE");
  return nodeIds(cores, pages, memories).map((node) => ({
    ...printList("CORE", onNode(cores, node).map(freeCore)),
    ...printList(
      "HUGEPAGE",
      onNode(pages, node).map((page) => ({ PAGES: page.PAGES ?? "0", SIZE: page.SIZE ?? "0", USAGE: "0" })),
    ),
    ...printList(
      "MEMORY",
      onNode(memories, node).map((memory) => ({
        DISTANCE: (memory.DISTANCE ?? "").trim(),
        TOTAL: memory.TOTAL ?? "0",
        USAGE: "0",
      })),
    ),
    NODE_ID: node,
  }));
}

function freeCore(core: Vector): JsonObject {
  const threads = (core.CPUS ?? "").split(",").filter((thread) => thread !== "");
  return {
    CPUS: threads.map((thread) => `${thread}:-1`).join(","),
    DEDICATED: "NO",
    FREE: String(threads.length),
    ID: core.ID ?? "",
  };
}

function nodeIds(...lists: readonly (readonly Vector[])[]): readonly string[] {
  const found = new Set(lists.flat().map((vector) => vector.NODE_ID ?? ""));
  return [...found].sort((left, right) => Number(left) - Number(right));
}

function onNode(vectors: readonly Vector[], node: string): readonly Vector[] {
  return vectors.filter((vector) => (vector.NODE_ID ?? "") === node);
}

function withoutNode({ NODE_ID: _, ...rest }: Vector): JsonObject {
  return sorted(rest);
}

function sorted<T>(object: { readonly [name: string]: T }): { readonly [name: string]: T } {
  return Object.fromEntries(Object.entries(object).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** A history as readings: a window is what its metrics came to, the last of a counter and the mean of others. */
export function historyReadings(history: History): readonly LatestReading[] {
  if (history.resolution === "rollup") return history.points.map(windowReading);
  return history.points.map(({ at, names, values, more }) => ({
    at,
    attributes: { ...Object.fromEntries(names.map((name, index) => [name, String(values[index])])), ...more },
  }));
}

function windowReading({ at, names, counts, sums, lasts }: WindowPoint): LatestReading {
  const value = (name: string, index: number): number => {
    if (isCounter(name)) return lasts[index] ?? 0;
    return Math.round(((sums[index] ?? 0) / (counts[index] ?? 1)) * 100) / 100;
  };
  return {
    at,
    attributes: Object.fromEntries(names.map((name, index) => [name, String(value(name, index))])),
  };
}
