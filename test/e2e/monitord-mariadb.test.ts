/** OpenNebula's tables in a real MariaDB, where one is installed. */

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mysqlTables } from "../../gateway/monitor/dropin/mysql-tables.ts";
import type { MonitoringRow, MonitoringTables } from "../../gateway/monitor/dropin/tables.ts";
import { sendUdp, text } from "../support/core-daemon.ts";
import { type MariaDb, NO_MARIADB, openMariaDb } from "../support/mariadb.ts";
import { oneSite, TABLES } from "../support/one-site.ts";

const TITLE = `the tables in MariaDB${NO_MARIADB === undefined ? "" : ` (skipped: ${NO_MARIADB})`}`;

describe.skipIf(NO_MARIADB !== undefined)(TITLE, () => {
  let server: MariaDb;
  let tables: MonitoringTables;

  beforeAll(async () => {
    server = await openMariaDb(TABLES);
    tables = mysqlTables(server.options);
  });

  afterAll(async () => {
    await tables?.close();
    await server?.close();
  });

  const row = (kind: MonitoringRow["kind"], id: number, at: number, body: string): MonitoringRow => ({
    kind,
    id,
    at,
    body,
  });
  const hostRows = () => server.query("SELECT * FROM opennebula.host_monitoring ORDER BY last_mon_time");

  it("take rows of both kinds, many at once, and the same row again in its place", async () => {
    const vms = Array.from({ length: 1_200 }, (_, id) =>
      row("vm", id, 100, `<MONITORING>${id}'"\\</MONITORING>`),
    );
    await tables.put([row("host", 3, 100, "first"), ...vms]);
    await tables.put([row("host", 3, 100, "second"), row("host", 3, 160, "&#252;")]);
    expect(await hostRows()).toEqual([
      { hid: 3, last_mon_time: 100, body: "second" },
      { hid: 3, last_mon_time: 160, body: "&#252;" },
    ]);
    const [count] = await server.query(
      "SELECT COUNT(*) AS count, MAX(body) AS body FROM opennebula.vm_monitoring",
    );
    expect(count).toEqual({ count: 1_200, body: `<MONITORING>999'"\\</MONITORING>` });
  });

  it("tell the newest row of each VM that is asked for", async () => {
    const rows = [row("vm", 3, 101, "newer"), row("vm", 4, 99, "older")];
    await tables.put(rows);
    const last = await tables.lastOfVms([3, 4, 5_000]);
    expect(last.toSorted((one, other) => one.id - other.id)).toEqual([
      row("vm", 3, 101, "newer"),
      row("vm", 4, 100, expect.stringContaining("4")),
    ]);
    await server.query("DELETE FROM opennebula.vm_monitoring WHERE last_poll <> 100");
  });

  it("are purged a thousand rows at a time", async () => {
    expect(await tables.purge("vm", 101)).toBe(true);
    expect(await tables.purge("vm", 101)).toBe(false);
    expect(await server.query("SELECT * FROM opennebula.vm_monitoring")).toEqual([]);
    expect(await tables.purge("host", 101)).toBe(false);
    expect((await hostRows()).length).toBe(1);
  });

  it("know the wild VMs that were imported", async () => {
    await server.query("INSERT INTO opennebula.vm_import VALUES ('wild', 12)");
    expect(await tables.imported()).toEqual(new Map([["wild", 12]]));
  });

  it("take large rows together, more than one packet holds, and all to be escaped", async () => {
    const large = Array.from({ length: 40 }, (_, at) => row("vm", 70, at, "'".repeat(250_000)));
    await tables.put(large);
    const [count] = await server.query(
      "SELECT COUNT(*) AS count FROM opennebula.vm_monitoring WHERE vmid = 70",
    );
    expect(count).toEqual({ count: 40 });
  });

  it("take all rows of one call or none", async () => {
    const tooLarge = row("vm", 1, 1, "x".repeat(17 * 1024 * 1024));
    await expect(tables.put([row("host", 9, 9, "lost"), tooLarge])).rejects.toThrow();
    expect((await hostRows()).map(({ hid }) => hid)).not.toContain(9);
    await tables.put([row("host", 9, 9, "kept")]);
    expect((await hostRows()).map(({ hid }) => hid)).toContain(9);
  });

  it("are written by the process that oned starts, as its own files say", async () => {
    const { port, user, password, database } = server.options;
    const site = oneSite({
      db: `BACKEND = "mysql", SERVER = "127.0.0.1", PORT = ${port}, USER = "${user}", PASSWD = "${password}", DB_NAME = "${database}"`,
    });
    try {
      const daemon = await site.start();
      await daemon.oned.begin([{ id: 5, state: 2, imMad: "none" }]);
      await daemon.oned.settled();
      await sendUdp(await daemon.port(), text({ type: "MONITOR_HOST", oid: 5, payload: "FREECPU=1\n" }));
      while (!(await hostRows()).some(({ hid }) => hid === 5));
      daemon.oned.close();
      expect(await daemon.ended()).toBe(0);
      expect(site.log()).not.toContain(password);
    } finally {
      await site.close();
    }
  });

  it("are given up with their connection by a server that is stuck, and found again by the next", async () => {
    let isStuck = false;
    const sockets = new Set<Socket>();
    const proxy = createServer((client) => {
      const onward = connect(server.options.port, "127.0.0.1");
      for (const [from, to] of [
        [client, onward],
        [onward, client],
      ] as const) {
        sockets.add(from);
        from.on("data", (piece) => isStuck || to.write(piece));
        from.on("close", () => to.destroy());
        from.on("error", () => undefined);
      }
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const address = proxy.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const through = mysqlTables({ ...server.options, port }, 3_000);
    await through.put([row("host", 6, 1, "x")]);
    isStuck = true;
    await expect(through.put([row("host", 6, 2, "x")])).rejects.toThrow(/timeout/);
    isStuck = false;
    await through.put([row("host", 6, 3, "x")]);
    const mine = (await hostRows()).filter(({ hid }) => hid === 6);
    expect(mine.map(({ last_mon_time }) => last_mon_time)).toEqual([1, 3]);
    await through.close();
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });

  it("are found again after the server was gone, and nothing of the password is told meanwhile", async () => {
    await server.stop();
    const failure = await tables.put([row("host", 4, 1, "x")]).catch(String);
    expect(failure).toMatch(/ECONNREFUSED|closed|lost/i);
    expect(failure).not.toContain(server.options.password);
    await server.start();
    await tables.put([row("host", 4, 1, "x")]);
    expect((await hostRows()).map(({ hid }) => hid)).toContain(4);
    const wrong = mysqlTables({ ...server.options, password: "not the one" });
    const refused = await wrong.put([row("host", 4, 2, "x")]).catch(String);
    expect(refused).toMatch(/Access denied/);
    expect(refused).not.toContain("not the one");
    await wrong.close();
  });
});
