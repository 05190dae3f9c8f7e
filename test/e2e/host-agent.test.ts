/** The host agent as a process against a scripted daemon: what it tells, how it ends, what it takes up again. */

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Message } from "../../shared/monitor/message.ts";
import { type AgentProcess, startAgent } from "../support/agent-process.ts";
import { type LossyLink, lossyLink } from "../support/lossy-link.ts";
import { type SleepingGuest, sleepingGuest } from "../support/process-guests.ts";
import { type Heard, type ScriptedDaemon, scriptedDaemon } from "../support/scripted-daemon.ts";

/** Short ones, so that a test sees many rounds. */
const QUICK = { STATE_VM: 0.1, MONITOR_VM: 0.1, BEACON_HOST: 0.1, SYNC_STATE_VM: 1 };

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "gatehouse-agent-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function daemonForTest(): Promise<ScriptedDaemon> {
  const daemon = await scriptedDaemon();
  onTestFinished(() => daemon.close());
  return daemon;
}

function agentForTest(...args: Parameters<typeof startAgent>): AgentProcess {
  const agent = startAgent(...args);
  onTestFinished(async () => {
    await agent.end("SIGKILL");
  });
  return agent;
}

function guestForTest(runDir: string, vmId: number): SleepingGuest {
  const guest = sleepingGuest(runDir, vmId);
  onTestFinished(() => guest.end());
  return guest;
}

async function badNetwork(daemon: ScriptedDaemon, seed: number): Promise<LossyLink> {
  const link = await lossyLink({ port: daemon.port, seed });
  onTestFinished(() => link.close());
  return link;
}

const ofType =
  (type: string) =>
  ({ message }: Heard): boolean =>
    message.type === type;

/** What the daemon's list of VMs says after all that was applied, as `0 RUNNING`. */
function statesIn(applied: readonly Message[]): readonly string[] {
  const states = new Map<number, string>();
  for (const { reading } of applied) {
    if (reading.kind !== "states") continue;
    if (reading.sync) for (const id of states.keys()) states.set(id, "POWEROFF");
    for (const { id, state } of reading.vms) states.set(id, state);
  }
  return [...states].map(([id, state]) => `${id} ${state}`).toSorted();
}

function expectOnceAndInOrder(applied: readonly Message[]): void {
  const numbers = applied.map(({ delivery = 0 }) => delivery);
  expect(numbers).toEqual([...new Set(numbers)].toSorted((one, other) => one - other));
}

test("an agent of the house tells of its host, over the sealed link, and ends with its standard input", async () => {
  const daemon = await daemonForTest();
  const agent = agentForTest(daemon, directory(), { settings: { processRunDir: directory() } });
  const system = await daemon.next(ofType("SYSTEM_HOST"));
  expect(system.over).toBe("tcp");
  expect(system.message).toMatchObject({ oid: 3, status: "SUCCESS" });
  expect(system.message.delivery).toBeGreaterThan(0);
  expect((await daemon.next(ofType("MONITOR_HOST"))).over).toBe("udp");
  expect(await agent.orphan()).toBe(0);
});

test("a second agent finds the first and ends with 0, and the first goes on", async () => {
  const daemon = await daemonForTest();
  const stateDir = directory();
  const first = agentForTest(daemon, stateDir, { settings: { processRunDir: directory() } });
  await daemon.next(ofType("SYSTEM_HOST"));
  const second = agentForTest(daemon, stateDir);
  expect(await second.orphan()).toBe(0);
  expect(second.log()).toContain(`process ${first.child.pid}`);
  expect(await first.end("SIGTERM")).toBe(0);
});

test("SIGUSR1 asks for the host's system at once", async () => {
  const daemon = await daemonForTest();
  const agent = agentForTest(daemon, directory(), { settings: { processRunDir: directory() } });
  await daemon.next(ofType("SYSTEM_HOST"));
  agent.child.kill("SIGUSR1");
  await daemon.until(() => daemon.heard.filter(ofType("SYSTEM_HOST")).length === 2);
});

test("a VM that starts is told at once, and one that ends is powered off", async () => {
  const daemon = await daemonForTest();
  const runDir = directory();
  agentForTest(daemon, directory(), { periods: QUICK, settings: { processRunDir: runDir } });
  const guest = guestForTest(runDir, 0);
  guestForTest(runDir, 1);
  await daemon.until(() => statesIn(daemon.applied).join() === "0 RUNNING,1 RUNNING");
  guest.end();
  await daemon.until(() => statesIn(daemon.applied).join() === "0 POWEROFF,1 RUNNING");
  const monitor = await daemon.next(
    ({ message: { reading } }) => reading.kind === "vms" && reading.vms.every(({ id }) => id === 1),
  );
  expect(monitor.over).toBe("udp");
});

test("programs that hang, flood and print binary cost neither the host's data nor the VMs'", async () => {
  const daemon = await daemonForTest();
  const [probesDir, runDir] = [directory(), directory()];
  const programs = {
    "a-hangs": "sleep 1000",
    "b-floods": "cat /dev/zero",
    "c-binary": "head -c 1000 /dev/urandom",
    "d-good": "echo OWN_FIGURE=42",
  };
  for (const group of ["host/monitor", "vm/status"])
    for (const [name, script] of Object.entries(programs)) {
      if (group === "vm/status" && !name.startsWith("a-")) continue;
      const path = join(probesDir, "process-probes.d", group, name);
      mkdirSync(join(path, ".."), { recursive: true });
      writeFileSync(path, `#!/bin/sh\n${script}\n`);
      chmodSync(path, 0o755);
    }
  guestForTest(runDir, 0);
  agentForTest(daemon, directory(), {
    periods: { ...QUICK, MONITOR_HOST: 0.1 },
    settings: { processRunDir: runDir, probesDir },
  });
  // Other groups go on while two of them wait for what hangs.
  await daemon.until(() => daemon.heard.filter(ofType("MONITOR_VM")).length > 3);
  const host = await daemon.next(
    ({ message }) => message.type === "MONITOR_HOST" && message.status === "SUCCESS",
  );
  expect(host.message.reading).toMatchObject({ attributes: { OWN_FIGURE: "42" } });
  const failure = await daemon.next(({ message }) => message.status === "FAILURE");
  expect(failure.message.reading).toMatchObject({ kind: "failure" });
  await daemon.until(() => statesIn(daemon.applied).join() === "0 RUNNING");
});

test("through a network that drops, doubles, overtakes and cuts, no change is lost, doubled or out of order", async () => {
  const daemon = await daemonForTest();
  const network = await badNetwork(daemon, 7);
  const runDir = directory();
  agentForTest(daemon, directory(), {
    port: network.port,
    periods: QUICK,
    settings: { processRunDir: runDir },
  });
  for (let vmId = 0; vmId < 8; vmId += 1) {
    guestForTest(runDir, vmId);
    await daemon.until(() => statesIn(daemon.applied).includes(`${vmId} RUNNING`));
  }
  await daemon.until(() => network.counts.dropped > 5);
  expectOnceAndInOrder(daemon.applied);
  const changes = daemon.applied.flatMap(({ reading }) =>
    reading.kind === "states" && !reading.sync ? reading.vms : [],
  );
  expect(changes.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test("an agent that is killed again and again loses nothing and repeats no number", async () => {
  const daemon = await daemonForTest();
  const [stateDir, runDir] = [directory(), directory()];
  const line = { periods: QUICK, settings: { processRunDir: runDir } };
  for (let vmId = 0; vmId < 4; vmId += 1) {
    // What is under way when it is killed was acknowledged, or was not.
    daemon.answer = vmId % 2 === 0 ? "nothing" : "acknowledge";
    const agent = agentForTest(daemon, stateDir, line);
    guestForTest(runDir, vmId);
    const told = ({ message: { reading } }: Heard) =>
      reading.kind === "states" && reading.vms.some(({ id }) => id === vmId);
    await daemon.next(told);
    await agent.end("SIGKILL");
  }
  daemon.answer = "acknowledge";
  agentForTest(daemon, stateDir, line);
  await daemon.until(() => statesIn(daemon.applied).join() === "0 RUNNING,1 RUNNING,2 RUNNING,3 RUNNING");
  expectOnceAndInOrder(daemon.applied);
  const changes = daemon.applied.flatMap(({ reading }) =>
    reading.kind === "states" && !reading.sync ? reading.vms.map(({ id, state }) => `${id} ${state}`) : [],
  );
  expect(changes).toEqual(["0 RUNNING", "1 RUNNING", "2 RUNNING", "3 RUNNING"]);
  expect(daemon.refused).toEqual([]);
});

test("a VM that ended while no agent ran is powered off once one runs again", async () => {
  const daemon = await daemonForTest();
  const [stateDir, runDir] = [directory(), directory()];
  const line = { periods: QUICK, settings: { processRunDir: runDir } };
  const guest = guestForTest(runDir, 0);
  const agent = agentForTest(daemon, stateDir, line);
  await daemon.until(() => statesIn(daemon.applied).join() === "0 RUNNING");
  await agent.end("SIGKILL");
  guest.end();
  agentForTest(daemon, stateDir, line);
  await daemon.until(() => statesIn(daemon.applied).join() === "0 POWEROFF");
});
