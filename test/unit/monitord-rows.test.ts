/** Readings on their way into OpenNebula's tables: their bodies, what lies under a first one, and how they wait for a database. */

import { describe, expect, it } from "vitest";
import { asciiXml, vmBody } from "../../gateway/monitor/dropin/bodies.ts";
import { FirstReadings } from "../../gateway/monitor/dropin/first-readings.ts";
import { Outage } from "../../gateway/monitor/dropin/outage.ts";
import { RowWriter } from "../../gateway/monitor/dropin/row-writer.ts";
import type { MonitoringRow } from "../../gateway/monitor/dropin/tables.ts";
import { VmReadings } from "../../gateway/monitor/dropin/vm-readings.ts";
import { silentLogger } from "../../shared/log.ts";
import { vmReading } from "../../shared/monitor/read-vms.ts";
import { xmlToTree } from "../../shared/xml/parse.ts";
import { MemoryTables } from "../support/core-daemon.ts";
import { manualClock } from "../support/manual-clock.ts";
import { eventually } from "../support/monitor-daemon.ts";

describe("a row's body", () => {
  it("is ASCII, and the same document", () => {
    const xml = "<A><B><![CDATA[ü & <]]></B><C><![CDATA[<&]]></C><D>😀]]&gt;</D></A>";
    const ascii = asciiXml(xml);
    expect(ascii).toMatch(/^[\0-\x7f]*$/);
    expect(xmlToTree(ascii)).toEqual(xmlToTree(xml));
    expect(asciiXml("<A><![CDATA[&]]></A>")).toBe("<A><![CDATA[&]]></A>");
  });

  it("is not made of what XML cannot write", () => {
    expect(vmBody(1, { at: 1, attributes: { "A B": "1" } })).toBeUndefined();
    expect(vmBody(1, { at: 1, attributes: { A: "x".repeat(300_000) } })).toBeUndefined();
  });
});

describe("readings of VMs", () => {
  const at = 1_800_000_000;

  it("lie over the earlier ones; one that comes late is kept as it is, and changes nothing", () => {
    const readings = new VmReadings();
    readings.put(1, 7, vmReading(7, "one-7", { CPU: "1", MEMORY: "2" }), at);
    expect(readings.put(1, 7, vmReading(7, "one-7", { CPU: "3" }), at + 1)?.attributes).toEqual({
      CPU: "3",
      MEMORY: "2",
    });
    expect(readings.put(1, 7, vmReading(7, "one-7", { CPU: "9" }), at - 5)?.attributes).toEqual({ CPU: "9" });
    expect(readings.get(7)).toMatchObject({ at: at + 1, attributes: { CPU: "3" } });
  });

  it("go on over the earlier ones when the clock was set back", () => {
    const readings = new VmReadings();
    readings.put(1, 7, vmReading(7, "one-7", { CPU: "1", MEMORY: "2" }), at);
    readings.put(1, 7, vmReading(7, "one-7", { CPU: "3" }), at - 86_400);
    expect(readings.get(7)).toMatchObject({ at: at - 86_400, attributes: { CPU: "3", MEMORY: "2" } });
  });

  it("are of 10,000 VMs of one host at most, until some are forgotten", () => {
    const readings = new VmReadings();
    const one = vmReading(0, "", { CPU: "1" });
    for (let id = 0; id < 10_000; id += 1) readings.put(1, id, one, at);
    expect(readings.put(1, 10_000, one, at)).toBeUndefined();
    expect(readings.put(2, 10_000, one, at)).toBeDefined();
    readings.forgetOld(at + 3_601);
    expect(readings.put(1, 10_000, one, at)).toBeDefined();
  });
});

describe("a host that makes its readings large", () => {
  const at = 1_800_000_000;
  const large = (name: string, characters: number) => vmReading(1, "", { [name]: "x".repeat(characters) });

  it("is remembered of one VM no more than its last reading, and nothing of a larger one", () => {
    const readings = new VmReadings();
    readings.put(1, 7, large("A", 100_000), at);
    readings.put(1, 7, large("B", 100_000), at + 1);
    expect(Object.keys(readings.get(7)?.attributes ?? {})).toEqual(["B"]);
    const told = readings.put(1, 7, large("C", 200_000), at + 2);
    expect(Object.keys(told?.attributes ?? {})).toEqual(["C"]);
    expect(readings.get(7)).toBeUndefined();
  });

  it("is remembered of all its VMs up to a bound; others are none the worse, and what is forgotten counts no more", () => {
    const readings = new VmReadings();
    const one = large("A", 100_000);
    const put = (hostId: number, vmId: number) => {
      expect(readings.put(hostId, vmId, one, at)).toBeDefined();
      return readings.get(vmId) !== undefined;
    };
    const kept = Array.from({ length: 300 }, (_, vmId) => put(1, vmId)).filter(Boolean).length;
    expect(kept).toBe(167);
    expect(put(2, 1_000)).toBe(true);
    expect(put(1, 0)).toBe(true);
    readings.forgetOld(at + 3_601);
    expect(put(1, 2_000)).toBe(true);
  });
});

describe("first readings", () => {
  const clockAt = 1_800_000_000;
  const waiting = (at: number) => ({ hostId: 1, reading: vmReading(7, "one-7", { CPU: "3" }), at });

  function waiters() {
    const tables = new MemoryTables();
    const clock = manualClock();
    const ready: unknown[] = [];
    const outage = new Outage("db", silentLogger);
    const onReady = (vmId: number, last: unknown, waited: readonly unknown[]) =>
      void ready.push([vmId, last, waited.length]);
    return { tables, clock, ready, first: new FirstReadings({ tables, outage, clock, onReady }) };
  }

  it("wait for a database that is away, and go on with the last row when it is back", async () => {
    const { tables, clock, ready, first } = waiters();
    await tables.put([{ kind: "vm", id: 7, at: clockAt, body: "<MONITORING><A>1</A></MONITORING>" }]);
    tables.failure = new Error("database is locked");
    expect(first.hold(7, waiting(clockAt + 1))).toBe(true);
    await eventually(() => clock.waiting() === 1);
    expect(first.hold(7, waiting(clockAt + 2))).toBe(true);
    tables.failure = undefined;
    await clock.runNext();
    await eventually(() => ready.length > 0);
    expect(ready).toEqual([[7, { at: clockAt, attributes: { A: "1" } }, 2]]);
  });

  it("go on as they are when it stays away, and at the end", async () => {
    const { tables, clock, ready, first } = waiters();
    tables.failure = new Error("gone");
    first.hold(7, waiting(1));
    for (let tries = 1; tries < 30; tries += 1) await clock.runNext();
    await eventually(() => ready.length > 0);
    first.hold(8, waiting(1));
    first.close();
    expect(first.hold(9, waiting(1))).toBe(false);
    expect(ready).toEqual([
      [7, undefined, 1],
      [8, undefined, 1],
    ]);
  });

  it("are as many characters as memory has for them", () => {
    const { first, ready } = waiters();
    const reading = vmReading(7, "", { A: "x".repeat(1_000_000) });
    const held = Array.from({ length: 70 }, (_, vmId) => first.hold(vmId, { hostId: 1, reading, at: 1 }));
    expect(held.filter(Boolean).length).toBe(67);
    first.close();
    expect(ready.length).toBe(67);
  });

  it("are 50,000 at most", () => {
    const { first, ready } = waiters();
    const held = Array.from({ length: 50_001 }, (_, vmId) => first.hold(vmId, waiting(1)));
    expect([held.at(-2), held.at(-1)]).toEqual([true, false]);
    first.close();
    expect(ready.length).toBe(50_000);
  });
});

describe("rows on their way", () => {
  const row = (at: number, body = "x"): MonitoringRow => ({ kind: "vm", id: 1, at, body });

  function writer(maxBytes?: number) {
    const tables = new MemoryTables();
    const clock = manualClock();
    const told: string[] = [];
    const tell = (details: object, message: string) =>
      void told.push(`${message} ${JSON.stringify(details)}`);
    const outage = new Outage("db", { ...silentLogger, warn: tell, info: tell });
    return { tables, clock, told, rows: new RowWriter({ tables, outage, clock, maxBytes }) };
  }

  it("go together, wait through an outage, and are told of twice: when it begins and when it ends", async () => {
    const { tables, clock, told, rows } = writer();
    for (let at = 0; at < 100; at += 1) rows.add(row(at));
    tables.failure = new Error("database is locked");
    await clock.runNext();
    await clock.runNext();
    await clock.runNext();
    expect(tables.rows.size).toBe(0);
    tables.failure = undefined;
    await clock.runNext();
    await rows.close();
    expect(tables.rows.size).toBe(100);
    expect(told).toEqual([expect.stringContaining("locked"), expect.stringContaining('"lost":0')]);
  });

  it("are never more than the bound: the oldest are lost, and counted", async () => {
    const { tables, told, rows } = writer(10 * (128 + 1));
    tables.failure = new Error("full");
    for (let at = 0; at < 25; at += 1) rows.add(row(at));
    expect(rows.waiting).toBe(10);
    tables.failure = undefined;
    await rows.close();
    expect([...tables.rows.values()].map(({ at }) => at)).toEqual([15, 16, 17, 18, 19, 20, 21, 22, 23, 24]);
    expect(told).toEqual([expect.stringMatching(/too slow .*"lost":15/)]);
  });

  it("go in transactions of bounded size, so that a host's large ones hold up no others", async () => {
    const { tables, rows } = writer();
    for (let at = 0; at < 100; at += 1) rows.add(row(at, "x".repeat(250_000)));
    await rows.close();
    expect([tables.rows.size, tables.puts]).toEqual([100, 4]);
  });

  it("are given up at the end when the database stays away", async () => {
    const { tables, rows } = writer();
    tables.failure = new Error("gone");
    rows.add(row(1));
    await rows.close();
    expect(tables.puts).toBe(1);
  });
});
