import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { type EmbeddedCloud, openEmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { openHome } from "../../gateway/main/home.ts";
import { Agents } from "../../gateway/monitor/agents.ts";
import { openIdentity } from "../../gateway/monitor/identity.ts";
import { openMonitorVault } from "../../gateway/monitor/vault.ts";
import type { Store } from "../../gateway/store/store.ts";
import { systemClock } from "../../shared/clock.ts";
import { generateKeyPair } from "../../shared/monitor/keys.ts";
import { vmStateText } from "../../shared/states/vm.ts";
import { startAgent } from "../support/agent-process.ts";
import { SILENT } from "../support/embedded.ts";
import { fleetWorld } from "../support/fleet.ts";
import { type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { lossyLink } from "../support/lossy-link.ts";

/** A whole house and the real agent with a bad network between them, both of which are ended by kill -9. */

const TEST_MS = 120_000;
const HOST_ID = 0;
const VM_COUNT = 14;
/** VMs power off one after another; who is killed, right after the probe has told of so many. */
const AGENT_KILLED_AT = 5;
const HOUSE_KILLED_AT = 10;
/** The beacon's is the default. */
const PERIODS = { STATE_VM: 0.1, BEACON_HOST: 30 };

async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** While no house has the home. */
async function inHome<T>(
  home: string,
  work: (cloud: EmbeddedCloud, store: Store) => T | Promise<T>,
): Promise<T> {
  const { store, close } = await openHome(home);
  try {
    const onegateEndpoint = () => undefined;
    const cloud = await openEmbeddedCloud({
      store,
      clock: systemClock,
      log: SILENT,
      drivers: [],
      onegateEndpoint,
    });
    return await work(cloud, store);
  } finally {
    await close();
  }
}

/** A home with one host and its VMs, all running; the daemon's key. */
async function monitoredHome(home: string, agentKey: Uint8Array): Promise<Uint8Array> {
  return await inHome(home, async (cloud, store) => {
    await cloud.importWorld(fleetWorld({ hosts: 1, vmsPerHost: VM_COUNT }));
    const vault = await openMonitorVault(store);
    const identity = await openIdentity(vault, systemClock);
    await new Agents(vault, identity).enrol(agentKey, HOST_ID);
    return identity.keys.publicKey;
  });
}

/** Of each VM, where it is and how often it was written. */
async function vmsIn(home: string): Promise<readonly { phase: string | undefined; version: number }[]> {
  return await inHome(home, (cloud) =>
    Array.from({ length: VM_COUNT }, (_, id) => {
      const vm = cloud.vms.peek(SYSTEM, id);
      return { phase: vm && vmStateText(vm.state, vm.lcmState), version: vm?.version ?? 0 };
    }),
  );
}

/** Probes of a site's own: VMs of which the first so many are powered off, and a beacon that is counted. */
function scriptedHost(directory: string) {
  const at = (name: string): string => path.join(directory, name);
  const [list, told, beacons] = [at("list"), at("told"), at("beacons")];
  const linesOf = (file: string): readonly string[] => readFileSync(file, "utf8").split("\n").slice(0, -1);
  const program = (place: string, script: string): void => {
    const file = path.join(directory, "probes/own-probes.d", place);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  };
  const write = (off: number): void => {
    const vms = Array.from({ length: VM_COUNT }, (_, id) => {
      return `VM = [ ID="${id}", DEPLOY_ID="one-${id}", STATE="${id < off ? "POWEROFF" : "RUNNING"}" ]\n`;
    });
    writeFileSync(at("next"), vms.join(""));
    renameSync(at("next"), list);
  };
  program("vm/status/list", `said=$(cat ${list})\necho "$said"\necho "$said" | grep -c POWEROFF >> ${told}`);
  program("host/beacon/date", `date +%s >> ${beacons}\ndate +%s`);
  write(0);
  for (const file of [told, beacons]) writeFileSync(file, "");
  return {
    probesDir: at("probes"),
    beacons: (): number => linesOf(beacons).length,
    /** Resolves when the probe has told so. */
    async powerOff(count: number): Promise<void> {
      write(count);
      await eventually(() => linesOf(told).at(-1) === String(count));
    },
  };
}

it("tells a house that was killed of every change within a beacon's period of its return, and the house keeps each once", {
  timeout: TEST_MS,
}, async () => {
  const scratch = scratchDirectory("house-kill");
  onTestFinished(scratch.remove);
  const home = path.join(scratch.path, "home");
  const agentKeys = generateKeyPair(randomBytes);
  const daemonKey = await monitoredHome(home, agentKeys.publicKey);
  const before = await vmsIn(home);
  expect(new Set(before.map(({ phase }) => phase))).toEqual(new Set(["RUNNING"]));

  let house: HouseProcess = await startHouse(home);
  onTestFinished(() => stopHouse(house, "SIGKILL"));
  const { port } = house.monitor;
  const link = await lossyLink({ port, seed: 4, cutPercent: 15 });
  onTestFinished(() => link.close());
  const host = scriptedHost(scratch.path);
  const stateDir = path.join(scratch.path, "agent");
  const daemon = { port: link.port, agent: agentKeys, daemon: { publicKey: daemonKey } };
  const start = () =>
    startAgent(daemon, stateDir, {
      hostId: HOST_ID,
      hostName: "fleet0",
      hypervisor: "own",
      periods: PERIODS,
      settings: { probesDir: host.probesDir },
    });
  let agent = start();
  onTestFinished(() => void agent.child.kill("SIGKILL"));

  for (let count = 1; count <= VM_COUNT; count += 1) {
    await host.powerOff(count);
    if (count === HOUSE_KILLED_AT) {
      await stopHouse(house, "SIGKILL");
      // What changes while it is gone waits at the agent.
      await host.powerOff(count + 1);
      house = await startHouse(home, [], { GATEHOUSE_MONITOR_PORT: String(port) });
      // From here on it is the agent's patience that counts, and not the weather.
      link.heal();
      const told = host.beacons();
      await eventually(() => isDelivered(stateDir, count + 1));
      expect(host.beacons() - told).toBeLessThanOrEqual(1);
    }
    if (count === AGENT_KILLED_AT) {
      await agent.end("SIGKILL");
      agent = start();
    }
  }
  await eventually(() => isDelivered(stateDir, VM_COUNT));
  await stopHouse(house, "SIGKILL");
  const once = before.map(({ version }) => ({ phase: "POWEROFF", version: version + 1 }));
  expect(await vmsIn(home)).toEqual(once);
  expect(link.counts.cut).toBeGreaterThan(0);
});

/** Whether the agent has told of so many VMs, and the house has acknowledged all that it was told. */
function isDelivered(stateDir: string, count: number): boolean {
  const { vms }: { vms: readonly { state: string }[] } = JSON.parse(
    readFileSync(path.join(stateDir, "states.json"), "utf8"),
  );
  const isTold = vms.filter(({ state }) => state === "POWEROFF").length === count;
  return isTold && readdirSync(path.join(stateDir, "must")).length === 0;
}
