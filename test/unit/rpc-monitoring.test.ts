import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { hostMonitoring, hostReadings, vmMonitoring } from "../../gateway/cloud/document/readings.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { openSeries, type SqliteSeries } from "../../gateway/store/series/sqlite-series.ts";
import { silentLogger } from "../../shared/log.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import type { Template } from "../../shared/template/types.ts";
import { nodesAt, textAt } from "../../shared/xml/node.ts";
import { xmlToTree } from "../../shared/xml/parse.ts";
import { testCloud, vmInPhase } from "../support/embedded.ts";
import { manualClock } from "../support/manual-clock.ts";
import { monitorRecordings } from "../support/monitor-recordings.ts";
import { reading } from "../support/series.ts";
import { openRpc, type RpcServer } from "../support/xmlrpc.ts";

const ADMIN = "oneadmin:secret";
const NOW = 1_700_000_000;
const MINUTE = 60;
const HOUR = 3_600;
const RAW_S = 12 * HOUR;

let directory: string;
let series: SqliteSeries;
let cloud: EmbeddedCloud;
let rpc: RpcServer;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "gatehouse-rpc-monitoring-"));
  // The VMs are there long before they are measured.
  const clock = manualClock((NOW - 20 * HOUR) * 1_000);
  const rawSeconds = { hosts: RAW_S, vms: RAW_S };
  series = await openSeries(join(directory, "series.db"), { clock, log: silentLogger, rawSeconds });
  ({ cloud } = await testCloud({ clock, series }));
  rpc = openRpc(cloud, clock);
  for (const _ of ["first", "second"]) await rpc.value("one.vm.allocate", ADMIN, "CPU=1 MEMORY=64", true);
  for (const id of [0, 1]) {
    await rpc.value("one.vm.action", ADMIN, "release", id);
    await vmInPhase(cloud, SYSTEM, id, "RUNNING");
  }
  clock.jump(NOW * 1_000 - clock.now());
});

afterEach(async () => {
  await cloud.close();
  await series.close();
  rmSync(directory, { recursive: true });
});

/** What the daemon does with a MONITOR_VM of host 0. */
function measured(at: number, cpus: readonly number[]): void {
  const readings = cpus.map((cpu, id) => reading(id, cpu));
  cloud.monitoring.vmsMonitored(0, readings, at);
  series.append({ hostId: 0, at, vms: readings });
}

function hostMeasured(at: number, cpu: number): void {
  const attributes = { HYPERVISOR: "dummy", USEDCPU: String(cpu), FREECPU: "1", NETRX: "9" };
  cloud.monitoring.hostMonitored(0, { kind: "host", attributes, wilds: [] }, at);
  series.append({ hostId: 0, at, host: attributes, vms: [] });
}

/** TIMESTAMP, ID and one value of each MONITORING. */
async function told(name: string, method: string, ...parameters: readonly number[]) {
  const { node } = xmlToTree(await rpc.value(method, ADMIN, ...parameters));
  return nodesAt(node, "MONITORING").map((each) => [
    Number(textAt(each, "TIMESTAMP")) - NOW,
    Number(textAt(each, "ID")),
    Number(textAt(each, name)),
  ]);
}

describe("one.vm.monitoring", () => {
  beforeEach(() => {
    measured(NOW - 2 * HOUR, [1, 11]);
    measured(NOW - 10 * MINUTE, [2, 12]);
    measured(NOW - MINUTE, [3, 13]);
  });

  it("gives all that is kept, the last, or those of so many seconds back", async () => {
    const all = [
      [-2 * HOUR, 0, 1],
      [-10 * MINUTE, 0, 2],
      [-MINUTE, 0, 3],
    ];
    expect(await told("CPU", "one.vm.monitoring", 0)).toEqual(all);
    expect(await told("CPU", "one.vm.monitoring", 0, -1)).toEqual(all);
    expect(await told("CPU", "one.vm.monitoring", 0, 0)).toEqual(all.slice(2));
    expect(await told("CPU", "one.vm.monitoring", 0, 600)).toEqual(all.slice(1));
    expect(await told("CPU", "one.vm.monitoring", 0, 30)).toEqual([]);
    expect(await rpc.value("one.vm.monitoring", ADMIN, 0, 30)).toBe("<MONITORING_DATA/>");
  });

  it("gives windows beyond half a day: the last of counters, the mean of others", async () => {
    measured(NOW - 90, [5, 15]);
    measured(NOW - 30, [9, 19]);
    const windows = await told("CPU", "one.vm.monitoring", 0, 13 * HOUR);
    expect(windows.at(-1)).toEqual([-30, 0, 5.67]);
    expect(windows).toHaveLength(3);
    expect((await told("NETRX", "one.vm.monitoring", 0, 13 * HOUR)).at(-1)).toEqual([-30, 0, 45]);
  });

  it("of the pool goes from VM to VM, each in order of time", async () => {
    expect(await told("CPU", "one.vmpool.monitoring", -2, 600)).toEqual([
      [-10 * MINUTE, 0, 2],
      [-MINUTE, 0, 3],
      [-10 * MINUTE, 1, 12],
      [-MINUTE, 1, 13],
    ]);
    expect(await told("CPU", "one.vmpool.monitoring", -2, 0)).toEqual([
      [-MINUTE, 0, 3],
      [-MINUTE, 1, 13],
    ]);
  });

  it("is what a VM's documents show as MONITORING, long and short", async () => {
    const { node } = xmlToTree(await rpc.value("one.vm.info", ADMIN, 1));
    expect(nodesAt(node, "MONITORING")).toEqual([
      { CPU: "13", ID: "1", MEMORY: "1013", NETRX: "65", TIMESTAMP: String(NOW - MINUTE) },
    ]);
    expect(textAt(node, "LAST_POLL")).toBe(String(NOW - MINUTE));
    const pool = xmlToTree(await rpc.value("one.vmpool.info", ADMIN, -2, -1, -1, -1)).node;
    expect(nodesAt(pool, "VM/MONITORING/MEMORY")).toEqual(["1013", "1003"]);
    const extended = xmlToTree(await rpc.value("one.vmpool.infoextended", ADMIN, -2, -1, -1, -1)).node;
    expect(nodesAt(extended, "VM/MONITORING/CPU")).toEqual(["13", "3"]);
  });
});

describe("one.host.monitoring", () => {
  it("gives a host's readings, alone and of the pool, and its latest in its documents", async () => {
    hostMeasured(NOW - HOUR, 100);
    hostMeasured(NOW - MINUTE, 200);
    const name = "CAPACITY/USED_CPU";
    const all = [
      [-HOUR, 0, 100],
      [-MINUTE, 0, 200],
    ];
    expect(await told(name, "one.host.monitoring", 0)).toEqual(all);
    expect(await told(name, "one.hostpool.monitoring", 120)).toEqual(all.slice(1));
    expect(await told(name, "one.hostpool.monitoring", 0)).toEqual(all.slice(1));
    const { node } = xmlToTree(await rpc.value("one.host.info", ADMIN, 0));
    expect(textAt(node, `MONITORING/${name}`)).toBe("200");
    expect(textAt(node, "MONITORING/SYSTEM/NETRX")).toBe("9");
  });

  it("shows capacity less what is reserved, and how many wild VMs there are", async () => {
    const attributes = parseTemplate(
      'TOTALCPU=800 \n TOTALMEMORY=1000 \n RESERVED_CPU="100" \n RESERVED_MEM="-10%"',
    );
    const wilds = [{ name: "pet", deployId: "pet-1", importTemplate: "", more: {} }];
    await cloud.monitoring.hostSystem(0, { kind: "host", attributes, wilds }, NOW);
    const { node } = xmlToTree(await rpc.value("one.host.info", ADMIN, 0));
    const share = ["TOTAL_CPU", "MAX_CPU", "TOTAL_MEM", "MAX_MEM"].map((at) =>
      textAt(node, `HOST_SHARE/${at}`),
    );
    expect(share).toEqual(["800", "700", "1000", "1100"]);
    expect([textAt(node, "TEMPLATE/TOTAL_WILDS"), textAt(node, "TEMPLATE/WILDS")]).toEqual(["1", "pet"]);
  });
});

describe("documents of recorded messages", () => {
  const world = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/oneflow-world.json"), "utf8"));
  const recorded = world.hosts.map((one: { HOST: Readonly<Record<string, unknown>> }) => one.HOST)[0];
  const payload = (name: string): Template => {
    const found = monitorRecordings().find((one) => one.name === name);
    return parseTemplate(found?.payload ?? "");
  };

  it("have the capacity of the host that sent them, part for part", () => {
    const template = { ...payload("dummy-SYSTEM_HOST-2"), RESERVED_CPU: "", RESERVED_MEM: "" };
    const { share, template: shown } = hostReadings({ id: 2, template }, undefined, undefined);
    const { MEM_USAGE, CPU_USAGE, RUNNING_VMS, VMS_THREAD, ...measuredShare } = recorded.HOST_SHARE;
    expect(share).toEqual(measuredShare);
    expect(Object.keys(shown ?? {}).sort()).toEqual(
      Object.keys(recorded.TEMPLATE).filter((name) => !["IM_MAD", "VM_MAD"].includes(name)),
    );
  });

  it("have the reading in the recorded form", () => {
    const attributes = payload("dummy-MONITOR_HOST-1");
    const monitoring = hostMonitoring(2, { at: 7, attributes });
    const shape = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shape);
      if (typeof value !== "object" || value === null) return typeof value;
      return Object.entries(value).map(([name, inner]) => [name, shape(inner)]);
    };
    expect(shape(monitoring)).toEqual(shape(recorded.MONITORING));
    expect(Object.keys(vmMonitoring(3, { at: 7, attributes: { NETRX: "1", CPU: "2" } }))).toEqual([
      "CPU",
      "ID",
      "NETRX",
      "TIMESTAMP",
    ]);
  });
});
