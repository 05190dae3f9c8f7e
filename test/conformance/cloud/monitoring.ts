/** What is measured: hosts and the states they are in by it, the latest readings of VMs, and who hears of them. */

import { expect, it } from "vitest";
import { vmReading } from "../../../shared/monitor/read-vms.ts";
import type { HostReading } from "../../../shared/monitor/readings.ts";
import { HOST_STATE } from "../../../shared/states/host.ts";
import { stringOf } from "../../../shared/template/types.ts";
import { type CloudUnderTest, phase, recordEvents, untilPhase } from "./setup.ts";

const NO_ID = 999_999;

const reading = (attributes: HostReading["attributes"]): HostReading => ({
  kind: "host",
  attributes,
  wilds: [],
});

async function vmOnHost({ cloud, admin }: CloudUnderTest): Promise<{ vmId: number; hostId: number }> {
  const vmId = await cloud.vms.allocate(admin, { NAME: "measured" });
  const vm = await untilPhase(cloud, admin, vmId, "RUNNING");
  return { vmId, hostId: vm.history.at(-1)?.hostId ?? -1 };
}

export function monitoringTests(current: () => CloudUnderTest): void {
  it("keeps the latest reading of a VM, what it told before still in it, and tells of it", async () => {
    const { cloud } = current();
    const { vmId, hostId } = await vmOnHost(current());
    const { monitoring } = cloud;
    const events = recordEvents(cloud);
    const first = [vmReading(vmId, "one", { CPU: "1.5", MEMORY: "10" })];
    expect(monitoring.vmsMonitored(hostId, first, 100)).toEqual({ applied: first, unknown: 0 });
    monitoring.vmsMonitored(hostId, [vmReading(vmId, "one", { CPU: "2.5", GUEST_IP: "10.0.0.7" })], 101);
    expect(monitoring.latestVm(vmId)).toEqual({
      at: 101,
      attributes: { CPU: "2.5", MEMORY: "10", GUEST_IP: "10.0.0.7" },
    });
    expect(events).toEqual([
      { kind: "vms_monitored", hostId, vmIds: [vmId], at: 100 },
      { kind: "vms_monitored", hostId, vmIds: [vmId], at: 101 },
    ]);
  });

  it("takes a reading that is late for what it is: it changes no latest one, and nobody hears of it", async () => {
    const { cloud } = current();
    const { vmId, hostId } = await vmOnHost(current());
    cloud.monitoring.vmsMonitored(hostId, [vmReading(vmId, "one", { CPU: "2.5" })], 101);
    const events = recordEvents(cloud);
    const late = [vmReading(vmId, "one", { CPU: "1.5" })];
    expect(cloud.monitoring.vmsMonitored(hostId, late, 100)).toEqual({ applied: late, unknown: 0 });
    expect(cloud.monitoring.latestVm(vmId)).toEqual({ at: 101, attributes: { CPU: "2.5" } });
    expect(events).toEqual([]);
  });

  it("counts readings of VMs that are not on the host, and makes none", async () => {
    const { cloud, admin } = current();
    const { vmId, hostId } = await vmOnHost(current());
    const before = await cloud.vms.list(admin);
    const elsewhere = [vmReading(vmId, "one", { CPU: "1.5" })];
    expect(cloud.monitoring.vmsMonitored(NO_ID, elsewhere, 100)).toEqual({ applied: [], unknown: 1 });
    const strangers = [vmReading(NO_ID, "wild", { CPU: "1.5" }), vmReading(-1, "wild", { CPU: "1.5" })];
    expect(cloud.monitoring.vmsMonitored(hostId, strangers, 100)).toEqual({ applied: [], unknown: 2 });
    expect(cloud.monitoring.latestVm(vmId)).toBeUndefined();
    expect(await cloud.vms.list(admin)).toEqual(before);
  });

  it("keeps the latest reading of a host, and knows no host that is not there", async () => {
    const { cloud, admin } = current();
    const [host] = await cloud.hosts.list(admin);
    const hostId = host?.id ?? -1;
    expect(cloud.monitoring.hostMonitored(hostId, reading({ USEDCPU: "5" }), 100)).toBe(true);
    expect(cloud.monitoring.hostMonitored(hostId, reading({ USEDCPU: "4" }), 99)).toBe(true);
    expect(cloud.monitoring.latestHost(hostId)).toEqual({ at: 100, attributes: { USEDCPU: "5" } });
    expect(cloud.monitoring.hostMonitored(NO_ID, reading({ USEDCPU: "5" }), 100)).toBe(false);
    expect(cloud.monitoring.latestHost(NO_ID)).toBeUndefined();
  });

  it("makes a host that fails ERROR with the reason, loses sight of its VMs, and takes it back", async () => {
    const { cloud, admin } = current();
    const { vmId, hostId } = await vmOnHost(current());
    const events = recordEvents(cloud);
    await cloud.monitoring.hostFailed(hostId, "no probe answers");
    const failed = await cloud.hosts.get(admin, hostId);
    expect(failed.state).toBe(HOST_STATE.ERROR);
    expect(stringOf(failed.template, "ERROR")).toMatch(
      new RegExp(` : Error monitoring Host ${failed.name} \\(${hostId}\\): no probe answers$`),
    );
    expect(phase(await cloud.vms.get(admin, vmId))).toBe("UNKNOWN");
    await cloud.monitoring.hostSystem(hostId, reading({ ARCH: "x86_64", ERROR: "x" }), 100);
    const back = await cloud.hosts.get(admin, hostId);
    expect(back).toMatchObject({ state: HOST_STATE.MONITORED, template: { ARCH: "x86_64" } });
    expect(back.template.ERROR).toBeUndefined();
    expect(events.map(({ kind }) => kind)).toEqual(["vm_state", "host_state", "host_state"]);
  });

  it.each([
    ["disabled", HOST_STATE.DISABLED],
    ["offline", HOST_STATE.OFFLINE],
  ] as const)("leaves a host that is %s in its state, whatever is heard of it", async (state, code) => {
    const { cloud, admin } = current();
    const { vmId, hostId } = await vmOnHost(current());
    await cloud.hosts.setState(admin, hostId, state);
    await cloud.monitoring.hostFailed(hostId, "silent");
    await cloud.monitoring.hostSystem(hostId, reading({ ARCH: "x86_64" }), 100);
    expect(await cloud.hosts.get(admin, hostId)).toMatchObject({ state: code, template: { ARCH: "x86_64" } });
    expect(phase(await cloud.vms.get(admin, vmId))).toBe("RUNNING");
  });

  it("refuses a host that is not there, and a template that grows beyond measure", async () => {
    const { cloud, admin } = current();
    const { monitoring } = cloud;
    const gone = [monitoring.hostFailed(NO_ID, "x"), monitoring.hostSystem(NO_ID, reading({}), 100)];
    for (const one of gone) await expect(one).rejects.toMatchObject({ code: "not_found" });
    const [host] = await cloud.hosts.list(admin);
    const large = reading({ NOTES: "x".repeat(2_000_000) });
    await expect(monitoring.hostSystem(host?.id ?? -1, large, 100)).rejects.toMatchObject({
      code: "too_large",
    });
  });
}
