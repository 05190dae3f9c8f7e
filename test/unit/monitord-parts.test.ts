/** What the daemon that oned starts is made of: its arguments, its files, lines, hosts, rows and their way into the tables. */

import { PassThrough, Writable } from "node:stream";
import { inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { monitordArguments } from "../../gateway/cli/monitord.ts";
import { loadConfig } from "../../gateway/config.ts";
import { readOnedConf } from "../../gateway/main/oned-conf.ts";
import { monitordSettings, onePlaces } from "../../gateway/main/serve-monitord.ts";
import { asciiXml, vmBody } from "../../gateway/monitor/dropin/bodies.ts";
import { BoundedLines, TOO_LONG } from "../../gateway/monitor/dropin/bounded-lines.ts";
import { printCoreLine, readCoreLine } from "../../gateway/monitor/dropin/core-line.ts";
import { coreLogger } from "../../gateway/monitor/dropin/core-log.ts";
import { CorePipe } from "../../gateway/monitor/dropin/core-pipe.ts";
import { readHosts, readStoppedHost } from "../../gateway/monitor/dropin/host-document.ts";
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
import { hostXml } from "../support/scripted-oned.ts";

describe("the command line", () => {
  it("is taken as oned passes it, in one word, and as a person writes it", () => {
    const expected = { config: "my.conf", onedConfig: "oned.conf", says: undefined };
    expect(monitordArguments(["-c my.conf"])).toEqual(expected);
    expect(monitordArguments(["--config", "my.conf", "-o", "oned.conf"])).toEqual(expected);
    expect(monitordArguments([]).config).toBe("monitord.conf");
    expect(() => monitordArguments(["-x"])).toThrow();
  });

  it("finds OpenNebula's folders by ONE_LOCATION", () => {
    expect(onePlaces({})).toMatchObject({ etc: "/etc/one", mads: "/usr/lib/one/mads" });
    expect(onePlaces({ ONE_LOCATION: "/srv/one" })).toMatchObject({
      etc: "/srv/one/etc",
      var: "/srv/one/var",
    });
  });
});

describe("oned.conf", () => {
  const read = (db: string) =>
    readOnedConf("oned.conf", `# comment\nPORT = 2633\nDB = [ ${db} ]\n`, "/var/lib/one");

  it("names the database, in the letters of either case", () => {
    expect(read('backend = "sqlite", TIMEOUT = 100').database).toEqual({
      backend: "sqlite",
      options: { path: "/var/lib/one/one.db", busyMs: 100 },
    });
    expect(
      read('BACKEND="mysql", SERVER="db", PORT=0, USER="u", PASSWD="p\\"w", DB_NAME="o"').database,
    ).toEqual({
      backend: "mysql",
      options: { server: "db", port: 0, user: "u", password: 'p"w', database: "o" },
    });
  });

  it("is refused without a word of its password", () => {
    expect(() => read('BACKEND="oracle", PASSWD="secret"')).toThrow(/BACKEND/);
    expect(() => read('BACKEND="mysql", PORT=secret')).toThrow(
      /^oned.conf has a DB\/PORT that is no whole number\.$/,
    );
  });
});

describe("text from beyond loopback", () => {
  const settings = (env: Record<string, string>) =>
    monitordSettings(loadConfig({ env, cwd: "/nonexistent" }));

  it("is taken in clear as upstream does, with a key only encrypted, and as the environment says", () => {
    expect(settings({})).toMatchObject({ host: "0.0.0.0", settings: { acceptText: "clear" } });
    const key = { GATEHOUSE_MONITOR_PRIVATE_KEY_FILE: "/etc/one/key" };
    expect(settings(key).settings.acceptText).toBe("encrypted");
    expect(settings({ ...key, GATEHOUSE_MONITOR_ACCEPT_TEXT: "off" }).settings.acceptText).toBe("off");
  });
});

describe("a line", () => {
  it("is printed as oned reads it, and read as oned prints it", () => {
    const line = printCoreLine("HOST_STATE", "-", 3, "ERROR why");
    expect(line).toMatch(/^HOST_STATE - 3 [A-Za-z0-9+/]+=*\n$/);
    const swapped = Buffer.from(line.trimEnd().replace("HOST_STATE", "UPDATE_HOST"));
    expect(readCoreLine(swapped)).toEqual({ type: "UPDATE_HOST", oid: 3, payload: "ERROR why" });
    expect(printCoreLine("LOG", "E", -1, "")).toBe("LOG E -1 \n");
    expect(readCoreLine(Buffer.from("INIT"))).toEqual({ type: "INIT", oid: -1, payload: "" });
    expect(readCoreLine(Buffer.from("DEL_HOST - 12 "))).toEqual({ type: "DEL_HOST", oid: 12, payload: "" });
  });

  it.each([
    "",
    " ",
    "WHAT",
    "init",
    "UPDATE_HOST - -2 ",
    "UPDATE_HOST - 3 ???",
    "UPDATE_HOST - 3 AAAA",
    "DEL_HOST - 12345678901 ",
  ])("that is none is refused: %j", (line) => {
    expect(() => readCoreLine(Buffer.from(line))).toThrow();
  });

  it("is put together however it is cut, and left out when it is too long", () => {
    const lines = new BoundedLines(4);
    const told = ["a", "b\nc", "defgh", "ij\n\nabcd\nabcde\nz\n"].flatMap((piece) =>
      lines.push(Buffer.from(piece)),
    );
    expect(told.map((line) => (line === TOO_LONG ? line : line.toString()))).toEqual([
      "ab",
      TOO_LONG,
      "abcd",
      TOO_LONG,
      "z",
    ]);
  });
});

describe("hosts", () => {
  it("are read of a pool and alone, whatever else stands in their documents", async () => {
    const hosts = await readHosts(
      `<HOST_POOL>${hostXml({ id: 1 })}<HOST><NAME>x</NAME></HOST>${hostXml({ id: 2, state: 8 })}</HOST_POOL>`,
    );
    expect(hosts.map(({ id, name, state, imMad }) => ({ id, name, state, imMad }))).toEqual([
      { id: 1, name: "host1", state: 0, imMad: "kvm" },
      { id: 2, name: "host2", state: 8, imMad: "kvm" },
    ]);
    const [alone] = await readHosts(hostXml({ id: 7 }));
    expect(alone?.id).toBe(7);
    expect(alone?.template).toEqual({
      NAME: "not the host's",
      RESERVED_CPU: "",
      PCI: [{ A: "1", B: "<" }, { A: "2" }],
    });
    expect(await readHosts("<HOST_POOL/>")).toEqual([]);
  });

  it("that are stopped are known by their document, or by name and driver alone", () => {
    expect(readStoppedHost(7, hostXml({ id: 7, name: "n" }))).toMatchObject({
      id: 7,
      name: "n",
      imMad: "kvm",
    });
    const template = "<TEMPLATE><NAME>n</NAME><IM_MAD>lxc</IM_MAD></TEMPLATE>";
    expect(readStoppedHost(7, template)).toMatchObject({ id: 7, name: "n", imMad: "lxc" });
  });
});

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
    expect(vmBody(1, { at: 1, attributes: { A: "x".repeat(2_000_000) } })).toBeUndefined();
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

describe("the log", () => {
  it("goes to oned where something is wrong, so often and no more, and without a secret", () => {
    const clock = manualClock();
    const lines: string[] = [];
    const log = coreLogger(silentLogger, clock, async (line) => void lines.push(line));
    log.info({}, "all is well");
    log.warn({ password: "hidden", host: 3 }, "Something is wrong");
    for (let more = 0; more < 50; more += 1) log.error({}, "Again");
    expect(lines.length).toBe(20);
    clock.advance(10_000);
    log.error({}, "Later");
    expect(lines.length).toBe(21);
    const [type, level, oid, body = ""] = lines[0]?.trimEnd().split(" ") ?? [];
    expect([type, level, oid]).toEqual(["LOG", "W", "-1"]);
    expect(inflateSync(Buffer.from(body, "base64")).toString()).toBe(
      'Something is wrong {"password":"[redacted]","host":3}',
    );
  });
});

describe("an oned that does not read", () => {
  it("has so much waiting for it and no more, and is told of again when it reads", async () => {
    const written: (() => void)[] = [];
    const output = new Writable({ write: (_piece, _encoding, done) => void written.push(done) });
    const input = new PassThrough();
    const pipe = new CorePipe({ input, output, onLine: () => undefined, onBroken: () => undefined });
    const ended = pipe.read();
    input.write("INIT\nRAFT_STATUS - -1 \n");
    const line = `${"x".repeat(16 * 1024 * 1024 - 1)}\n`;
    const sent = [pipe.send(line), pipe.send(line), pipe.send(line), pipe.send(line)];
    await expect(pipe.send("more\n")).rejects.toThrow("oned does not read");
    await eventually(() => written.length > 0);
    while (written.length > 0) {
      written.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(sent);
    input.end();
    await ended;
    await expect(pipe.send("late\n")).rejects.toThrow("closed");
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
    expect(told).toEqual([]);
  });

  it("are given up at the end when the database stays away", async () => {
    const { tables, rows } = writer();
    tables.failure = new Error("gone");
    rows.add(row(1));
    await rows.close();
    expect(tables.puts).toBe(1);
  });
});
