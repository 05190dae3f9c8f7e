/** gatehouse-monitord as a process that oned starts, over the site's own files, driver and database. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { sendTcp, sendUdp, text } from "../support/core-daemon.ts";
import { eventually } from "../support/monitor-daemon.ts";
import { monitorRecordings } from "../support/monitor-recordings.ts";
import { type OneSite, type OneSiteOptions, oneSite } from "../support/one-site.ts";

let site: OneSite | undefined;

afterEach(async () => {
  await site?.close();
  site = undefined;
});

function opened(options: OneSiteOptions = {}): OneSite {
  site = oneSite(options);
  return site;
}

const count = ({ database }: OneSite, table: string): number =>
  Number(database.prepare(`SELECT COUNT(*) AS count FROM ${table}`).get()?.count);

describe("gatehouse-monitord", () => {
  it("goes through a life with oned: start, agents, readings, states, another leader, the end", async () => {
    const one = opened();
    const daemon = await one.start();
    const { oned } = daemon;
    await oned.begin([{ id: 3, state: 2 }]);
    expect((await oned.next("HOST_SYSTEM")).oid).toBe(3);
    const port = await daemon.port();
    const recordings = monitorRecordings().filter(({ encrypted, oid }) => !encrypted && oid === 3);
    for (const { type, bytes } of recordings) {
      if (type === "STATE_VM") await sendTcp(port, bytes);
      else await sendUdp(port, bytes);
    }
    await eventually(() => count(one, "host_monitoring") > 0 && count(one, "vm_monitoring") > 0);
    const row = one.database.prepare("SELECT * FROM host_monitoring ORDER BY last_mon_time DESC").get();
    expect(row?.hid).toBe(3);
    expect(String(row?.body)).toMatch(
      /^<MONITORING><TIMESTAMP>\d+<\/TIMESTAMP><ID>3<\/ID><CAPACITY>(<[A-Z_]+>\d+(\.\d+)?<\/[A-Z_]+>)+<\/CAPACITY><SYSTEM>/,
    );
    oned.say("RAFT_STATUS", -1, "FOLLOWER");
    await oned.settled();
    oned.rest();
    await sendTcp(port, text({ type: "STATE_VM", oid: 3, payload: 'VM=[ID="0",STATE="POWEROFF"]\n' }));
    oned.say("RAFT_STATUS", -1, "LEADER");
    const told = await oned.next("VM_STATE");
    expect(told.payload).not.toContain('ID="0"');
    oned.close();
    expect(await daemon.ended()).toBe(0);
    expect(one.notes()).toContain("FINALIZE");
  });

  it("hears our own agent, which the site's driver starts and stops, in text encrypted with the site's key", async () => {
    const key = (name: string) =>
      fileURLToPath(new URL(`../fixtures/monitor/monitor_rsa_${name}.pem`, import.meta.url));
    const one = opened({
      driver: "agent",
      monitord: "PROBES_PERIOD = [ BEACON_HOST = 1, MONITOR_HOST = 1, MONITOR_VM = 1, STATE_VM = 1 ]",
      network: `, PUBKEY = "${key("public_pkcs1")}", PRIKEY = "${key("private")}"`,
    });
    const daemon = await one.start();
    await daemon.oned.begin([{ id: 3, state: 2 }]);
    expect((await daemon.oned.next("HOST_SYSTEM")).payload).toContain('HYPERVISOR="dummy"');
    // The first row came over the driver's pipe, the others from the agent.
    await eventually(() => count(one, "host_monitoring") >= 3);
    daemon.oned.updateHost({ id: 3, state: 8 });
    await eventually(() => one.notes().includes("Ended process"));
    daemon.oned.close();
    expect(await daemon.ended()).toBe(0);
    expect(one.log()).not.toMatch(/ERROR|refused|cannot/);
  });

  it("says before it is started what it makes of the site, and what keeps it from its work", () => {
    const one = opened({ db: 'BACKEND = "sqlite"' });
    const good = one.check();
    expect(good).toMatchObject({ status: 0, stderr: "" });
    expect(good.stdout).toMatch(/^Configuration: .*monitord\.conf, .*oned\.conf$/m);
    expect(good.stdout).toMatch(/^Database: .*one\.db$/m);
    expect(good.stdout).toMatch(/^Not read of monitord\.conf: DB, NETWORK\/THREADS$/m);
    expect(good.stdout).toMatch(/gatehouse-monitord can start\.\n$/);
    for (const table of ["vm_monitoring", "host_monitoring"]) {
      one.database.exec(`ALTER TABLE ${table} RENAME TO away`);
      const fault = new RegExp(`one\\.db cannot be used: .*${table}`);
      expect(one.check()).toMatchObject({ status: 1, stderr: expect.stringMatching(fault) });
      one.database.exec(`ALTER TABLE away RENAME TO ${table}`);
    }
    rmSync(join(one.folder, "etc", "oned.conf"));
    expect(one.check()).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("oned.conf cannot be read"),
    });
  });

  it("expires rows as monitord.conf says, and keeps none of what it says 0 of", async () => {
    const now = Math.floor(Date.now() / 1_000);
    const one = opened({
      monitord: "HOST_MONITORING_EXPIRATION_TIME = 100\nVM_MONITORING_EXPIRATION_TIME = 0",
    });
    one.database.exec(`INSERT INTO host_monitoring VALUES (3, ${now - 10_000}, 'old'), (3, ${now}, 'new')`);
    const rows = Array.from({ length: 2_500 }, (_, index) => `(7, ${now - index}, '')`);
    one.database.exec(`INSERT INTO vm_monitoring VALUES ${rows.join(", ")}`);
    const { oned } = await one.start();
    await oned.begin([{ id: 3, state: 2 }]);
    await eventually(() => count(one, "vm_monitoring") === 0);
    const left = one.database.prepare("SELECT body FROM host_monitoring WHERE last_mon_time <= ?").all(now);
    expect(left.map(({ body }) => String(body))).toContain("new");
    expect(left.map(({ body }) => String(body))).not.toContain("old");
  });

  it.each([
    {
      name: "a setting that is none",
      options: { network: ', ADDRESS = "no such address"' },
      says: /monitor/,
    },
    { name: "a database that is none", options: { db: 'BACKEND = "postgresql"' }, says: /DB\/BACKEND/ },
    {
      name: "a key that is missing",
      options: { network: ', PRIKEY = "/nowhere/key.pem"' },
      says: /private_key_file/,
    },
    { name: "no monitord.conf", without: "monitord.conf", says: /monitord\.conf cannot be read/ },
  ])("does not start with $name, and says so in monitor.log", async ({ options, without, says }) => {
    const one = opened(options);
    if (without !== undefined) rmSync(join(one.folder, "etc", without));
    const { ended } = await one.start();
    expect(await ended()).toBe(1);
    expect(one.log()).toMatch(says);
  });
});
