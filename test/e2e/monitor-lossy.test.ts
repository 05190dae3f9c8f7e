import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { printStartLine } from "../../agent/host/start-line.ts";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { CloudMonitoring, StatesReport } from "../../gateway/cloud/monitoring.ts";
import { type MonitorDaemon, openMonitor } from "../../gateway/monitor/daemon.ts";
import { monitorSettingsSchema } from "../../gateway/monitor/settings.ts";
import { memoryStore } from "../../gateway/store/memory.ts";
import { systemClock } from "../../shared/clock.ts";
import { generateKeyPair, printKey } from "../../shared/monitor/keys.ts";
import { AGENT_MAIN } from "../support/agent-process.ts";
import { SILENT, testCloud } from "../support/embedded.ts";
import { scratchDirectory } from "../support/house.ts";
import { lossyLink } from "../support/lossy-link.ts";

/** The real agent and the real daemon with a bad network between them. */

const CHANGES = 40;
const TEST_MS = 120_000;
const PERIODS = { STATE_VM: 0.1, BEACON_HOST: 0.1, SYNC_STATE_VM: 1 };

/** Tells of every report of states that the daemon has the cloud apply. */
function listening(monitoring: CloudMonitoring, told: (report: StatesReport) => void): CloudMonitoring {
  const vmStates: CloudMonitoring["vmStates"] = (hostId, report, at) => {
    told(report);
    return monitoring.vmStates(hostId, report, at);
  };
  return new Proxy(monitoring, {
    get(target, name) {
      if (name === "vmStates") return vmStates;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** A probe of a site's own that tells what a file says, and notes what it told to which agent. */
function scriptedVm(directory: string) {
  const [state, seen] = [path.join(directory, "state"), path.join(directory, "seen")];
  const probes = path.join(directory, "probes/own-probes.d");
  const program = (place: string, script: string): void => {
    mkdirSync(path.join(probes, path.dirname(place)), { recursive: true });
    writeFileSync(path.join(probes, place), `#!/bin/sh\n${script}\n`);
    chmodSync(path.join(probes, place), 0o755);
  };
  program("vm/status/state", `read -r line < ${state}\necho "$line"\necho "$PPID $line" >> ${seen}`);
  program("host/beacon/date", "date +%s");
  writeFileSync(seen, "");
  return {
    probesDir: path.join(directory, "probes"),
    /** Comes into the numbered state; resolves when the probe has told this agent so: one of a killed agent may go on. */
    async become(number: number, agent: ChildProcess): Promise<void> {
      const line = `VM = [ ID="7", DEPLOY_ID="seq-${number}", STATE="${number % 2 === 0 ? "POWEROFF" : "RUNNING"}" ]`;
      writeFileSync(seen, "");
      writeFileSync(`${state}.new`, `${line}\n`);
      renameSync(`${state}.new`, state);
      await eventually(() => readFileSync(seen, "utf8").includes(`${agent.pid} ${line}`));
    },
  };
}

it("loses no change of a VM's state, applies none twice and none out of order, whoever is killed meanwhile", {
  timeout: TEST_MS,
}, async () => {
  const scratch = scratchDirectory("lossy");
  onTestFinished(scratch.remove);
  const store = memoryStore();
  const { cloud } = await testCloud({ store, clock: systemClock });
  const [host] = await cloud.hosts.list(SYSTEM);
  const hostId = host?.id ?? -1;

  const applied: number[] = [];
  const lists: number[] = [];
  const monitoring = listening(cloud.monitoring, ({ sync, vms }) => {
    for (const { deployId } of vms) (sync ? lists : applied).push(Number(deployId.slice("seq-".length)));
    // A full list says what was said last, and nothing that is still to come.
    if (sync) expect(lists.at(-1)).toBe(applied.at(-1));
  });
  const open = (port: number): Promise<MonitorDaemon> =>
    openMonitor({
      cloud: { hosts: cloud.hosts, vms: cloud.vms, monitoring },
      store,
      settings: monitorSettingsSchema.parse({}),
      host: "127.0.0.1",
      port,
      clock: systemClock,
      log: SILENT,
    });
  let daemon = await open(0);
  onTestFinished(async () => await daemon.close());
  const link = await lossyLink({ port: daemon.address.port, seed: 7, cutPercent: 15 });
  onTestFinished(() => link.close());

  const keys = generateKeyPair(randomBytes);
  await daemon.agents.enrol(keys.publicKey, hostId);
  const vm = scriptedVm(scratch.path);
  const startAgent = (): ChildProcess => {
    const child = spawn(process.execPath, [AGENT_MAIN, "house"], { stdio: ["pipe", "ignore", "ignore"] });
    child.stdin?.write(
      printStartLine({
        hostId,
        hostName: "node1",
        hypervisor: "own",
        secretKey: printKey(keys.secretKey),
        daemonKey: printKey(daemon.agents.daemonKey),
        address: "127.0.0.1",
        port: link.port,
        periods: PERIODS,
        settings: { probesDir: vm.probesDir },
        stateDir: path.join(scratch.path, "agent"),
      }),
    );
    return child;
  };
  let agent = startAgent();
  onTestFinished(() => void agent.kill("SIGKILL"));

  for (let number = 1; number <= CHANGES; number += 1) {
    await vm.become(number, agent);
    if (number === 15) {
      agent.kill("SIGKILL");
      await once(agent, "exit");
      agent = startAgent();
      await vm.become(number, agent);
    }
    if (number === 25) {
      const { port } = daemon.address;
      await daemon.close();
      daemon = await open(port);
    }
  }
  await eventually(() => applied.at(-1) === CHANGES);
  expect(applied).toEqual(Array.from({ length: CHANGES }, (_, index) => index + 1));
  // Else nothing was tried. Beacons and full lists go on, of which some are lost and cut sooner or later.
  await eventually(() => link.counts.dropped > 0 && link.counts.cut > 0);
});
