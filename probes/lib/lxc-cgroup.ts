/**
 * What a container uses, from the cgroup that LXC put it into, of either version (cgroups(7)); it is found by its
 * first process, which may itself sit deeper: systemd moves into `init.scope`.
 */

import { join } from "node:path";
import { readNumber, readText } from "./read.ts";

export interface ContainerUsage {
  /** CPU time of all that ever ran in it. */
  readonly cpuSeconds: number | undefined;
  /** With the page cache that is charged to it, as lxc-info tells it. */
  readonly memoryKiB: number | undefined;
}

export interface KernelRoots {
  readonly procRoot: string;
  readonly sysRoot: string;
}

/** Undefined values where the kernel tells nothing, as when the container has just ended. */
export function readContainerUsage(
  { procRoot, sysRoot }: KernelRoots,
  name: string,
  pid: number,
): ContainerUsage {
  const cgroups = readText(join(procRoot, String(pid), "cgroup")) ?? "";
  const folderOf = (controller: string): string | undefined => {
    const path = containerPath(pathOf(cgroups, controller), name);
    return path === undefined ? undefined : join(sysRoot, "fs/cgroup", controller, path);
  };
  const cpuacct = folderOf("cpuacct");
  const memory = folderOf("memory");
  const unified = folderOf("");
  const nanoseconds = cpuacct && readNumber(join(cpuacct, "cpuacct.usage"));
  const microseconds = unified && usageMicroseconds(readText(join(unified, "cpu.stat")));
  const bytes =
    (memory && readNumber(join(memory, "memory.usage_in_bytes"))) ??
    (unified && readNumber(join(unified, "memory.current")));
  return {
    cpuSeconds: seconds(nanoseconds, 1e9) ?? seconds(microseconds, 1e6),
    memoryKiB: typeof bytes === "number" ? Math.round(bytes / 1024) : undefined,
  };
}

/** The path in `hierarchy:controllers:path`; the empty controller is version 2. */
function pathOf(cgroups: string, controller: string): string | undefined {
  return cgroups
    .split("\n")
    .map((row) => /^\d+:([^:]*):(\/.*)$/.exec(row))
    .find((row) => row?.[1]?.split(",").includes(controller))?.[2];
}

/** Cut after what LXC made: `lxc.payload.NAME` since 4.0, `lxc/NAME` before, or a folder that its configuration names. */
function containerPath(path: string | undefined, name: string): string | undefined {
  const parts = path?.split("/").filter(Boolean) ?? [];
  // ".." leads out of what this process may see of the cgroups.
  if (parts.length === 0 || parts.includes("..")) return undefined;
  const made = parts.findIndex(
    (part) => part === `lxc.payload.${name}` || part === "lxc.payload" || part === name,
  );
  if (made >= 0) return parts.slice(0, made + 1).join("/");
  return (parts.at(-1) === "init.scope" ? parts.slice(0, -1) : parts).join("/");
}

function usageMicroseconds(cpuStat: string | undefined): number | undefined {
  const digits = /^usage_usec (\d{1,16})$/m.exec(cpuStat ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function seconds(value: number | string | undefined, perSecond: number): number | undefined {
  return typeof value === "number" ? value / perSecond : undefined;
}
