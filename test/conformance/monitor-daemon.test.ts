/** Recorded messages of OpenNebula's agents, sent to the daemon over real sockets: what they say is found in the cloud. */

import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { HOST_STATE } from "../../shared/states/host.ts";
import { stringOf } from "../../shared/template/types.ts";
import { vmInPhase } from "../support/embedded.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import { eventually, type MonitoredCloud, monitoredCloud, sendDatagrams } from "../support/monitor-daemon.ts";
import { type MonitorRecording, monitorRecordings, recordedKeys } from "../support/monitor-recordings.ts";
import { phase } from "./cloud/setup.ts";

/** The host that the kvm messages were recorded of, with VMs 0, 1 and 2. */
const HOST = 3;
const VMS = [0, 1, 2];
const RECORDINGS = monitorRecordings().filter(({ name }) => name.startsWith("kvm-"));

let clock: ManualClock;
let house: MonitoredCloud;

beforeEach(async () => {
  clock = manualClock(1_795_169_600_000);
  house = await monitoredCloud({ clock, privateKey: recordedKeys().privateKey });
  const { cloud } = house;
  await cloud.hosts.setState(SYSTEM, house.hostId, "disabled");
  for (const name of ["one", "two", "three"])
    await cloud.hosts.allocate(SYSTEM, { name, imMad: "dummy", vmMad: "dummy" });
  for (const id of [1, 2]) await cloud.hosts.setState(SYSTEM, id, "disabled");
  for (const vmId of VMS) {
    expect(await cloud.vms.allocate(SYSTEM, { NAME: `vm${vmId}` })).toBe(vmId);
    await vmInPhase(cloud, SYSTEM, vmId, "RUNNING");
  }
});

afterEach(() => house.close());

/** By the transport it was recorded on, at the time it was sent. */
async function send({ bytes, type, timestamp }: MonitorRecording): Promise<void> {
  const { counts } = house.daemon;
  const seen = () =>
    [...counts.messages.values(), ...counts.refusals.values()].reduce((sum, n) => sum + n, 0);
  const before = seen();
  clock.jump(Math.max(0, (timestamp + 1) * 1_000 - clock.now()));
  if (type === "STATE_VM") {
    const socket = connect(house.daemon.address.port, "127.0.0.1");
    socket.resume().end(bytes);
    await once(socket, "close");
  } else await sendDatagrams(house.daemon, [bytes]);
  await eventually(() => seen() > before);
  await eventually(() => house.daemon.queues().mailboxes === 0);
}

async function sendAll(prefix: string): Promise<void> {
  for (const one of RECORDINGS.filter(({ name }) => name.startsWith(prefix))) await send(one);
}

const latest = (vmId: number) => house.cloud.monitoring.latestVm(vmId)?.attributes;

describe.each(["in clear", "encrypted"])("the messages of a kvm host, %s", (form) => {
  it("show its VMs' metrics, its own, its states, and what commands gave", async () => {
    const encrypted = form === "encrypted";
    for (const one of RECORDINGS.filter((recorded) => recorded.encrypted === encrypted)) await send(one);
    const { counts, heard } = house.daemon;
    expect([...counts.refusals].filter(([, count]) => count > 0)).toEqual([]);
    expect(counts.rsaBlocks > 0).toBe(encrypted);
    expect(latest(0)).toMatchObject({ MEMORY: "1812", NETRX: "1050624", NETTX: "525312", DISKRDIOPS: "321" });
    expect(house.cloud.monitoring.latestHost(HOST)?.attributes).toHaveProperty("FREEMEMORY");
    expect(heard.executions(HOST).get(0)).toMatchObject({ PID: "4242", RETURN_CODE: "0" });
    expect(heard.lastHeard(HOST)).toBeDefined();
    // Among the encrypted ones a probe of the host fails, which then loses sight of its VMs.
    expect(phase(await house.cloud.vms.get(SYSTEM, 2))).toBe(encrypted ? "UNKNOWN" : "POWEROFF");
  });
});

describe("recorded text", () => {
  it("of the system makes the host's template, and the failure of its probes makes it ERROR", async () => {
    await sendAll("kvm-SYSTEM_HOST-3");
    const host = await house.cloud.hosts.get(SYSTEM, HOST);
    expect(host.state).toBe(HOST_STATE.MONITORED);
    expect(host.template).toHaveProperty("TOTALMEMORY");
    const failure = RECORDINGS.find(({ type, status }) => type === "SYSTEM_HOST" && status === "FAILURE");
    if (failure === undefined) throw new Error("no failure was recorded");
    await send(failure);
    const failed = await house.cloud.hosts.get(SYSTEM, HOST);
    expect(failed.state).toBe(HOST_STATE.ERROR);
    expect(stringOf(failed.template, "ERROR")).toContain(failure.payload);
    for (const vmId of VMS) expect(phase(await house.cloud.vms.get(SYSTEM, vmId))).toBe("UNKNOWN");
  });

  it("that is older than the last of its type is ignored", async () => {
    await sendAll("kvm-MONITOR_VM-7");
    await sendAll("kvm-MONITOR_VM-4");
    expect(house.daemon.counts.refusals.get("out_of_order")).toBe(1);
  });
});
