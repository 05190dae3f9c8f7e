/** What OpenNebula's containers use of this host (spec monitoring.md 8). */

import { join } from "node:path";
import { listContainers } from "../../../lib/lxc.ts";
import { readContainerUsage } from "../../../lib/lxc-cgroup.ts";
import { Rates } from "../../../lib/rates.ts";
import { readText } from "../../../lib/read.ts";
import { lines, vmFigures } from "../../../lib/text.ts";
import { readVmTraffic, type VmTraffic } from "../../../lib/vm-interfaces.ts";
import { vmIdOf } from "../../../lib/vm-name.ts";
import type { ProbeHost, ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = {
  group: "vm/monitor",
  name: "figures",
  create() {
    const rates = new Rates();
    return { read: (host) => readFigures(host, rates) };
  },
};

async function readFigures(host: ProbeHost, rates: Rates): Promise<string> {
  const containers = await listContainers(host);
  const traffic = readVmTraffic(host.sysRoot);
  const told = containers.map(({ name, pid }) => {
    const id = vmIdOf(name);
    if (id === undefined || pid === undefined) return "";
    const { cpuSeconds, memoryKiB } = readContainerUsage(host, name, pid);
    const atMs = host.clock.elapsed();
    const cpu = cpuSeconds === undefined ? undefined : rates.perSecond(`${id} ${pid}`, cpuSeconds, atMs);
    const network = traffic.get(id) ?? insideTraffic(host.procRoot, pid);
    const figures = lines({
      CPU: cpu === undefined ? undefined : (cpu * 100).toFixed(1),
      MEMORY: memoryKiB,
      NETRX: network?.receivedBytes,
      NETTX: network?.sentBytes,
    });
    return figures === "" ? "" : vmFigures(id, name, figures);
  });
  rates.endRound();
  return told.join("");
}

/**
 * As the container sees its own interfaces, where the host's ends have other names. Its root can add interfaces, so
 * the host's ends are the better word.
 */
function insideTraffic(procRoot: string, pid: number): VmTraffic | undefined {
  const rows = readText(join(procRoot, String(pid), "net/dev"));
  if (rows === undefined) return undefined;
  const counters = [...rows.matchAll(/^\s*([^\s:]+):\s*(\d.*)$/gm)]
    .filter(([, name]) => name !== "lo")
    .map(([, , numbers = ""]) => numbers.split(/\s+/).map(Number));
  return {
    receivedBytes: counters.reduce((total, numbers) => total + (numbers[0] ?? 0), 0),
    sentBytes: counters.reduce((total, numbers) => total + (numbers[8] ?? 0), 0),
  };
}
