/**
 * The host's NUMA nodes from /sys/devices/system/node. A kernel without NUMA, or a container that is not shown it, has
 * one node 0 with all processors and all memory.
 */

import { readCpuTimes } from "./cpu.ts";
import { parseMemInfo } from "./memory.ts";
import { needText, parseList, readNames, readNumber, readNumbered, readText } from "./read.ts";

export interface Core {
  readonly id: number;
  /** Its threads that are switched on, rising. */
  readonly cpus: readonly number[];
}

export interface HugePages {
  readonly sizeKiB: number;
  readonly pages: number;
  readonly free: number;
}

export interface NumaNode {
  readonly id: number;
  readonly hugePages: readonly HugePages[];
  readonly totalKiB: number;
  /** Free as the kernel counts a node's memory: the page cache is used. */
  readonly freeKiB: number;
  /** Ids of all nodes, the nearest first. */
  readonly nearest: readonly number[];
}

/** @throws Error when /proc cannot be read. */
export function readNumaNodes(procRoot: string, sysRoot: string): readonly NumaNode[] {
  const nodesDir = `${sysRoot}/devices/system/node`;
  const ids = readNumbered(nodesDir, "node");
  if (ids.length === 0) return [wholeHost(procRoot, sysRoot)];
  return ids.map((id) => {
    const dir = `${nodesDir}/node${id}`;
    const distances = (readText(`${dir}/distance`) ?? "").split(/\s+/).filter(Boolean).map(Number);
    return {
      id,
      hugePages: readHugePages(`${dir}/hugepages`),
      ...memoryOf(readText(`${dir}/meminfo`) ?? ""),
      nearest: nearestFirst(id, ids, distances),
    };
  });
}

/**
 * The cores of a node whose threads are switched on, in the order of their first thread.
 * @throws Error when /proc cannot be read.
 */
export function readCores(procRoot: string, sysRoot: string, nodeId: number): readonly Core[] {
  const listed = readText(`${sysRoot}/devices/system/node/node${nodeId}/cpulist`);
  return coresOf(listed === undefined ? readCpuTimes(procRoot).online : parseList(listed), sysRoot);
}

function wholeHost(procRoot: string, sysRoot: string): NumaNode {
  return {
    id: 0,
    hugePages: readHugePages(`${sysRoot}/kernel/mm/hugepages`),
    ...memoryOf(needText(`${procRoot}/meminfo`)),
    nearest: [0],
  };
}

function memoryOf(meminfo: string): { totalKiB: number; freeKiB: number } {
  const fields = parseMemInfo(meminfo);
  return { totalKiB: fields.get("MemTotal") ?? 0, freeKiB: fields.get("MemFree") ?? 0 };
}

/** Threads that share a core are one entry; without a topology each processor is a core. */
function coresOf(cpus: readonly number[], sysRoot: string): readonly Core[] {
  const seen = new Set<number>();
  const cores: Core[] = [];
  for (const cpu of cpus) {
    if (seen.has(cpu)) continue;
    const topology = `${sysRoot}/devices/system/cpu/cpu${cpu}/topology`;
    const listed = parseList(readText(`${topology}/thread_siblings_list`) ?? "");
    const threads = listed.includes(cpu) ? listed.filter((thread) => cpus.includes(thread)) : [cpu];
    for (const thread of threads) seen.add(thread);
    cores.push({ id: readNumber(`${topology}/core_id`) ?? cpu, cpus: threads });
  }
  // The kernel numbers cores within a package; where a node has several, the first thread tells them apart.
  const distinct = new Set(cores.map(({ id }) => id)).size === cores.length;
  return distinct ? cores : cores.map((core) => ({ ...core, id: core.cpus[0] ?? core.id }));
}

function readHugePages(dir: string): readonly HugePages[] {
  const kinds = readNames(dir).flatMap((name) => {
    const size = /^hugepages-(\d+)kB$/.exec(name)?.[1];
    if (size === undefined) return [];
    const pages = readNumber(`${dir}/${name}/nr_hugepages`) ?? 0;
    return [{ sizeKiB: Number(size), pages, free: readNumber(`${dir}/${name}/free_hugepages`) ?? 0 }];
  });
  return kinds.sort((one, other) => one.sizeKiB - other.sizeKiB);
}

/** `distances[i]` is how far the i-th node is. */
function nearestFirst(id: number, ids: readonly number[], distances: readonly number[]): readonly number[] {
  if (distances.length !== ids.length) return [id];
  const far = new Map(ids.map((other, index) => [other, distances[index] ?? 0]));
  return [...ids].sort((one, other) => (far.get(one) ?? 0) - (far.get(other) ?? 0) || one - other);
}
