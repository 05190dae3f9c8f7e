/** States that probes report: the table of spec monitoring.md 7, in time, and not before a VM has settled. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { SETTLE_S } from "../../gateway/cloud/embedded/monitoring/state-rules.ts";
import type { CloudEvent } from "../../gateway/cloud/event.ts";
import type { StateOutcome } from "../../gateway/cloud/monitoring.ts";
import type { ReportedState } from "../../shared/monitor/readings.ts";
import { phase } from "../conformance/cloud/setup.ts";
import { testCloud, vmInPhase } from "../support/embedded.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";

const NOTHING_IGNORED = { unknown: 0, same: 0, stale: 0, deferred: 0 };
const SETTLE_MS = SETTLE_S * 1_000;

let clock: ManualClock;
let cloud: EmbeddedCloud;
let hostId: number;
let vmId: number;

beforeEach(async () => {
  clock = manualClock();
  ({ cloud } = await testCloud({ clock }));
  vmId = await cloud.vms.allocate(SYSTEM, { NAME: "vm" });
  const vm = await vmInPhase(cloud, SYSTEM, vmId, "RUNNING");
  hostId = vm.history.at(-1)?.hostId ?? -1;
});

afterEach(() => cloud.close());

const now = (): number => Math.floor(clock.now() / 1_000);

interface Told {
  readonly id?: number;
  readonly at?: number;
  readonly sync?: boolean;
  readonly missing?: ReportedState;
  readonly deployId?: string;
}

async function report(state: ReportedState | undefined, told: Told = {}): Promise<StateOutcome> {
  const { id = vmId, at = now(), sync = false, missing, deployId = "one-0" } = told;
  const vms = state === undefined ? [] : [{ id, deployId, state, more: {} }];
  return await cloud.monitoring.vmStates(hostId, { sync, missingState: missing, vms }, at);
}

const phaseNow = async (): Promise<string> => phase(await cloud.vms.get(SYSTEM, vmId));

/** Brings the VM to a phase by a report, and lets it settle there. */
async function settledIn(state: ReportedState): Promise<void> {
  clock.advance(SETTLE_MS);
  if (state !== "RUNNING") await report(state);
  clock.advance(SETTLE_MS);
}

describe("a reported state", () => {
  const moves = [
    ["RUNNING", "POWEROFF", "POWEROFF"],
    ["RUNNING", "SUSPENDED", "SUSPENDED"],
    ["RUNNING", "FAILURE", "UNKNOWN"],
    ["RUNNING", "UNKNOWN", "UNKNOWN"],
    ["POWEROFF", "RUNNING", "RUNNING"],
    ["SUSPENDED", "RUNNING", "RUNNING"],
    ["UNKNOWN", "RUNNING", "RUNNING"],
    ["UNKNOWN", "POWEROFF", "POWEROFF"],
    ["UNKNOWN", "SUSPENDED", "SUSPENDED"],
  ] as const;

  it.each(moves)("moves a VM from %s by %s to %s, once", async (from, state, to) => {
    await settledIn(from);
    const told: CloudEvent[] = [];
    cloud.subscribe((event) => told.push(event));
    expect(await report(state)).toEqual({ changed: [vmId], ignored: NOTHING_IGNORED });
    expect(await phaseNow()).toBe(to);
    expect(await report(state)).toEqual({ changed: [], ignored: { ...NOTHING_IGNORED, same: 1 } });
    expect(told.map(({ kind }) => kind)).toEqual(["vm_state"]);
  });

  it.each([
    ["POWEROFF", "SUSPENDED"],
    ["POWEROFF", "FAILURE"],
    ["SUSPENDED", "POWEROFF"],
    ["UNKNOWN", "FAILURE"],
    ["RUNNING", "RUNNING"],
  ] as const)("says nothing new of a VM that is %s: %s", async (from, state) => {
    await settledIn(from);
    expect((await report(state)).ignored.same).toBe(1);
  });

  it("brings the deploy id with RUNNING, where it is told", async () => {
    await settledIn("POWEROFF");
    await report("RUNNING", { deployId: "uuid-9" });
    expect((await cloud.vms.get(SYSTEM, vmId)).deployId).toBe("uuid-9");
  });

  it("counts VMs that are not there or stay elsewhere", async () => {
    await settledIn("RUNNING");
    for (const id of [999, -1]) expect((await report("POWEROFF", { id })).ignored.unknown).toBe(1);
    const other = {
      sync: false,
      missingState: undefined,
      vms: [{ id: vmId, deployId: "", state: "POWEROFF", more: {} }],
    } as const;
    expect((await cloud.monitoring.vmStates(hostId + 1, other, now())).ignored.unknown).toBe(1);
    expect(await phaseNow()).toBe("RUNNING");
  });

  it("that was measured before the VM came to where it is changes nothing, also when it comes again", async () => {
    await settledIn("RUNNING");
    const at = now();
    await report("POWEROFF", { at });
    clock.advance(1_000);
    await cloud.vms.act(SYSTEM, vmId, "resume");
    await vmInPhase(cloud, SYSTEM, vmId, "RUNNING");
    expect((await report("POWEROFF", { at })).ignored.stale).toBe(1);
    clock.advance(2 * SETTLE_MS);
    expect(await phaseNow()).toBe("RUNNING");
  });
});

describe("a report of a VM that has just moved", () => {
  it("counts when the VM has settled", async () => {
    clock.advance(5_000);
    expect((await report("POWEROFF")).ignored.deferred).toBe(1);
    expect(await phaseNow()).toBe("RUNNING");
    const moved = vmInPhase(cloud, SYSTEM, vmId, "POWEROFF");
    clock.advance(SETTLE_MS);
    await moved;
  });

  it("is taken back by the next one that says the VM is where it is", async () => {
    clock.advance(5_000);
    await report("POWEROFF");
    clock.advance(5_000);
    expect((await report("RUNNING")).ignored.same).toBe(1);
    clock.advance(SETTLE_MS);
    // What a look again would have stored, this stands behind.
    await cloud.vms.rename(SYSTEM, vmId, "renamed");
    expect(await phaseNow()).toBe("RUNNING");
  });

  it("is replaced by a later one", async () => {
    clock.advance(5_000);
    await report("POWEROFF");
    await report("SUSPENDED");
    const moved = vmInPhase(cloud, SYSTEM, vmId, "SUSPENDED");
    clock.advance(SETTLE_MS);
    await moved;
  });

  it("counts at once when the clock was set back since", async () => {
    clock.jump(-3_600_000);
    expect((await report("POWEROFF", { at: now() + 7_200 })).changed).toEqual([vmId]);
  });
});

describe("a full list", () => {
  it("makes what it misses POWEROFF, or what it says", async () => {
    await settledIn("RUNNING");
    expect((await report(undefined, { sync: true, missing: "UNKNOWN" })).changed).toEqual([vmId]);
    expect(await phaseNow()).toBe("UNKNOWN");
    clock.advance(SETTLE_MS);
    expect((await report(undefined, { sync: true })).changed).toEqual([vmId]);
    expect(await phaseNow()).toBe("POWEROFF");
    clock.advance(SETTLE_MS);
    expect((await report(undefined, { sync: true })).changed).toEqual([]);
  });

  it("says nothing of VMs that it lists, and without sync nothing of those it does not", async () => {
    await settledIn("RUNNING");
    expect((await report("RUNNING", { sync: true })).changed).toEqual([]);
    expect((await report(undefined)).changed).toEqual([]);
    expect(await phaseNow()).toBe("RUNNING");
  });
});

describe("latest readings", () => {
  it("go with their VM", async () => {
    cloud.monitoring.vmsMonitored(
      hostId,
      [{ id: vmId, deployId: "", names: ["CPU"], values: [1], more: {} }],
      now(),
    );
    expect(cloud.monitoring.latestVm(vmId)?.attributes).toEqual({ CPU: "1" });
    await cloud.vms.act(SYSTEM, vmId, "terminate-hard");
    await vmInPhase(cloud, SYSTEM, vmId, "DONE");
    expect(cloud.monitoring.latestVm(vmId)).toBeUndefined();
  });

  it("go with their host", async () => {
    const id = await cloud.hosts.allocate(SYSTEM, { name: "second", imMad: "dummy", vmMad: "dummy" });
    cloud.monitoring.hostMonitored(id, { kind: "host", attributes: { A: "1" }, wilds: [] }, now());
    await cloud.hosts.delete(SYSTEM, id);
    expect(cloud.monitoring.latestHost(id)).toBeUndefined();
  });

  it("of ever new names stay bounded", () => {
    for (let n = 0; n < 5_000; n += 1) {
      const names = [`NAME_${n}`];
      cloud.monitoring.vmsMonitored(hostId, [{ id: vmId, deployId: "", names, values: [n], more: {} }], n);
    }
    const kept = Object.keys(cloud.monitoring.latestVm(vmId)?.attributes ?? {});
    expect(kept).toContain("NAME_4999");
    expect(kept.length).toBeLessThan(1_100);
  });
});
