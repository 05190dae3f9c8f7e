import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { dummyListPath, followDummyGuests } from "../../gateway/cloud/embedded/drivers/dummy-list.ts";
import type { CloudEvent } from "../../gateway/cloud/event.ts";
import type { HistoryRecord, Vm } from "../../gateway/cloud/model.ts";
import { probesOf } from "../../probes/catalogue.ts";
import { probe as hostFigures } from "../../probes/dummy-probes.d/host/monitor/figures.ts";
import { probe as host } from "../../probes/dummy-probes.d/host/system/host.ts";
import { probe as vmFigures } from "../../probes/dummy-probes.d/vm/monitor/figures.ts";
import { type DummyGuest, printDummyList, readDummyList } from "../../shared/guests/dummy-list.ts";
import { LCM_STATE } from "../../shared/states/lcm.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import { stringOf, type Template, vectorsOf } from "../../shared/template/types.ts";
import { blankVm } from "../support/blank-vm.ts";
import { DUMMY_STAY } from "../support/dummy-stay.ts";
import { manualClock } from "../support/manual-clock.ts";
import { machine, readOnce } from "../support/probe-host.ts";

const GUESTS: readonly DummyGuest[] = [
  { id: 84, deployId: "dummyhost2:master_0_(service_222):dummy", cpu: 2, memoryMiB: 64 },
  { id: 0, deployId: 'dummyhost2:a "b":dummy', cpu: 0.1, memoryMiB: 128 },
];

/** A host with these VMs, and its list of them. */
function dummyHost(guests: readonly DummyGuest[] = GUESTS, hostId = 2) {
  const box = machine();
  box.write({ "list.json": printDummyList(guests) });
  const settings = { dummyList: join(box.root, "list.json") };
  return box.host({ hypervisor: "dummy", hostId, hostName: "dummyhost2", clock: manualClock() }, settings);
}

function figuresOf(text: string): readonly Template[] {
  return vectorsOf(parseTemplate(text), "VM").map(({ MONITOR = "" }) =>
    parseTemplate(Buffer.from(MONITOR, "base64").toString()),
  );
}

describe("a dummy host", () => {
  it("pretends to be upstream's, the same each time", async () => {
    const told = await readOnce(host, dummyHost());
    const template = parseTemplate(told);
    expect(stringOf(template, "TOTALCPU")).toBe("800");
    expect(stringOf(template, "TOTALMEMORY")).toBe("16777216");
    expect(stringOf(template, "HOSTNAME")).toBe("dummyhost2");
    expect(told).toContain('CORE = [ NODE_ID = "1", ID = "15", CPUS = "15,31,47,63" ]\n');
    expect(told).toContain('MEMORY_NODE = [ NODE_ID = "1", TOTAL = "8388608", DISTANCE = "1 0" ]\n');
    expect(await readOnce(host, dummyHost())).toBe(told);
  });

  it("draws figures that are the same again for its id and round, and add up", async () => {
    const rounds = async (hostId: number): Promise<readonly string[]> => {
      const probe = hostFigures.create();
      const box = dummyHost([], hostId);
      return [await probe.read(box), await probe.read(box)];
    };
    const [first = "", second] = await rounds(2);
    expect(await rounds(2)).toEqual([first, second]);
    expect(second).not.toBe(first);
    expect(await rounds(3)).not.toEqual([first, second]);
    const number = (name: string): number => Number(stringOf(parseTemplate(first), name));
    expect(number("USEDCPU") + number("FREECPU")).toBe(800);
    expect(number("USEDMEMORY") + number("FREEMEMORY")).toBe(16_777_216);
    expect([number("NETTX"), number("NETRX")]).toEqual([1_241_307_203_246_698, 50_104_108_822_222]);
  });

  it("tells no states of VMs, as upstream's does not", () => {
    expect(probesOf("dummy", "vm/status")).toEqual([]);
  });
});

describe("the VMs of a dummy host", () => {
  it("have figures in upstream's order and ranges, the same again for their ids and round", async () => {
    const probe = vmFigures.create();
    const box = dummyHost();
    const first = await probe.read(box);
    expect(await readOnce(vmFigures, dummyHost())).toBe(first);
    expect(await probe.read(box)).not.toBe(first);
    expect(await readOnce(vmFigures, dummyHost(GUESTS, 3))).not.toBe(first);
    const vms = vectorsOf(parseTemplate(first), "VM");
    expect(vms.map(({ ID, DEPLOY_ID }) => [ID, DEPLOY_ID])).toEqual(
      GUESTS.map(({ id, deployId }) => [String(id), deployId]),
    );
    expect(Buffer.from(vms[0]?.MONITOR ?? "", "base64").toString()).toMatch(
      /^NETTX=\d+\nNETRX=\d+\nMEMORY=\d+\nCPU=\d+\nDISKRDBYTES=\d+\nDISKWRBYTES=\d+\nDISKRDIOPS=\d+\nDISKWRIOPS=\d+\n$/,
    );
  });

  it("stay within what their templates give them, over many rounds", async () => {
    const probe = vmFigures.create();
    const box = dummyHost();
    const seen: { readonly cpu: number; readonly memory: number }[] = [];
    for (let round = 0; round < 300; round += 1) {
      const [figures = {}] = figuresOf(await probe.read(box));
      seen.push({ cpu: Number(stringOf(figures, "CPU")), memory: Number(stringOf(figures, "MEMORY")) });
    }
    const cpus = seen.map(({ cpu }) => cpu);
    const memories = seen.map(({ memory }) => memory);
    expect(Math.min(...cpus)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...cpus)).toBeLessThanOrEqual(200);
    expect(Math.max(...cpus) - Math.min(...cpus)).toBeGreaterThan(150);
    expect(Math.min(...memories)).toBeGreaterThanOrEqual(Math.floor((65_536 * 20) / 100));
    expect(Math.max(...memories)).toBeLessThanOrEqual(65_536);
  });

  it("are none without a list, and a failure with one that does not read", async () => {
    const box = machine();
    expect(await readOnce(vmFigures, box.host())).toBe("");
    const dummyList = join(box.root, "list.json");
    expect(await readOnce(vmFigures, box.host({}, { dummyList }))).toBe("");
    box.write({ "list.json": '{"guests":[{"id":-1}]}' });
    await expect(readOnce(vmFigures, box.host({}, { dummyList }))).rejects.toThrow();
  });
});

describe("the lists of simulated VMs", () => {
  const simulated = (id: number, lcmState: number, stays: readonly Partial<HistoryRecord>[] = [{}]): Vm =>
    blankVm({
      id,
      name: `vm-${id}`,
      state: VM_STATE.ACTIVE,
      lcmState,
      deployId: `dummyhost1:vm-${id}:dummy`,
      template: { CPU: "0.5", MEMORY: "256" },
      history: stays.map((changes, seq) => ({ ...DUMMY_STAY, seq, ...changes })),
    });

  function follow(vms: readonly Vm[]) {
    const base = mkdtempSync(join(tmpdir(), "gatehouse-dummy-"));
    const directory = join(base, "lists");
    const listeners = new Set<(event: CloudEvent) => void>();
    const clock = manualClock();
    const errors: unknown[] = [];
    const subscribe = (listener: (event: CloudEvent) => void): (() => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    };
    const stop = followDummyGuests({ subscribe }, vms, {
      directory,
      clock,
      onError: (error) => errors.push(error),
    });
    onTestFinished(() => rmSync(base, { recursive: true, force: true }));
    const change = (vm: Vm): void => {
      for (const listener of listeners) listener({ kind: "vm_state", vm, previous: undefined });
    };
    const ids = (hostId: number): readonly number[] =>
      readDummyList(dummyListPath(directory, hostId)).map(({ id }) => id);
    return { directory, clock, errors, stop, change, ids, listeners };
  }

  it("hold the VMs that run on each dummy host, with what their templates give them", () => {
    const { directory, ids } = follow([
      simulated(1, LCM_STATE.RUNNING),
      simulated(2, LCM_STATE.BOOT),
      simulated(3, LCM_STATE.RUNNING, [{ hostId: 4, vmMad: "kvm" }]),
      simulated(5, LCM_STATE.RUNNING, [{ hostId: 1 }, { hostId: 2 }]),
    ]);
    expect(readDummyList(dummyListPath(directory, 1))).toEqual([
      { id: 1, deployId: "dummyhost1:vm-1:dummy", cpu: 0.5, memoryMiB: 256 },
    ]);
    expect(ids(2)).toEqual([5]);
    expect(existsSync(dummyListPath(directory, 4))).toBe(false);
  });

  it("follow what happens, many changes in one write, a migration on both hosts", () => {
    const { clock, change, ids } = follow([simulated(1, LCM_STATE.RUNNING)]);
    change(simulated(2, LCM_STATE.RUNNING));
    change(simulated(1, LCM_STATE.RUNNING, [{ hostId: 1 }, { hostId: 2 }]));
    change(blankVm({ id: 9 }));
    expect(ids(1)).toEqual([1]);
    expect(clock.waiting()).toBe(1);
    clock.advance(1000);
    expect([ids(1), ids(2)]).toEqual([[2], [1]]);
    change({ ...simulated(2, 0), state: VM_STATE.POWEROFF });
    clock.advance(1000);
    expect(ids(1)).toEqual([]);
  });

  it("tell of a list that cannot be written, and write it with the next change", () => {
    const { directory, clock, change, ids, errors } = follow([simulated(1, LCM_STATE.RUNNING)]);
    rmSync(directory, { recursive: true });
    writeFileSync(directory, "in the way");
    change(simulated(2, LCM_STATE.RUNNING));
    clock.advance(1000);
    expect(errors).toHaveLength(1);
    expect(readFileSync(directory, "utf8")).toBe("in the way");
    rmSync(directory);
    change(simulated(3, LCM_STATE.RUNNING, [{ hostId: 2 }]));
    clock.advance(1000);
    expect([ids(1), ids(2)]).toEqual([[1, 2], [3]]);
  });

  it("are left alone once it has stopped", () => {
    const { clock, change, stop, ids, listeners } = follow([simulated(1, LCM_STATE.RUNNING)]);
    change(simulated(2, LCM_STATE.RUNNING));
    stop();
    clock.advance(1000);
    expect(ids(1)).toEqual([1]);
    expect(listeners.size).toBe(0);
  });
});
