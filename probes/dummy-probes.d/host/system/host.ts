/** What a dummy host pretends to be: always the same, as upstream's (golden dummy-SYSTEM_HOST). */

import {
  DUMMY_CORES_A_NODE,
  DUMMY_NODE_KIB,
  DUMMY_NODES,
  DUMMY_PAGE_SIZES_KIB,
  DUMMY_PAGES,
  DUMMY_THREADS,
  DUMMY_TOTAL_KIB,
  DUMMY_TOTAL_PERCENT,
} from "../../../lib/dummy-host.ts";
import { lines, vector } from "../../../lib/text.ts";
import type { ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = {
  group: "host/system",
  name: "host",
  create: () => ({
    read: async ({ hypervisor, hostName, settings }) =>
      lines({
        ARCH: "x86_64",
        HYPERVISOR: hypervisor,
        MODELNAME: "Dummy(R) Core @ 3.2GHz",
        CPUSPEED: 3200,
        TOTALMEMORY: DUMMY_TOTAL_KIB,
        TOTALCPU: DUMMY_TOTAL_PERCENT,
        DS_LOCATION_USED_MB: 9720,
        DS_LOCATION_TOTAL_MB: 20_480,
        DS_LOCATION_FREE_MB: 10_760,
        KVM_CPU_MODELS: "qemu64 kvm64 Nehalem Westmere SandyBridge IvyBridge SapphireRapids",
        KVM_CPU_FEATURES: "vme,ss,ht,vmx,rdrand,vaes,pdpe1gb,invtsc",
        MEMORY_ENCRYPTION: "SEV",
        HOSTNAME: hostName,
        VERSION: settings.version,
      }) +
      DUMMY_NODES.map(nodeText).join("") +
      vector("PCI", GPU),
  }),
};

const GPU = {
  TYPE: "10de:0863:0302",
  VENDOR: "10de",
  VENDOR_NAME: "NVIDIA Corporation",
  DEVICE: "0863",
  DEVICE_NAME: "C79 [GeForce 9400M]",
  CLASS: "0302",
  CLASS_NAME: "3D controller",
  ADDRESS: "0000:02:00:0",
  SHORT_ADDRESS: "02:00.0",
  DOMAIN: "0000",
  BUS: "02",
  SLOT: "00",
  FUNCTION: "0",
  NUMA_NODE: 1,
  IFNAME: "-",
  SRIOV: "no",
};

function nodeText(node: number): string {
  const cores = DUMMY_NODES.length * DUMMY_CORES_A_NODE;
  const coreLines = Array.from({ length: DUMMY_CORES_A_NODE }, (_, index) => {
    const id = node * DUMMY_CORES_A_NODE + index;
    const cpus = Array.from({ length: DUMMY_THREADS }, (_, thread) => id + thread * cores);
    return vector("CORE", { NODE_ID: node, ID: id, CPUS: cpus.join(",") });
  });
  const pages = DUMMY_PAGE_SIZES_KIB.map((size) =>
    vector("HUGEPAGE", { NODE_ID: node, SIZE: size, PAGES: DUMMY_PAGES }),
  );
  const others = DUMMY_NODES.filter((other) => other !== node);
  const memory = { NODE_ID: node, TOTAL: DUMMY_NODE_KIB, DISTANCE: [node, ...others].join(" ") };
  return [...coreLines, ...pages, vector("MEMORY_NODE", memory)].join("");
}
