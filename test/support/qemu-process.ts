/** The QEMU of a VM, as this machine sees it. */

import { readFileSync } from "node:fs";
import { parseQemuDeployId } from "../../shared/guests/qemu-layout.ts";
import type { QemuHouse } from "./qemu-house.ts";

const TICKS_A_SECOND = 100;

/** Its process id; 0 when it has none. */
export async function qemuPid(qemu: Pick<QemuHouse, "call">, vmId: number): Promise<number> {
  const xml = await qemu.call("one.vm.info", vmId);
  const deployId = /qemu:\d+:\d+/.exec(xml)?.[0] ?? "";
  return parseQemuDeployId(deployId)?.pid ?? 0;
}

/** User and system time in ms (proc(5), fields 14 and 15). */
export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_A_SECOND;
}
