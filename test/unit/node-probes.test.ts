import { mkdirSync, statfsSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { probe as date } from "../../probes/node-probes.d/host/beacon/date.ts";
import { probe as cpu } from "../../probes/node-probes.d/host/monitor/cpu.ts";
import { probe as memory } from "../../probes/node-probes.d/host/monitor/memory.ts";
import { probe as network } from "../../probes/node-probes.d/host/monitor/network.ts";
import { probe as numa } from "../../probes/node-probes.d/host/monitor/numa.ts";
import { probe as cgroups } from "../../probes/node-probes.d/host/system/cgroups.ts";
import { probe as systemCpu } from "../../probes/node-probes.d/host/system/cpu.ts";
import { probe as datastores } from "../../probes/node-probes.d/host/system/datastores.ts";
import { probe as systemMemory } from "../../probes/node-probes.d/host/system/memory.ts";
import { probe as name } from "../../probes/node-probes.d/host/system/name.ts";
import { probe as systemNuma } from "../../probes/node-probes.d/host/system/numa.ts";
import { probe as pci } from "../../probes/node-probes.d/host/system/pci.ts";
import { probe as disks } from "../../probes/node-probes.d/vm/monitor/disks.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import { stringOf, vectorsOf } from "../../shared/template/types.ts";
import { manualClock } from "../support/manual-clock.ts";
import { machine, readOnce } from "../support/probe-host.ts";

describe("what a host is", () => {
  it("tells architecture, hypervisor, name and version", async () => {
    const host = machine("two-nodes").host({ hypervisor: "lxc" }, { version: "0.1.0" });
    expect(await readOnce(name, host)).toBe(
      "ARCH=x86_64\nHYPERVISOR=lxc\nHOSTNAME=node17.example\nVERSION=0.1.0\n",
    );
  });

  it("takes the agent's word for the name where /proc has none", async () => {
    expect(await readOnce(name, machine("container").host())).toContain("HOSTNAME=named-by-the-agent\n");
  });

  it("tells model, features, 100 for each processor, and the highest speed in MHz", async () => {
    expect(await readOnce(systemCpu, machine("two-nodes").host())).toBe(
      'MODELNAME="Intel(R) Xeon(R) \\"Gold\\" 6130 CPU @ 2.10GHz"\n' +
        'CPU_FEATURES="fpu,vme,aes,avx2"\nTOTALCPU=800\nCPUSPEED=3700\n',
    );
  });

  it("counts no processor that is switched off", async () => {
    expect(await readOnce(systemCpu, machine("no-numa").host())).toBe(
      "MODELNAME=Small\nTOTALCPU=300\nCPUSPEED=2000\n",
    );
  });

  it("names an ARM processor by its numbers, and knows no speed of it", async () => {
    expect(await readOnce(systemCpu, machine("container").host())).toBe(
      'MODELNAME="ARM implementer 0x41 part 0xd0c"\nCPU_FEATURES="fp,asimd"\nTOTALCPU=300\nCPUSPEED=0\n',
    );
  });

  it.each([
    ["two-nodes", "CGROUPS_VERSION=2\n"],
    ["no-numa", "CGROUPS_VERSION=1\n"],
    ["container", ""],
  ])("sees the cgroups of %s", async (fixture, told) => {
    expect(await readOnce(cgroups, machine(fixture).host())).toBe(told);
  });

  it("says when it is", async () => {
    expect(await readOnce(date, machine().host({ clock: manualClock(1_700_000_000_999) }))).toBe(
      "1700000000\n",
    );
  });
});

describe("NUMA nodes", () => {
  it("have cores with their threads, told apart though two packages number them alike", async () => {
    expect(await readOnce(systemNuma, machine("two-nodes").host())).toBe(
      'HUGEPAGE = [ NODE_ID = "0", SIZE = "2048", PAGES = "512" ]\n' +
        'HUGEPAGE = [ NODE_ID = "0", SIZE = "1048576", PAGES = "2" ]\n' +
        'CORE = [ NODE_ID = "0", ID = "0", CPUS = "0,4" ]\n' +
        'CORE = [ NODE_ID = "0", ID = "4", CPUS = "2,6" ]\n' +
        'MEMORY_NODE = [ NODE_ID = "0", TOTAL = "32900000", DISTANCE = "0 1" ]\n' +
        'HUGEPAGE = [ NODE_ID = "1", SIZE = "2048", PAGES = "0" ]\n' +
        'CORE = [ NODE_ID = "1", ID = "0", CPUS = "1,5" ]\n' +
        'CORE = [ NODE_ID = "1", ID = "4", CPUS = "3,7" ]\n' +
        'MEMORY_NODE = [ NODE_ID = "1", TOTAL = "32900000", DISTANCE = "1 0" ]\n',
    );
  });

  it("with two cores of one number name cores by their first thread", async () => {
    const box = machine("two-nodes");
    box.write({
      "sys/devices/system/node/node0/cpulist": "0-7\n",
      "sys/devices/system/node/node1/cpulist": "\n",
    });
    const cores = vectorsOf(parseTemplate(await readOnce(systemNuma, box.host())), "CORE");
    expect(cores.map(({ NODE_ID, ID, CPUS }) => [NODE_ID, ID, CPUS])).toEqual([
      ["0", "0", "0,4"],
      ["0", "1", "1,5"],
      ["0", "2", "2,6"],
      ["0", "3", "3,7"],
    ]);
  });

  it("are one where the kernel knows none, without the thread that is switched off", async () => {
    expect(await readOnce(systemNuma, machine("no-numa").host())).toBe(
      'HUGEPAGE = [ NODE_ID = "0", SIZE = "2048", PAGES = "4" ]\n' +
        'CORE = [ NODE_ID = "0", ID = "0", CPUS = "0,1" ]\n' +
        'CORE = [ NODE_ID = "0", ID = "1", CPUS = "2" ]\n' +
        'MEMORY_NODE = [ NODE_ID = "0", TOTAL = "1000000", DISTANCE = "0" ]\n',
    );
  });

  it("have a core for each processor where no topology is shown", async () => {
    expect(await readOnce(systemNuma, machine("container").host())).toBe(
      'CORE = [ NODE_ID = "0", ID = "0", CPUS = "0" ]\n' +
        'CORE = [ NODE_ID = "0", ID = "1", CPUS = "1" ]\n' +
        'CORE = [ NODE_ID = "0", ID = "3", CPUS = "3" ]\n' +
        'MEMORY_NODE = [ NODE_ID = "0", TOTAL = "4000000", DISTANCE = "0" ]\n',
    );
  });

  it("tell what is free in each", async () => {
    expect(await readOnce(numa, machine("two-nodes").host())).toBe(
      'HUGEPAGE = [ NODE_ID = "0", SIZE = "2048", FREE = "500" ]\n' +
        'HUGEPAGE = [ NODE_ID = "0", SIZE = "1048576", FREE = "1" ]\n' +
        'MEMORY_NODE = [ NODE_ID = "0", FREE = "1200000", USED = "31700000" ]\n' +
        'HUGEPAGE = [ NODE_ID = "1", SIZE = "2048", FREE = "0" ]\n' +
        'MEMORY_NODE = [ NODE_ID = "1", FREE = "800000", USED = "32100000" ]\n',
    );
  });
});

describe("memory", () => {
  it("counts the page cache as free", async () => {
    const host = machine("two-nodes").host();
    expect(await readOnce(systemMemory, host)).toBe("TOTALMEMORY=65800000\n");
    expect(await readOnce(memory, host)).toBe("USEDMEMORY=25800000\nFREEMEMORY=40000000\n");
  });

  it("is estimated for kernels that do not tell what is available", async () => {
    expect(await readOnce(memory, machine("container").host())).toBe(
      "USEDMEMORY=3000000\nFREEMEMORY=1000000\n",
    );
  });

  it("is never freer than there is", async () => {
    expect(await readOnce(memory, machine("no-numa").host())).toBe("USEDMEMORY=0\nFREEMEMORY=1000000\n");
  });

  it("fails rather than guesses", async () => {
    const box = machine("container");
    box.write({ "proc/meminfo": "nonsense\n" });
    await expect(readOnce(memory, box.host())).rejects.toThrow("does not say MemTotal");
  });
});

describe("processor use", () => {
  it("is the mean since boot at first, stolen time included, and the mean since the last round then", async () => {
    const box = machine("two-nodes");
    const probe = cpu.create();
    expect(await probe.read(box.host())).toBe("USEDCPU=128\nFREECPU=672\n");
    const cpus = Array.from({ length: 8 }, (_, index) => `cpu${index} 0 0 0 0\n`).join("");
    // 300 of 400 ticks busy.
    box.write({ "proc/stat": `cpu  1200 100 450 8090 410 20 30 100 300 0\n${cpus}` });
    expect(await probe.read(box.host())).toBe("USEDCPU=600\nFREECPU=200\n");
    // No tick since: since boot again.
    expect(await probe.read(box.host())).toBe("USEDCPU=146\nFREECPU=654\n");
    // A processor less, and iowait that ran backwards.
    box.write({
      "proc/stat": `cpu  1300 100 450 8190 400 20 30 100 300 0\n${cpus.slice(cpus.indexOf("\n") + 1)}`,
    });
    expect(await probe.read(box.host())).toBe("USEDCPU=368\nFREECPU=332\n");
  });

  it("is nothing on a machine whose clock has not ticked", async () => {
    expect(await readOnce(cpu, machine("no-numa").host())).toBe("USEDCPU=0\nFREECPU=300\n");
  });

  it.each(["", "cpu  1 2 x 4\ncpu0 1 2 3 4\n", "cpu  1 2 3 4\n"])("refuses %j", async (stat) => {
    const box = machine("container");
    box.write({ "proc/stat": stat });
    await expect(readOnce(cpu, box.host())).rejects.toThrow("does not read as the kernel's figures");
  });
});

describe("traffic", () => {
  it("counts cards, not what is built upon them", async () => {
    expect(await readOnce(network, machine("two-nodes").host())).toBe("NETRX=12345678902234\nNETTX=230\n");
  });

  it("counts a card once whose port is a card", async () => {
    expect(await readOnce(network, machine("no-numa").host())).toBe("NETRX=10\nNETTX=20\n");
  });

  it("counts all but the loopback where nothing has a device", async () => {
    expect(await readOnce(network, machine("container").host())).toBe("NETRX=505\nNETTX=606\n");
  });
});

describe("PCI devices", () => {
  it("are told with all fields and the names of pci.ids, but no bridges", async () => {
    const box = machine("two-nodes");
    const told = await readOnce(pci, box.host({}, { pciIds: join(box.root, "pci.ids") }));
    expect(told.split("\n")).toEqual([
      'PCI = [ TYPE = "10de:0863:0302", VENDOR = "10de", VENDOR_NAME = "NVIDIA Corporation", DEVICE = "0863", DEVICE_NAME = "C79 [GeForce 9400M]", CLASS = "0302", CLASS_NAME = "Display controller", ADDRESS = "0000:02:00:0", SHORT_ADDRESS = "02:00.0", DOMAIN = "0000", BUS = "02", SLOT = "00", FUNCTION = "0", NUMA_NODE = "1", IFNAME = "-", SRIOV = "no" ]',
      'PCI = [ TYPE = "15b3:1015:0200", VENDOR = "15b3", VENDOR_NAME = "Mellanox Technologies", DEVICE = "1015", DEVICE_NAME = "MT27710 Family [ConnectX-4 Lx]", CLASS = "0200", CLASS_NAME = "Ethernet controller", ADDRESS = "0000:81:00:0", SHORT_ADDRESS = "81:00.0", DOMAIN = "0000", BUS = "81", SLOT = "00", FUNCTION = "0", NUMA_NODE = "0", IFNAME = "eno1", SRIOV = "pf", SRIOV_NUM = "1" ]',
      'PCI = [ TYPE = "15b3:1016:0200", VENDOR = "15b3", VENDOR_NAME = "Mellanox Technologies", DEVICE = "1016", DEVICE_NAME = "MT27710 Family [ConnectX-4 Lx Virtual Function]", CLASS = "0200", CLASS_NAME = "Ethernet controller", ADDRESS = "0000:81:00:1", SHORT_ADDRESS = "81:00.1", DOMAIN = "0000", BUS = "81", SLOT = "00", FUNCTION = "1", NUMA_NODE = "-", IFNAME = "-", SRIOV = "vf" ]',
      'PCI = [ TYPE = "1af4:1041:0200", VENDOR = "1af4", VENDOR_NAME = "Red Hat, Inc.", DEVICE = "1041", CLASS = "0200", CLASS_NAME = "Ethernet controller", ADDRESS = "0000:82:00:0", SHORT_ADDRESS = "82:00.0", DOMAIN = "0000", BUS = "82", SLOT = "00", FUNCTION = "0", NUMA_NODE = "-", IFNAME = "eth7", SRIOV = "no" ]',
      "",
    ]);
  });

  it("have no names where there is no pci.ids", async () => {
    const box = machine("two-nodes");
    const told = await readOnce(pci, box.host({}, { pciIds: join(box.root, "none") }));
    expect(told).not.toContain("_NAME");
    expect(told.match(/^PCI/gm)).toHaveLength(4);
  });

  it.each([
    ["0:0", []],
    ["*:*", ["0000:00:00:0", "0000:02:00:0", "0000:81:00:0", "0000:81:00:1", "0000:82:00:0"]],
    ["10DE:*, 15b3:1016", ["0000:02:00:0", "0000:81:00:1"]],
    ["*:*:0200", ["0000:81:00:0", "0000:81:00:1", "0000:82:00:0"]],
    ["", []],
  ])("are chosen by the filter %j", async (pciFilter, addresses) => {
    const told = await readOnce(pci, machine("two-nodes").host({}, { pciFilter }));
    expect(vectorsOf(parseTemplate(told), "PCI").map(({ ADDRESS }) => ADDRESS)).toEqual(addresses);
  });

  it("are none where there is no bus", async () => {
    expect(await readOnce(pci, machine("container").host())).toBe("");
  });
});

describe("datastores", () => {
  it("tell how full they are, each and the place of all", async () => {
    const box = machine();
    box.write({ "datastores/0/x": "", "datastores/101/x": "", "datastores/.trash/x": "" });
    const template = parseTemplate(await readOnce(datastores, box.host()));
    const { blocks, bsize } = statfsSync(box.root);
    const total = String(Math.floor((blocks * bsize) / 2 ** 20));
    expect(stringOf(template, "DS_LOCATION_TOTAL_MB")).toBe(total);
    expect(vectorsOf(template, "DS").map(({ ID, TOTAL_MB }) => [ID, TOTAL_MB])).toEqual([
      ["0", total],
      ["101", total],
    ]);
  });

  it("are none on a host without their folder", async () => {
    expect(await readOnce(datastores, machine().host())).toBe("");
  });

  it("end with the round", async () => {
    const signal = AbortSignal.abort(new Error("The round is over."));
    await expect(readOnce(datastores, machine().host({ signal }))).rejects.toThrow("The round is over.");
  });

  it("tell the sizes of VMs' disks and snapshots, walking seldom", async () => {
    const box = machine();
    const clock = manualClock();
    box.write({
      "datastores/0/7/disk.0": "a",
      "datastores/0/7/disk.1.snap/2": "",
      "datastores/0/7/deployment.0": "b",
      "datastores/1/abcdef": "an image",
      "datastores/0/12/disk.10": "",
    });
    writeFileSync(join(box.root, "datastores/0/7/disk.1.snap/0"), Buffer.alloc(3 * 2 ** 20, 1));
    symlinkSync("disk.1.snap/0", join(box.root, "datastores/0/7/disk.1"));
    mkdirSync(join(box.root, "datastores/0/99"));
    const probe = disks.create();
    const told = await probe.read(box.host({ clock }));
    const vms = vectorsOf(parseTemplate(told), "VM").map(({ ID, DEPLOY_ID, MONITOR = "" }) => [
      ID,
      DEPLOY_ID,
      Buffer.from(MONITOR, "base64").toString(),
    ]);
    expect(vms).toEqual([
      [
        "7",
        undefined,
        'DISK_SIZE = [ ID = "0", SIZE = "1" ]\nDISK_SIZE = [ ID = "1", SIZE = "3" ]\n' +
          'SNAPSHOT_SIZE = [ ID = "0", DISK_ID = "1", SIZE = "3" ]\nSNAPSHOT_SIZE = [ ID = "2", DISK_ID = "1", SIZE = "0" ]\n',
      ],
      ["12", undefined, 'DISK_SIZE = [ ID = "10", SIZE = "0" ]\n'],
    ]);
    box.write({ "datastores/0/13/disk.0": "new" });
    clock.advance(119_000);
    expect(await probe.read(box.host({ clock }))).toBe(told);
    clock.advance(1000);
    expect(await probe.read(box.host({ clock }))).toContain('ID = "13"');
  });
});
