/** The daemon that oned starts: what it makes of oned's lines and of agents' messages. */

import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MonitoringRow } from "../../gateway/monitor/dropin/tables.ts";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import {
  coreDaemon,
  driverText,
  MemoryTables,
  sendTcp,
  sendUdp,
  type TestCoreDaemon,
  type TestCoreDaemonOptions,
  text,
} from "../support/core-daemon.ts";
import { manualClock } from "../support/manual-clock.ts";
import { eventually } from "../support/monitor-daemon.ts";
import { monitorRecordings, recordedKeys } from "../support/monitor-recordings.ts";
import { hostXml } from "../support/scripted-oned.ts";

let folder: string;
let running: TestCoreDaemon | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "core-daemon-"));
});

afterEach(async () => {
  await running?.close();
  running = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function started(options: TestCoreDaemonOptions = {}): Promise<TestCoreDaemon> {
  running = await coreDaemon(options);
  return running;
}

const notes = () => join(folder, "notes");
const drivers = (behaviour: string) => ({ drivers: [driverText("kvm", behaviour, notes())] });
const heardByDriver = (): readonly string[] => {
  try {
    return readFileSync(notes(), "utf8")
      .split("\n")
      .map((line) => line.split(" ").slice(0, 3).join(" "));
  } catch {
    return [];
  }
};

describe("the handshake", () => {
  it("is answered as oned reads it: alone, within 31 bytes, before anything else is said", async () => {
    const daemon = await started();
    daemon.oned.write("nonsense before\nINIT\n");
    await daemon.oned.next("INIT", ({ status }) => status === "SUCCESS");
    expect(daemon.oned.rest()).toEqual([]);
    daemon.oned.say("RAFT_STATUS", -1, "FOLLOWER");
    const { payload, status } = await daemon.oned.next("LOG");
    expect(status).toBe("W");
    expect(payload).toContain("cannot be read");
  });

  it("ends with the pipe in the middle of a line", async () => {
    const daemon = await started();
    await daemon.oned.begin([{ id: 3, state: 2 }]);
    daemon.oned.write("UPDATE_HOST - 3 eJ");
    daemon.oned.close();
    await daemon.ended;
  });

  it("ends with FINALIZE, and with the end of the pipe", async () => {
    const first = await started();
    first.oned.write("INIT\nFINALIZE\n");
    expect((await first.oned.next("FINALIZE")).status).toBe("SUCCESS");
    await first.ended;
    const tables = new MemoryTables();
    const second = await started({ tables });
    second.oned.close();
    await second.ended;
    expect(tables.closed).toBe(true);
  });
});

describe("what agents tell", () => {
  it("goes to oned as it was told: the host's hardware, its VMs' states, executions", async () => {
    const { oned, port } = await started();
    await oned.begin([{ id: 3, state: 2 }]);
    await oned.settled();
    await sendUdp(port, text({ type: "SYSTEM_HOST", oid: 3, payload: 'TOTALCPU=1600\nMODELNAME="A B"\n' }));
    expect(await oned.next("HOST_SYSTEM")).toMatchObject({
      status: "SUCCESS",
      oid: 3,
      payload: expect.stringMatching(/^TOTALCPU\s*=\s*"?1600"?\nMODELNAME\s*=\s*"A B"\n$/),
    });
    const states =
      'SYNC_STATE=yes\nMISSING_STATE=POWEROFF\nVM = [ ID="0", DEPLOY_ID="one-0", STATE="RUNNING" ]\n';
    await sendTcp(port, text({ type: "STATE_VM", oid: 3, payload: states }));
    const told = await oned.next("VM_STATE");
    expect(told).toMatchObject({ status: "-", oid: 3 });
    expect(told.payload).toBe(
      'SYNC_STATE=yes\nMISSING_STATE=POWEROFF\nVM = [ ID="0", DEPLOY_ID="one-0", STATE="RUNNING" ]\n',
    );
    await sendUdp(
      port,
      text({ type: "EXEC_VM", oid: 3, payload: 'VM=[ID="7",STATUS="DONE",STDOUT="b2s="]\n' }),
    );
    expect((await oned.next("VM_EXEC")).payload).toContain('STDOUT="b2s="');
  });

  it("is taken from every agent that was recorded, in clear and encrypted", async () => {
    const tables = new MemoryTables();
    const recordings = monitorRecordings();
    const ids = [...new Set(recordings.map(({ oid }) => oid))];
    const { privateKey } = recordedKeys();
    // The recordings' own time, of which each message may be late by what the others took.
    const start = Math.min(...recordings.map(({ timestamp }) => timestamp));
    const clock = { ...systemClock, now: () => (start + 120) * 1_000 };
    const { oned, port } = await started({ tables, privateKey, clock, settings: { maxSkewS: 86_400 } });
    await oned.begin(ids.map((id) => ({ id, state: 2, imMad: "none" })));
    for (const one of recordings) {
      if (one.type === "STATE_VM") await sendTcp(port, one.bytes);
      else await sendUdp(port, one.bytes);
    }
    const states = recordings.filter(({ type }) => type === "STATE_VM");
    expect(states.length).toBeGreaterThan(0);
    const first = states[0]?.payload ?? "";
    expect((await oned.next("VM_STATE")).payload.replaceAll(/\s/g, "")).toBe(first.replaceAll(/\s/g, ""));
    await eventually(() => tables.all("host").length > 0 && tables.all("vm").length > 0);
  });

  it("becomes rows as OpenNebula keeps them, later probes' readings over the earlier", async () => {
    const tables = new MemoryTables();
    const clock = { ...systemClock, now: () => 1_800_000_000_000 };
    const { oned, port } = await started({ tables, clock });
    await oned.begin([{ id: 3, state: 2 }]);
    await oned.settled();
    const vm = (lines: string) =>
      `VM=[ID="7",DEPLOY_ID="one-7",MONITOR="${Buffer.from(lines).toString("base64")}"]\n`;
    await sendUdp(
      port,
      text({
        type: "MONITOR_HOST",
        oid: 3,
        timestamp: 1_799_999_990,
        payload: "HYPERVISOR=kvm\nUSEDCPU=200\nFREECPU=600\nUSEDMEMORY=10\nFREEMEMORY=20\nNETRX=1\nNETTX=2\n",
      }),
      text({ type: "MONITOR_VM", oid: 3, timestamp: 1_799_999_991, payload: vm('CPU="1.5"\nMEMORY=1024\n') }),
      text({
        type: "MONITOR_VM",
        oid: 3,
        timestamp: 1_799_999_992,
        payload: vm('DISK_SIZE=[ID="0",SIZE="5"]\nWHAT="ü<&"\n'),
      }),
    );
    await eventually(() => tables.rows.size === 3);
    expect(tables.all("host")).toEqual([
      {
        kind: "host",
        id: 3,
        at: 1_799_999_990,
        body: "<MONITORING><TIMESTAMP>1799999990</TIMESTAMP><ID>3</ID><CAPACITY><FREE_CPU>600</FREE_CPU><FREE_MEMORY>20</FREE_MEMORY><USED_CPU>200</USED_CPU><USED_MEMORY>10</USED_MEMORY></CAPACITY><SYSTEM><NETRX>1</NETRX><NETTX>2</NETTX></SYSTEM></MONITORING>",
      },
    ]);
    expect(tables.all("vm").at(-1)?.body).toBe(
      "<MONITORING><CPU>1.5</CPU><DISK_SIZE><ID>0</ID><SIZE>5</SIZE></DISK_SIZE><ID>7</ID><MEMORY>1024</MEMORY><TIMESTAMP>1799999992</TIMESTAMP><WHAT>&#252;&lt;&amp;</WHAT></MONITORING>",
    );
  });

  describe("before the daemon was started", () => {
    const at = 1_799_999_990;
    const body = (more: string) =>
      `<MONITORING><CPU>9</CPU>${more}<ID>7</ID><TIMESTAMP>${at - 60}</TIMESTAMP></MONITORING>`;
    const old = (row: Partial<MonitoringRow>): MonitoringRow => ({
      kind: "vm",
      id: 7,
      at: at - 60,
      body: "",
      ...row,
    });

    async function first(tables: MemoryTables): Promise<string | undefined> {
      const clock = manualClock(at * 1_000);
      const { oned, port, heard } = await started({ tables, clock });
      await oned.begin([{ id: 3, state: 2, imMad: "none" }]);
      await oned.settled();
      const monitor = Buffer.from("CPU=1\n").toString("base64");
      await sendUdp(
        port,
        text({ type: "MONITOR_VM", oid: 3, timestamp: at, payload: `VM=[ID="7",MONITOR="${monitor}"]\n` }),
      );
      await eventually(() => heard("MONITOR_VM") === 1);
      await running?.close();
      return tables.all("vm").find((row) => row.id === 7 && row.at === at)?.body;
    }

    it("is in the first row of a VM, under what is told now", async () => {
      const tables = new MemoryTables();
      const slow = "<DISK_SIZE><ID>0</ID><SIZE>5</SIZE></DISK_SIZE><GUEST_IP><![CDATA[10.0.0.7]]></GUEST_IP>";
      await tables.put([old({ body: body(slow) }), old({ at: at - 120, body: body("<OLDER>1</OLDER>") })]);
      expect(await first(tables)).toBe(
        `<MONITORING><CPU>1</CPU><DISK_SIZE><ID>0</ID><SIZE>5</SIZE></DISK_SIZE><GUEST_IP>10.0.0.7</GUEST_IP><ID>7</ID><TIMESTAMP>${at}</TIMESTAMP></MONITORING>`,
      );
    });

    it.each([
      ["is left out when it is older than an hour", old({ at: at - 3_700, body: body("<SLOW>1</SLOW>") })],
      ["is left out when it cannot be read", old({ body: "<MONITORING><SLOW>" })],
    ])("%s", async (_name, row) => {
      const tables = new MemoryTables();
      await tables.put([row]);
      expect(await first(tables)).toBe(
        `<MONITORING><CPU>1</CPU><ID>7</ID><TIMESTAMP>${at}</TIMESTAMP></MONITORING>`,
      );
    });
  });

  it("of a wild VM that was imported is its VM's, of other wild ones nobody's", async () => {
    const tables = new MemoryTables();
    tables.imports = new Map([["imported", 12]]);
    const { oned, port } = await started({ tables });
    await oned.begin([{ id: 3, state: 2 }]);
    await oned.settled();
    const wild = (name: string) =>
      `VM=[ID="-1",DEPLOY_ID="${name}",MONITOR="${Buffer.from("CPU=1\n").toString("base64")}"]\n`;
    await sendUdp(port, text({ type: "MONITOR_VM", oid: 3, payload: wild("stranger") + wild("imported") }));
    await eventually(() => tables.rows.size > 0);
    expect(tables.all("vm").map(({ id }) => id)).toEqual([12]);
  });

  it("is left out of an offline host, of an unknown one, and while another front-end leads", async () => {
    const tables = new MemoryTables();
    const { oned, port, heard } = await started({ tables });
    await oned.begin(
      [
        { id: 3, state: 2 },
        { id: 4, state: 8 },
      ],
      "FOLLOWER",
    );
    const message = (oid: number, name: string) =>
      text({ type: "SYSTEM_HOST", oid, payload: `NOTE=${name}\n` });
    await oned.settled();
    await sendUdp(
      port,
      message(3, "follower"),
      text({ type: "MONITOR_HOST", oid: 3, payload: "FREECPU=1\n" }),
    );
    await eventually(() => heard("MONITOR_HOST") === 1);
    oned.say("RAFT_STATUS", -1, "LEADER");
    await oned.settled();
    await sendUdp(port, message(4, "offline"), message(99, "unknown"), message(3, "leader"));
    expect((await oned.next("HOST_SYSTEM")).payload).toMatch(/leader/);
    oned.say("RAFT_STATUS", -1, "FOLLOWER");
    await oned.settled();
    await sendUdp(port, message(3, "late"), text({ type: "MONITOR_HOST", oid: 3, payload: "FREECPU=1\n" }));
    await eventually(() => heard("MONITOR_HOST") === 2);
    await oned.settled();
    expect(oned.rest()).toEqual([]);
    expect(tables.rows.size).toBe(0);
  });

  it("of a leader becomes rows, also once it leads no more; what oned did not read of it is not told a follower", async () => {
    const tables = new MemoryTables();
    const clock = manualClock();
    const noted: string[] = [];
    const log = { ...silentLogger, info: (_details: object, message: string) => void noted.push(message) };
    const { oned, port, heard } = await started({ tables, clock, log });
    await oned.begin([{ id: 3, state: 2 }], "LEADER");
    await oned.settled();
    tables.failure = new Error("away");
    oned.stall();
    const large = `NOTE=${randomBytes(40_000).toString("hex")}\n`;
    for (let count = 1; count <= 2; count += 1)
      await sendTcp(port, text({ type: "SYSTEM_HOST", oid: 3, payload: large }));
    await eventually(() => heard("SYSTEM_HOST") === 2);
    await sendTcp(port, text({ type: "STATE_VM", oid: 3, payload: 'VM=[ID="7",STATE="POWEROFF"]\n' }));
    await sendUdp(port, text({ type: "MONITOR_HOST", oid: 3, payload: "FREECPU=1\n" }));
    await eventually(() => heard("STATE_VM") === 1 && heard("MONITOR_HOST") === 1);
    clock.advance(200);
    oned.say("RAFT_STATUS", -1, "FOLLOWER");
    await eventually(() => noted.includes("Another front-end monitors"));
    oned.readOn();
    await oned.settled();
    expect(oned.rest().map(({ type }) => type)).not.toContain("VM_STATE");
    await sendUdp(port, text({ type: "MONITOR_HOST", oid: 3, payload: "FREECPU=2\n" }));
    await eventually(() => heard("MONITOR_HOST") === 2);
    tables.failure = undefined;
    await eventually(() => {
      clock.advance(30_000);
      return tables.rows.size > 0;
    });
    expect(tables.all("host").map(({ body }) => body)).toEqual([
      expect.stringContaining("<FREE_CPU>1</FREE_CPU>"),
    ]);
  });

  it("ends with a host that is offline, in rows that measure nothing, and with one that is no more", async () => {
    const tables = new MemoryTables();
    const clock = manualClock();
    const { oned, port, heard } = await started({ tables, clock, settings: { hostIntervalS: 180 } });
    await oned.begin([
      { id: 3, state: 8 },
      { id: 4, state: 2 },
    ]);
    await oned.settled();
    clock.advance(180_000);
    await oned.settled();
    clock.advance(1_000);
    await eventually(() => tables.rows.size === 1);
    const at = clock.now() / 1_000 - 1;
    const body = `<MONITORING><TIMESTAMP>${at}</TIMESTAMP><ID>3</ID><CAPACITY/><SYSTEM/></MONITORING>`;
    expect(tables.all("host")).toEqual([{ kind: "host", id: 3, at, body }]);
    oned.sayHosts([{ id: 3, state: 8 }]);
    await oned.settled();
    const system = (oid: number) => text({ type: "SYSTEM_HOST", oid, payload: "TOTALCPU=1\n" });
    await sendUdp(port, system(4), system(3));
    await eventually(() => heard("SYSTEM_HOST") === 1);
    expect(oned.rest().filter(({ type }) => type === "HOST_SYSTEM")).toEqual([]);
  });

  it("makes the host ERROR in one line when a probe of its fails", async () => {
    const { oned, port } = await started();
    await oned.begin([{ id: 3, state: 2 }]);
    await oned.settled();
    const payload = "Error executing kvm.rb:\n no libvirt\n";
    await sendUdp(port, text({ type: "SYSTEM_HOST", oid: 3, status: "FAILURE", payload }));
    const { status, payload: told } = await oned.next("HOST_STATE");
    expect([status, told]).toEqual(["-", "ERROR Error executing kvm.rb: no libvirt"]);
  });
});

describe("agents", () => {
  it("are started by the site's drivers once this front-end leads, and their first words count", async () => {
    const { oned } = await started({ settings: drivers("works") });
    await oned.begin([{ id: 3, state: 2 }], "CANDIDATE");
    oned.say("RAFT_STATUS", -1, "LEADER");
    expect((await oned.next("VM_STATE")).payload).toContain("SYNC_STATE");
    expect((await oned.next("HOST_SYSTEM")).payload).toContain("1600");
    expect(heardByDriver()).toContain("START_MONITOR - 3");
  });

  it("are started on new hosts and on order, and stopped offline and on order, though the host is deleted", async () => {
    const { oned } = await started({ settings: drivers("works") });
    await oned.begin([]);
    const count = (line: string) => heardByDriver().filter((heard) => heard === line).length;
    oned.updateHost({ id: 5 });
    await oned.next("HOST_SYSTEM");
    oned.say("START_MONITOR", 5, hostXml({ id: 5 }));
    await oned.next("HOST_SYSTEM");
    expect(count("START_MONITOR - 5")).toBe(2);
    oned.updateHost({ id: 5, state: 8 });
    await eventually(() => count("STOP_MONITOR - 5") === 1);
    oned.updateHost({ id: 5, state: 0 });
    await oned.next("HOST_SYSTEM");
    oned.say("DEL_HOST", 5);
    oned.say(
      "STOP_MONITOR",
      5,
      "<TEMPLATE><IM_MAD><![CDATA[kvm]]></IM_MAD><NAME><![CDATA[host5]]></NAME></TEMPLATE>",
    );
    await eventually(() => count("STOP_MONITOR - 5") === 2);
  });

  it("that cannot be started make the host ERROR, with what the driver said", async () => {
    const { oned } = await started({ settings: drivers("refuses") });
    await oned.begin([{ id: 3, state: 0 }]);
    expect((await oned.next("HOST_STATE")).payload).toBe("ERROR Could not update remotes");
  });

  it("that fall silent are started again, and then make the host ERROR, which ends when they are heard", async () => {
    const clock = manualClock();
    const logged: string[] = [];
    const log = { ...silentLogger, info: (details: object) => void logged.push(JSON.stringify(details)) };
    const { oned, port, heard } = await started({
      clock,
      log,
      settings: { ...drivers("mute"), managerTimerS: 15, hostIntervalS: 180 },
    });
    const starts = () => logged.filter((line) => line.includes("answered START_MONITOR")).length;
    const pass = async (seconds: number) => {
      for (let passed = 0; passed < seconds; passed += 15) {
        clock.advance(15_000);
        await oned.settled();
      }
    };
    await oned.begin([{ id: 3, state: 2 }]);
    await eventually(() => starts() === 1);
    await pass(15);
    await sendUdp(port, text({ type: "BEACON_HOST", oid: 3, payload: "1" }));
    await eventually(() => heard("BEACON_HOST") === 1);
    await pass(315);
    await eventually(() => starts() === 2);
    expect(oned.rest()).toEqual([]);
    await pass(315);
    expect((await oned.next("HOST_STATE")).payload).toMatch(/^ERROR nothing was heard from it for [0-9]+ s$/);
    await eventually(() => starts() === 3);
    oned.updateHost({ id: 3, state: 3 });
    await sendUdp(port, text({ type: "SYSTEM_HOST", oid: 3, payload: "TOTALCPU=1\n" }));
    expect((await oned.next("HOST_SYSTEM")).status).toBe("SUCCESS");
  });
});

describe("a pipe full of rubbish", () => {
  it("is logged and lived through, line by line", async () => {
    const { oned, port } = await started();
    await oned.begin([{ id: 3, state: 2 }]);
    await oned.settled();
    oned.write(Buffer.from([0, 255, 10, 10, 13, 10]));
    oned.write(
      "UPDATE_HOST - 3 ####\nUPDATE_HOST - 3 eJw=\nUPDATE_HOST - 99999999999 x\nHOST_LIST\nWHAT - 1 \n",
    );
    oned.say("HOST_LIST", -1, "<HOST_POOL><HOST><ID>3</ID>");
    oned.say("UPDATE_HOST", 3, '<!DOCTYPE a [<!ENTITY b "c">]><HOST><ID>3</ID></HOST>');
    oned.say("UPDATE_HOST", 3, "<A>".repeat(100));
    oned.say("STOP_MONITOR", 77, "not XML");
    oned.say("RAFT_STATUS", -1, "SOLO");
    for (let lines = 0; lines < 8; lines += 1) await oned.next("LOG");
    await sendUdp(port, text({ type: "SYSTEM_HOST", oid: 3, payload: "TOTALCPU=1\n" }));
    expect((await oned.next("HOST_SYSTEM")).oid).toBe(3);
  });
});
