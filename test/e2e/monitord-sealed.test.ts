import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { enrol } from "../../agent/host/enrol.ts";
import { liveHouse } from "../../gateway/main/live-house.ts";
import { systemClock } from "../../shared/clock.ts";
import { sendTcp, text } from "../support/core-daemon.ts";
import { freePort } from "../support/free-port.ts";
import { gatehouse } from "../support/house.ts";
import { eventually } from "../support/monitor-daemon.ts";
import { type OneSite, oneSite } from "../support/one-site.ts";

/** A host beside an OpenNebula whose agent enrols with gatehouse-monitord: its home, and the commands that reach it there. */

const AGENT = fileURLToPath(new URL("../../agent/host/main.ts", import.meta.url));
const HOSTS = [{ id: 4, name: "node4", state: 0, imMad: "dummy" }];
const BEATS = "PROBES_PERIOD = [ BEACON_HOST = 1, SYSTEM_HOST = 1, MONITOR_HOST = 1, STATE_VM = 1 ]";

const enrolled = z.object({ code: z.string(), daemon: z.string() });

async function opened(): Promise<OneSite> {
  const site = oneSite({ home: true, port: await freePort(), monitord: BEATS });
  onTestFinished(() => site.close());
  return site;
}

function runAgent(configFile: string): ChildProcess {
  const agent = spawn(process.execPath, [AGENT, "run", "--config", configFile], { stdio: "ignore" });
  onTestFinished(async () => {
    agent.kill("SIGKILL");
    if (agent.exitCode === null && agent.signalCode === null) await once(agent, "exit");
  });
  return agent;
}

describe("gatehouse-monitord with a home", { timeout: 120_000 }, () => {
  it("lets an agent enrol, hears it sealed and nobody in its place, and knows it after kill -9", async () => {
    const site = await opened();
    const home = join(site.folder, "home");
    const first = await site.start();
    await first.oned.begin(HOSTS);
    await first.port();
    await first.oned.settled();
    const made = await gatehouse(["host", "enroll", "node4", "--json", "--home", home]);
    const { code, daemon } = enrolled.parse(JSON.parse(made));
    const stateDir = join(site.folder, "agent");
    await enrol({ daemon, code, stateDir, clock: systemClock });
    const configFile = join(site.folder, "agent.yaml");
    writeFileSync(configFile, `state_dir: ${stateDir}\n`);
    runAgent(configFile);
    expect(await first.oned.next("HOST_SYSTEM")).toMatchObject({ oid: 4, status: "SUCCESS" });

    const forged = text({ type: "SYSTEM_HOST", oid: 4, payload: "HOSTNAME=forged\n" });
    await sendTcp(await first.port(), forged);
    const live = await liveHouse({ home });
    expect((await live.hosts.list()).hosts).toMatchObject([{ id: 4, name: "node4", by: "enrolled" }]);
    const metrics = await live.metrics();
    expect(metrics).toMatch(/^gatehouse_monitor_refused_total\{reason="sealed_host"\} 1$/m);
    expect(metrics).toMatch(/^gatehouse_monitord_leads 1$/m);
    expect(metrics).toMatch(/^gatehouse_monitord_rows_total\{outcome="written"\} \d+$/m);

    first.child.kill("SIGKILL");
    await first.ended();
    const { oned, ended } = await site.start();
    await oned.begin(HOSTS);
    expect(await oned.next("HOST_SYSTEM")).toMatchObject({ oid: 4 });
    oned.say("DEL_HOST", 4);
    await oned.settled();
    oned.updateHost({ id: 4, name: "node4", state: 0, imMad: "dummy" });
    await oned.settled();
    expect(await (await liveHouse({ home })).hosts.forget("node4")).toBe(false);
    oned.close();
    expect(await ended()).toBe(0);
    expect(site.log()).not.toMatch(/ERROR/);
  });

  it("ends the agent that the site's driver started when another enrols, and has it started when that is forgotten", async () => {
    const site = await opened();
    const { oned, port } = await site.start();
    await oned.begin([{ id: 3, name: "node3", state: 2 }]);
    await port();
    expect((await oned.next("HOST_SYSTEM")).oid).toBe(3);
    const { hosts } = await liveHouse({ home: join(site.folder, "home") });
    const { code, daemon } = await hosts.enrol("node3", 60_000);
    await enrol({ daemon, code, stateDir: join(site.folder, "agent"), clock: systemClock });
    const said = (word: string) => site.notes().split(word).length - 1;
    await eventually(() => said("STOP_MONITOR") === 1);
    const before = said("START_MONITOR");
    expect(await hosts.forget("node3")).toBe(true);
    await eventually(() => said("START_MONITOR") > before);
  });

  it("is one daemon's: a second one says whose, and a check that it is made", async () => {
    const site = await opened();
    const { oned } = await site.start();
    await oned.begin(HOSTS);
    const { ended } = await site.start();
    expect(await ended()).toBe(1);
    expect(site.log()).toMatch(/The monitoring daemon cannot run reason=.*home/);
    expect(site.check().stdout).toContain("Home: none, so sealed agents cannot enrol");
  });
});
