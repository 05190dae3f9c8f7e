/** gatehouse-monitord in trouble: killed, with its database locked or full, and flooded from both sides. */

import { afterEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../shared/log.ts";
import { coreDaemon, MemoryTables, sendUdp, text } from "../support/core-daemon.ts";
import { freePort } from "../support/free-port.ts";
import { manualClock } from "../support/manual-clock.ts";
import { eventually } from "../support/monitor-daemon.ts";
import { type OneSite, oneSite } from "../support/one-site.ts";

let site: OneSite | undefined;

afterEach(async () => {
  await site?.close();
  site = undefined;
});

const reading = (oid: number, timestamp: number) =>
  text({ type: "MONITOR_HOST", oid, timestamp, payload: "FREECPU=1\n" });
const system = (oid: number) => text({ type: "SYSTEM_HOST", oid, payload: "TOTALCPU=1\n" });

function opened(): OneSite {
  if (site === undefined) throw new Error("no site is open");
  return site;
}

const times = ({ database }: OneSite): readonly number[] =>
  database
    .prepare("SELECT last_mon_time FROM host_monitoring WHERE hid = 5")
    .all()
    .map((row) => Number(row.last_mon_time));

describe("killed", () => {
  it("it is started again by oned, hears the hosts from it, and goes on with the same database", async () => {
    site = oneSite();
    const now = Math.floor(Date.now() / 1_000);
    const first = await site.start();
    // No driver has this name, so nothing is told of the host but what the test sends.
    const hosts = [{ id: 5, state: 2, imMad: "none" }];
    await first.oned.begin(hosts);
    await first.oned.settled();
    await sendUdp(await first.port(), reading(5, now - 20));
    await eventually(() => times(opened()).length === 1);
    first.child.kill("SIGKILL");
    expect(await first.ended()).toBe("SIGKILL");
    const second = await site.start();
    await second.oned.begin(hosts);
    await second.oned.settled();
    await sendUdp(await second.port(), reading(5, now - 10));
    await eventually(() => times(opened()).length === 2);
    second.oned.write("FINALIZE\n");
    expect(await second.ended()).toBe(0);
    expect(times(site)).toEqual([now - 20, now - 10]);
  });
});

describe("oned restarted", () => {
  it("while agents send: the port passes on, and first rows hold what slow probes told the daemon before", async () => {
    const port = await freePort();
    site = oneSite({ port });
    const now = Math.floor(Date.now() / 1_000);
    const hosts = [{ id: 5, state: 2, imMad: "none" }];
    const vm = (at: number, metrics: string) =>
      text({
        type: "MONITOR_VM",
        oid: 5,
        timestamp: now + at,
        payload: `VM=[ID="7",MONITOR="${Buffer.from(metrics).toString("base64")}"]`,
      });
    const newest = () => {
      const row = opened().database.prepare(
        "SELECT last_poll, body FROM vm_monitoring ORDER BY last_poll DESC",
      );
      return row.get();
    };
    const first = await site.start();
    await first.oned.begin(hosts);
    await first.oned.settled();
    await sendUdp(port, vm(-20, "CPU=1\nDISK_SIZE=[ID=0,SIZE=5]\n"));
    await eventually(() => newest() !== undefined);
    // oned dies: the pipe ends, and the next oned does not wait for its former daemon.
    first.oned.close();
    const second = await site.start();
    for (let sent = 0; sent < 20; sent += 1) await sendUdp(port, vm(-19, "CPU=2\n")).catch(() => undefined);
    await second.oned.begin(hosts);
    await second.oned.settled();
    expect(await first.ended()).toBe(0);
    await sendUdp(port, vm(-5, "CPU=3\n"));
    await eventually(() => newest()?.last_poll === now - 5);
    expect(newest()?.body).toContain("<DISK_SIZE><ID>0</ID><SIZE>5</SIZE></DISK_SIZE>");
    second.oned.close();
    expect(await second.ended()).toBe(0);
  });
});

describe("a port that is taken", () => {
  it("is waited for, as long as oned waits for the answer to INIT", async () => {
    const holder = await coreDaemon();
    const clock = manualClock();
    const starting = coreDaemon({ port: holder.port, clock });
    await eventually(() => clock.waiting() > 0);
    await clock.runNext();
    await holder.close();
    const port = holder.port;
    let isUp = false;
    void starting.finally(() => {
      isUp = true;
    });
    while (!isUp) {
      if (clock.waiting() > 0) await clock.runNext();
      else await new Promise((resolve) => setImmediate(resolve));
    }
    const daemon = await starting;
    expect(daemon.port).toBe(port);
    await daemon.close();
  });

  it("ends the daemon with a sentence when it stays taken, as a second one by accident finds it", async () => {
    const holder = await coreDaemon();
    const clock = manualClock();
    let ended = false;
    const starting = coreDaemon({ port: holder.port, clock }).catch((error: Error) => {
      ended = true;
      return error.message;
    });
    while (!ended) {
      if (clock.waiting() > 0) await clock.runNext();
      else await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await starting).toContain(`The port ${holder.port} of 127.0.0.1 is taken`);
    expect(clock.elapsed()).toBeLessThan(8_000);
    await holder.close();
  });
});

describe("a front-end of 2,500 hosts", () => {
  it("starts all agents through the site's driver, and hears others meanwhile", async () => {
    site = oneSite();
    const { oned, port, ended } = await site.start();
    const pool = Array.from({ length: 2_500 }, (_, id) => ({ id, state: 2 }));
    await oned.begin([...pool, { id: 9_999, state: 2, imMad: "none" }]);
    await oned.settled();
    await sendUdp(await port(), system(9_999));
    const seen = new Set<number>();
    while (seen.size < 2_501) seen.add((await oned.next("HOST_SYSTEM")).oid);
    expect(seen.has(9_999)).toBe(true);
    oned.close();
    expect(await ended()).toBe(0);
  });
});

describe("a clock that is set back", () => {
  it("stops nothing: hosts are heard, rows are written, nothing is started or expired for it", async () => {
    const tables = new MemoryTables();
    const clock = manualClock();
    const { oned, port, close } = await coreDaemon({ tables, clock });
    await oned.begin([{ id: 5, state: 2 }]);
    await oned.settled();
    const at = clock.now() / 1_000;
    const written = (rows: number) => {
      clock.advance(250);
      return tables.rows.size === rows;
    };
    await sendUdp(port, reading(5, at));
    await eventually(() => written(1));
    clock.jump(-86_400_000);
    await sendUdp(port, reading(5, at - 86_399), system(5));
    expect((await oned.next("HOST_SYSTEM")).oid).toBe(5);
    await eventually(() => written(2));
    expect(oned.rest()).toEqual([]);
    await close();
  });
});

describe("a database that is locked", () => {
  it("stops nothing: oned hears of it and of hosts, and the readings are written when it is free", async () => {
    site = oneSite({ db: 'BACKEND = "sqlite", TIMEOUT = 50' });
    const now = Math.floor(Date.now() / 1_000);
    const { oned, port, ended } = await site.start();
    await oned.begin([{ id: 5, state: 2, imMad: "none" }]);
    await oned.settled();
    site.database.exec("BEGIN EXCLUSIVE");
    await sendUdp(await port(), reading(5, now - 2));
    const { status, payload } = await oned.next("LOG", (line) => line.payload.includes("database"));
    expect([status, payload]).toEqual(["W", expect.stringContaining("locked")]);
    await sendUdp(await port(), reading(5, now - 1), system(5));
    expect((await oned.next("HOST_SYSTEM")).oid).toBe(5);
    site.database.exec("COMMIT");
    await eventually(() => times(opened()).length === 2);
    expect(times(site)).toEqual([now - 2, now - 1]);
    oned.close();
    expect(await ended()).toBe(0);
  });
});

describe("a database that is full", () => {
  it("costs the oldest readings at most, is told once, and monitoring goes on", async () => {
    const tables = new MemoryTables();
    tables.failure = new Error("database or disk is full");
    const { oned, port, close } = await coreDaemon({ tables });
    await oned.begin([{ id: 5, state: 2 }]);
    await oned.settled();
    await sendUdp(port, reading(5, 1_700_000_000));
    await eventually(() => tables.puts >= 2);
    await sendUdp(port, system(5));
    await oned.next("HOST_SYSTEM");
    tables.failure = undefined;
    await eventually(() => tables.rows.size === 1);
    expect(oned.rest().filter(({ type }) => type === "LOG")).toEqual([]);
    await close();
  });
});

describe("a database that answers nothing any more", () => {
  it("does not hold up the end: what it did not take is told, and lost", async () => {
    const tables = new MemoryTables();
    tables.put = () => new Promise(() => undefined);
    const clock = manualClock();
    const told: string[] = [];
    const log = { ...silentLogger, warn: (_: object, message: string) => void told.push(message) };
    const { oned, port, ended } = await coreDaemon({ tables, clock, log });
    await oned.begin([{ id: 5, state: 2, imMad: "none" }]);
    await oned.settled();
    await sendUdp(port, reading(5, clock.now() / 1_000), system(5));
    await oned.next("HOST_SYSTEM");
    oned.close();
    let isOver = false;
    const over = ended.then(() => {
      isOver = true;
    });
    await eventually(() => {
      clock.advance(1_000);
      return isOver;
    });
    await over;
    expect(told).toContain("What the database did not take in time is lost");
  });
});

describe("a flood", () => {
  it("of lines from oned is read one after another, and what agents say is heard between them", async () => {
    const { oned, port, close } = await coreDaemon();
    await oned.begin([{ id: 5, state: 2 }]);
    const pool = Array.from({ length: 2_000 }, (_, id) => ({ id, state: 2, imMad: "none" }));
    for (let round = 0; round < 5; round += 1) {
      oned.sayHosts(pool);
      oned.write("rubbish ".repeat(10_000));
      oned.write("\n");
    }
    await sendUdp(port, system(5));
    await oned.settled();
    await sendUdp(port, system(1_999));
    await oned.next("HOST_SYSTEM", ({ oid }) => oid === 1_999);
    await close();
  });

  it("of a line without an end is left out, and holds no more than the bound", async () => {
    const { oned, port, close } = await coreDaemon();
    await oned.begin([{ id: 5, state: 2 }]);
    const mebibyte = Buffer.alloc(1024 * 1024, 65);
    for (let sent = 0; sent < 80; sent += 1) oned.write(mebibyte);
    oned.write("\n");
    expect((await oned.next("LOG", ({ payload }) => payload.includes("more than"))).status).toBe("W");
    await sendUdp(port, system(5));
    await oned.next("HOST_SYSTEM");
    await close();
  });

  it("of datagrams costs some of them, and oned's orders are done meanwhile", async () => {
    const tables = new MemoryTables();
    const { oned, port, close } = await coreDaemon({ tables });
    await oned.begin([{ id: 5, state: 2 }]);
    const vms = Array.from({ length: 200 }, (_, id) => `VM=[ID="${id}",MONITOR="Q1BVPTEK"]`).join("\n");
    const flood = Array.from({ length: 500 }, () => text({ type: "MONITOR_VM", oid: 5, payload: vms }));
    const sent = sendUdp(port, ...flood, system(5));
    oned.updateHost({ id: 6, state: 2 });
    await oned.settled();
    await sent;
    await eventually(() => tables.rows.size > 0);
    let isHeard = false;
    const hearing = oned
      .next("HOST_SYSTEM", ({ oid }) => oid === 6)
      .finally(() => {
        isHeard = true;
      });
    // While the flood waits to be read, it may cost this one, too.
    while (!isHeard) {
      await sendUdp(port, system(6));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await hearing;
    await close();
  });
});
