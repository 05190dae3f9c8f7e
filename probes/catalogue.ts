/** All probes of our own, by hypervisor and group, in the order in which a group is run. */

import { probe as dummyHostFigures } from "./dummy-probes.d/host/monitor/figures.ts";
import { probe as dummyHost } from "./dummy-probes.d/host/system/host.ts";
import { probe as dummyVmFigures } from "./dummy-probes.d/vm/monitor/figures.ts";
import { probe as kvmCpuModels } from "./kvm-probes.d/host/system/cpu-models.ts";
import { probe as kvmMachines } from "./kvm-probes.d/host/system/machines.ts";
import { probe as kvmWildVms } from "./kvm-probes.d/host/system/wild-vms.ts";
import { probe as kvmVmFigures } from "./kvm-probes.d/vm/monitor/figures.ts";
import { probe as kvmVmState } from "./kvm-probes.d/vm/status/state.ts";
import { probe as lxcVmFigures } from "./lxc-probes.d/vm/monitor/figures.ts";
import { probe as lxcVmState } from "./lxc-probes.d/vm/status/state.ts";
import { probe as date } from "./node-probes.d/host/beacon/date.ts";
import { probe as cpu } from "./node-probes.d/host/monitor/cpu.ts";
import { probe as hypervisor } from "./node-probes.d/host/monitor/hypervisor.ts";
import { probe as memory } from "./node-probes.d/host/monitor/memory.ts";
import { probe as network } from "./node-probes.d/host/monitor/network.ts";
import { probe as numa } from "./node-probes.d/host/monitor/numa.ts";
import { probe as cgroups } from "./node-probes.d/host/system/cgroups.ts";
import { probe as systemCpu } from "./node-probes.d/host/system/cpu.ts";
import { probe as datastores } from "./node-probes.d/host/system/datastores.ts";
import { probe as systemMemory } from "./node-probes.d/host/system/memory.ts";
import { probe as name } from "./node-probes.d/host/system/name.ts";
import { probe as systemNuma } from "./node-probes.d/host/system/numa.ts";
import { probe as pci } from "./node-probes.d/host/system/pci.ts";
import { probe as vmDisks } from "./node-probes.d/vm/monitor/disks.ts";
import type { ProbeGroup, ProbeModule } from "./probe.ts";
import { probe as processVmDisks } from "./process-probes.d/vm/monitor/disks.ts";
import { probe as processVmFigures } from "./process-probes.d/vm/monitor/figures.ts";
import { probe as processVmState } from "./process-probes.d/vm/status/state.ts";
import { probe as qemuVmFigures } from "./qemu-probes.d/vm/monitor/figures.ts";
import { probe as qemuVmState } from "./qemu-probes.d/vm/status/state.ts";

/** What every Linux host tells of itself. */
const NODE: readonly ProbeModule[] = [
  date,
  name,
  systemCpu,
  systemMemory,
  cgroups,
  datastores,
  systemNuma,
  pci,
  hypervisor,
  memory,
  cpu,
  network,
  numa,
];

const BY_HYPERVISOR: Readonly<Record<string, readonly ProbeModule[]>> = {
  // libvirt and QEMU tell the sizes of disks themselves.
  kvm: [...NODE, kvmCpuModels, kvmMachines, kvmWildVms, kvmVmFigures, kvmVmState],
  qemu: [...NODE, qemuVmFigures, qemuVmState],
  lxc: [...NODE, lxcVmFigures, vmDisks, lxcVmState],
  // Its VMs are not in the datastores; their ids could meet those of VMs that are.
  process: [...NODE, processVmFigures, processVmDisks, processVmState],
  // It simulates the whole machine, and as upstream's tells no states of VMs.
  dummy: [date, dummyHost, dummyHostFigures, dummyVmFigures],
};

/** Hypervisors that we have probes for. */
export const HYPERVISORS: readonly string[] = Object.keys(BY_HYPERVISOR);

/** Our probes of a group, in order; none for a hypervisor, or a group of it, that we know nothing of. */
export function probesOf(hypervisor: string, group: ProbeGroup): readonly ProbeModule[] {
  const probes = Object.hasOwn(BY_HYPERVISOR, hypervisor) ? BY_HYPERVISOR[hypervisor] : undefined;
  return probes?.filter((probe) => probe.group === group) ?? [];
}
