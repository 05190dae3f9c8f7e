/** The daemon over real sockets: what an agent sends reaches the cloud, once, and only from whom it may come. */

import { afterEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { Applier } from "../../gateway/monitor/apply.ts";
import { MonitorCounts } from "../../gateway/monitor/counts.ts";
import { HostLogs } from "../../gateway/monitor/host-logs.ts";
import { Mailboxes } from "../../gateway/monitor/mailboxes.ts";
import type { AcceptText } from "../../gateway/monitor/settings.ts";
import { TextReceiver } from "../../gateway/monitor/text-receiver.ts";
import type { Message } from "../../shared/monitor/message.ts";
import { printMessage } from "../../shared/monitor/print.ts";
import { vmReading } from "../../shared/monitor/read-vms.ts";
import type { RsaKey } from "../../shared/monitor/rsa.ts";
import { frameForStream } from "../../shared/monitor/splitter.ts";
import { encodeTextMessage } from "../../shared/monitor/text.ts";
import { HOST_STATE } from "../../shared/states/host.ts";
import { phase } from "../conformance/cloud/setup.ts";
import { SILENT } from "../support/embedded.ts";
import { manualClock } from "../support/manual-clock.ts";
import {
  eventually,
  type MonitoredCloud,
  monitoredCloud,
  sendDatagrams,
  TestAgent,
  TestConnection,
} from "../support/monitor-daemon.ts";
import { recordedKeys } from "../support/monitor-recordings.ts";

let opened: MonitoredCloud[] = [];
const connections: TestConnection[] = [];

async function open(options: Parameters<typeof monitoredCloud>[0] = {}): Promise<MonitoredCloud> {
  const made = await monitoredCloud(options);
  opened.push(made);
  return made;
}

afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close();
  for (const one of opened) await one.close();
  opened = [];
});

function readings(agent: TestAgent, vmId: number, cpu: string): Message {
  return agent.message("MONITOR_VM", {
    kind: "vms",
    vms: [vmReading(vmId, `one-${vmId}`, { CPU: cpu, MEMORY: "2048" })],
    more: {},
  });
}

/** A house in which a VM has settled, its agent, and a connection that is greeted. */
async function settledHouse(options: Parameters<typeof monitoredCloud>[0] = {}) {
  const clock = manualClock();
  const house = await open({ clock, ...options });
  const vmId = await house.runningVm();
  clock.advance(60_000);
  const agent = await TestAgent.enrol(house);
  const connection = await greeted(house, agent);
  return { clock, house, vmId, agent, connection };
}

async function greeted(house: MonitoredCloud, agent: TestAgent): Promise<TestConnection> {
  const connection = await TestConnection.open(house, agent);
  connections.push(connection);
  connection.send();
  expect(await connection.answer()).toMatchObject({ deliveries: [], renew: false });
  return connection;
}

const refusals = ({ daemon }: MonitoredCloud) =>
  Object.fromEntries([...daemon.counts.refusals].filter(([, count]) => count > 0));

const phaseOf = async ({ cloud }: MonitoredCloud, vmId: number) => phase(await cloud.vms.get(SYSTEM, vmId));

describe("a sealed agent", () => {
  it("tells readings by datagram, and states over TCP, which are durable when they are acknowledged", async () => {
    const { house, vmId, agent, connection } = await settledHouse();
    await sendDatagrams(house.daemon, [agent.frame(readings(agent, vmId, "12.5"))]);
    await eventually(() => house.cloud.monitoring.latestVm(vmId) !== undefined);
    expect(house.cloud.monitoring.latestVm(vmId)?.attributes).toEqual({ CPU: "12.5", MEMORY: "2048" });
    const states = agent.states({ [vmId]: "POWEROFF" });
    connection.send(states);
    expect(await connection.answer()).toMatchObject({ deliveries: [states.delivery], renew: false });
    expect(await phaseOf(house, vmId)).toBe("POWEROFF");
    expect(refusals(house)).toEqual({});
  });

  it("is acknowledged again for what it sends again, which is not applied again", async () => {
    const { clock, house, vmId, agent, connection } = await settledHouse();
    const states = agent.states({ [vmId]: "POWEROFF" });
    connection.send(states);
    await connection.answer();
    clock.advance(60_000);
    const later = agent.states({ [vmId]: "RUNNING" });
    connection.send(later);
    await connection.answer();
    clock.advance(60_000);
    connection.send(states, later);
    expect((await connection.answer())?.deliveries).toEqual([states.delivery, later.delivery]);
    expect(await phaseOf(house, vmId)).toBe("RUNNING");
    expect(house.daemon.counts.repeatedDeliveries).toBe(2);
  });

  it("loses nothing and repeats nothing when the daemon dies between applying and noting", async () => {
    const { clock, house, vmId, agent, connection } = await settledHouse();
    const [first, second] = [agent.states({ [vmId]: "POWEROFF" }), agent.states({ [vmId]: "RUNNING" })];
    // Both are applied, as if the note of them had been lost.
    const told = { sync: false, missingState: undefined };
    for (const { reading, timestamp } of [first, second]) {
      if (reading.kind === "states")
        await house.cloud.monitoring.vmStates(house.hostId, { ...told, vms: reading.vms }, timestamp);
      clock.advance(31_000);
    }
    const seen: string[] = [];
    house.cloud.subscribe(({ kind }) => seen.push(kind));
    connection.send(first, second);
    expect((await connection.answer())?.deliveries).toEqual([first.delivery, second.delivery]);
    clock.advance(60_000);
    expect(await phaseOf(house, vmId)).toBe("RUNNING");
    expect(seen).toEqual([]);
  });

  it("is not acknowledged for what the store did not take, and is cut off to come again", async () => {
    const { house, vmId, agent, connection } = await settledHouse();
    house.store.failNext();
    const states = agent.states({ [vmId]: "POWEROFF" });
    connection.send(states);
    expect(await connection.answer()).toBeUndefined();
    expect(refusals(house)).toEqual({ not_stored: 1 });
    expect(await phaseOf(house, vmId)).toBe("RUNNING");
    agent.renew();
    const again = await greeted(house, agent);
    again.send(states);
    expect((await again.answer())?.deliveries).toEqual([states.delivery]);
    expect(await phaseOf(house, vmId)).toBe("POWEROFF");
  });

  it("is acknowledged for nothing before the daemon may tell of it, and is not forgotten meanwhile", async () => {
    let isOpen = true;
    const { house, vmId, agent } = await settledHouse({ isOpen: () => isOpen });
    isOpen = false;
    await house.restartDaemon();
    agent.renew();
    const states = agent.states({ [vmId]: "POWEROFF" });
    const early = await TestConnection.open(house, agent);
    early.send(states);
    expect(await early.answer()).toBeUndefined();
    expect(await phaseOf(house, vmId)).toBe("RUNNING");
    isOpen = true;
    agent.renew();
    const again = await greeted(house, agent);
    again.send(states);
    expect((await again.answer())?.deliveries).toEqual([states.delivery]);
    expect(await phaseOf(house, vmId)).toBe("POWEROFF");
  });

  it("speaks for its own host only", async () => {
    const { house, vmId, agent, connection } = await settledHouse();
    const other = await house.cloud.hosts.allocate(SYSTEM, { name: "other", imMad: "dummy", vmMad: "dummy" });
    const stranger = await TestAgent.enrol(house, other);
    const theirs = await greeted(house, stranger);
    const forged = { ...stranger.states({ [vmId]: "POWEROFF" }), oid: house.hostId };
    theirs.send(forged, { ...readings(stranger, vmId, "1"), oid: house.hostId });
    // To send it again would change nothing, so it is done with.
    expect((await theirs.answer())?.deliveries).toEqual([forged.delivery]);
    theirs.send(stranger.states({ [vmId]: "POWEROFF" }), readings(stranger, vmId, "1"));
    await theirs.answer();
    expect(refusals(house)).toEqual({ other_host: 2 });
    expect(house.daemon.counts).toMatchObject({ vmsUnknown: 1, statesIgnored: 1, statesChanged: 0 });
    expect(await phaseOf(house, vmId)).toBe("RUNNING");
    connection.send(agent.message("BEACON_HOST", { kind: "beacon" }, other));
    await eventually(() => refusals(house).other_host === 3);
  });

  it("may not number what it sends by datagram, since that would overtake what is on its way", async () => {
    const { house, vmId, agent } = await settledHouse();
    await sendDatagrams(house.daemon, [agent.frame(agent.states({ [vmId]: "POWEROFF" }))]);
    await eventually(() => refusals(house).unexpected_type === 1);
    expect(await phaseOf(house, vmId)).toBe("RUNNING");
  });

  it("is measured by our clock, whatever its own says", async () => {
    const { clock, house, vmId, agent } = await settledHouse();
    const measured = readings(agent, vmId, "5");
    const frame = agent.frame({ ...measured, timestamp: measured.timestamp - 20 });
    clock.jump(100_000);
    await sendDatagrams(house.daemon, [frame]);
    await eventually(() => house.cloud.monitoring.latestVm(vmId) !== undefined);
    expect(house.cloud.monitoring.latestVm(vmId)?.at).toBe(Math.floor(clock.now() / 1_000) - 20);
  });

  it("has its wild VMs listed, its failures told, and its log kept short", async () => {
    const lines: string[] = [];
    const note = (details: object, text: string) => void lines.push(`${text} ${JSON.stringify(details)}`);
    const { house, agent, connection } = await settledHouse({
      log: { error: note, warn: note, info: note, debug: note },
    });
    const wild = { name: "wild", deployId: "w-1", importTemplate: "", more: {} };
    const system = { kind: "host", attributes: { ARCH: "x" }, wilds: [wild] } as const;
    connection.send(agent.numbered(agent.message("SYSTEM_HOST", system)));
    await connection.answer();
    expect(house.daemon.heard.wilds(house.hostId)).toEqual([wild]);
    connection.send(agent.message("MONITOR_VM", { kind: "failure", text: "no libvirt" }));
    const log = agent.message("LOG", { kind: "log", level: "warning", text: "x".repeat(5_000) });
    for (let count = 0; count < 40; count += 1) connection.send({ ...log, status: "W" });
    await eventually(() => (house.daemon.counts.messages.get("LOG") ?? 0) === 40);
    expect(lines).toHaveLength(30);
    expect(lines[0]).toContain("MONITOR_VM failed: no libvirt");
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(1_200);
    expect(refusals(house)).toEqual({ log_rate: 11 });
    expect((await house.cloud.hosts.get(SYSTEM, house.hostId)).state).toBe(HOST_STATE.MONITORED);
    connection.send(agent.message("BEACON_HOST", { kind: "failure", text: "dead" }));
    await eventually(() => house.cloud.hosts.peek(SYSTEM, house.hostId)?.state === HOST_STATE.ERROR);
  });

  it("is heard no more when its key is taken away, or another takes its host", async () => {
    const { house, vmId, agent, connection } = await settledHouse();
    await TestAgent.enrol(house);
    expect(await connection.answer()).toBeUndefined();
    await sendDatagrams(house.daemon, [agent.frame(readings(agent, vmId, "1"))]);
    await eventually(() => refusals(house).unknown_key === 1);
    expect(house.daemon.agents.ofHost(house.hostId)).toHaveLength(1);
  });

  it("has one connection: a later one ends the one before", async () => {
    const { house, agent, connection } = await settledHouse();
    await greeted(house, agent);
    expect(await connection.answer()).toBeUndefined();
    expect(house.daemon.counts.cuts.get("replaced")).toBe(1);
  });
});

describe("frames that were recorded on the wire", () => {
  it("are refused when they come again", async () => {
    const { house, vmId, agent } = await settledHouse();
    const frame = agent.frame(readings(agent, vmId, "1"));
    await sendDatagrams(house.daemon, [frame, frame, frame]);
    await eventually(() => refusals(house).replayed === 2);
    expect(house.daemon.counts.vmsApplied).toBe(1);
  });

  it("are refused after a restart, and the agent goes on with its next boot", async () => {
    const { clock, house, vmId, agent, connection } = await settledHouse();
    const datagram = agent.frame(readings(agent, vmId, "1"));
    const unseen = agent.frame(agent.states({ [vmId]: "POWEROFF" }));
    await sendDatagrams(house.daemon, [datagram]);
    await eventually(() => house.daemon.counts.vmsApplied === 1);
    await house.restartDaemon();
    expect(await connection.answer()).toBeUndefined();

    await sendDatagrams(house.daemon, [datagram]);
    await eventually(() => refusals(house).replayed === 1);
    const attacker = await TestConnection.open(house, agent);
    connections.push(attacker);
    attacker.socket.write(frameForStream(unseen));
    expect(await attacker.answer()).toMatchObject({ deliveries: [], renew: true });

    const again = await TestConnection.open(house, agent);
    connections.push(again);
    again.send();
    expect(await again.answer()).toMatchObject({ deliveries: [], renew: true });
    agent.renew();
    const states = agent.states({ [vmId]: "SUSPENDED" });
    again.send(states);
    expect(await again.answer()).toMatchObject({ deliveries: [states.delivery], renew: false });
    clock.advance(60_000);
    expect(await phaseOf(house, vmId)).toBe("SUSPENDED");
    expect(house.daemon.counts.vmsApplied).toBe(0);
  });

  it("of a new boot count only once that boot is noted, so that a crash cannot make them new again", async () => {
    const { house, vmId, agent, connection } = await settledHouse();
    agent.renew();
    const frames = [agent.frame(readings(agent, vmId, "1")), agent.frame(readings(agent, vmId, "2"))];
    await sendDatagrams(house.daemon, frames);
    await eventually(() => (refusals(house).boot_pending ?? 0) + house.daemon.counts.vmsApplied === 2);
    expect(refusals(house).boot_pending).toBeGreaterThan(0);
    await house.restartDaemon();
    await connection.answer();
    await sendDatagrams(house.daemon, frames);
    await eventually(() => refusals(house).replayed === 2);
  });

  it("are refused when they are forged, changed, of no agent, or of a clock that is wrong", async () => {
    const { clock, house, vmId, agent } = await settledHouse();
    const changed = agent.frame(readings(agent, vmId, "1"));
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    const unknown = agent.frame(readings(agent, vmId, "1"));
    unknown[2] = (unknown[2] ?? 0) ^ 1;
    const late = agent.frame(readings(agent, vmId, "1"));
    await sendDatagrams(house.daemon, [changed, unknown]);
    await eventually(() => Object.keys(refusals(house)).length === 2);
    clock.jump(301_000);
    await sendDatagrams(house.daemon, [late]);
    await eventually(() => Object.keys(refusals(house)).length === 3);
    expect(refusals(house)).toEqual({ forged: 1, unknown_key: 1, clock_skew: 1 });
    expect(house.cloud.monitoring.latestVm(vmId)).toBeUndefined();
  });
});

describe("text", () => {
  const HOST_READING = { kind: "host", attributes: { USEDCPU: "5" }, wilds: [] } as const;
  const text = (agent: TestAgent, oid = agent.hostId) =>
    encodeTextMessage(printMessage(agent.message("MONITOR_HOST", HOST_READING, oid)));

  /** What reads text, as if it came from anywhere. */
  function receiverOf({ cloud, clock, daemon }: MonitoredCloud, acceptText: AcceptText, privateKey: RsaKey) {
    const counts = new MonitorCounts();
    const mailboxes = new Mailboxes();
    const { heard } = daemon;
    const logs = new HostLogs(SILENT, clock);
    const applier = new Applier({ cloud, samples: undefined, counts, heard, mailboxes, logs, log: SILENT });
    const receiver = new TextReceiver({
      applier,
      heard,
      counts,
      isSealed: () => false,
      acceptText,
      privateKey,
      maxSkewS: 300,
      clock,
    });
    return { receiver, counts };
  }

  /** A house whose host nobody's key speaks for any more. */
  async function textHouse(...options: Parameters<typeof settledHouse>): ReturnType<typeof settledHouse> {
    const settled = await settledHouse(...options);
    await settled.house.daemon.agents.forgetHosts(() => true);
    return settled;
  }

  it("is not taken about a host that a sealed agent speaks for", async () => {
    const { house, agent } = await settledHouse();
    await sendDatagrams(house.daemon, [text(agent)]);
    await eventually(() => refusals(house).sealed_host === 1);
    expect(house.cloud.monitoring.latestHost(house.hostId)).toBeUndefined();
  });

  it("is taken from loopback, of hosts that are there", async () => {
    const { house, agent } = await textHouse();
    await sendDatagrams(house.daemon, [text(agent), text(agent, 999)]);
    await eventually(() => refusals(house).unknown_host === 1);
    expect(house.cloud.monitoring.latestHost(house.hostId)?.attributes).toEqual({ USEDCPU: "5" });
    expect(house.cloud.monitoring.latestHost(999)).toBeUndefined();
  });

  it.each([
    ["off", { text_not_taken: 2 }],
    ["encrypted", { text_not_encrypted: 1 }],
    ["clear", {}],
  ] as const)("is taken from elsewhere as accept_text says: %s", async (acceptText, expected) => {
    const { privateKey, publicKey } = recordedKeys();
    const { house, agent } = await settledHouse();
    const message = printMessage(agent.message("MONITOR_HOST", HOST_READING));
    const { receiver, counts } = receiverOf(house, acceptText, privateKey);
    for (const bytes of [encodeTextMessage(message), encodeTextMessage(message, publicKey)])
      receiver.datagram(bytes, "192.0.2.7");
    expect(Object.fromEntries([...counts.refusals].filter(([, n]) => n > 0))).toEqual(expected);
    expect(receiver.acceptedFrom("::ffff:127.0.0.1")).toBe("clear");
    expect(receiver.acceptedFrom("::1")).toBe("clear");
    expect(receiver.acceptedFrom("128.0.0.1")).toBe(acceptText);
  });

  it("costs no more RSA than its host is granted", async () => {
    const { privateKey, publicKey } = recordedKeys();
    const { house, agent } = await textHouse({ privateKey });
    const large = agent.message("LOG", { kind: "log", level: "info", text: "x".repeat(16_000) });
    const bytes = encodeTextMessage(printMessage({ ...large, status: "I" }), publicKey);
    await sendDatagrams(
      house.daemon,
      Array.from({ length: 12 }, () => bytes),
    );
    await eventually(
      () => (refusals(house).rsa_budget ?? 0) + (house.daemon.counts.messages.get("LOG") ?? 0) === 12,
    );
    expect(house.daemon.counts.rsaBlocks).toBeLessThanOrEqual(512);
    expect(refusals(house).rsa_budget).toBeGreaterThan(0);
  });
});
