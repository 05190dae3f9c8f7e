/** What it costs that the cloud is an OpenNebula behind XML-RPC: latency, calls of its core, and looking at everything. */

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import {
  type OpenNebulaCloud,
  openOpenNebulaCloud,
} from "../../gateway/cloud/opennebula/opennebula-cloud.ts";
import { parseWorld } from "../../gateway/cloud/world.ts";
import { createServiceDirectory } from "../../gateway/oneflow/directory.ts";
import { createOneGate } from "../../gateway/onegate/app.ts";
import { oneGateSettingsSchema } from "../../gateway/onegate/settings.ts";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { testCloud } from "../support/embedded.ts";
import {
  type HouseProcess,
  RAISED_LIMITS,
  scratchDirectory,
  startHouse,
  stopHouse,
} from "../support/house.ts";
import { startLargeCoreChild } from "../support/large-core-child.ts";
import { cpuSeconds, memorySample } from "../support/memory.ts";
import { remoteCloud, SERVER, serveCore } from "../support/opennebula.ts";
import { callText, readAnswer } from "../support/xmlrpc.ts";
import type { Bench, BenchOptions, Figure } from "./figures.ts";
import { type Headers, headersOf, importedHome } from "./gate-load.ts";

const VMS = 1_000;
const MANY = [10_000, 50_000];
/** One of so many VMs is another. */
const CHANGED = 100;
const ROUNDS = 5;
/** Of the recorded world: alice's, in a service of two VMs. */
const GUEST = 249;
const WARM_MS = 60_000;

const REQUESTS = [
  ["GET /", "GET", "/", undefined],
  ["GET /vm", "GET", "/vm", undefined],
  ["PUT /vm", "PUT", "/vm", "LOAD=1"],
  ["GET /service", "GET", "/service", undefined],
  ["GET /service extended", "GET", "/service?extended=true", undefined],
] as const;

export const openNebulaBench: Bench = async function* openNebula(options) {
  yield* callsOfRequests();
  const scratch = scratchDirectory("bench");
  const houses: HouseProcess[] = [];
  try {
    const home = await importedHome(scratch.path, VMS);
    const asks = await headersOf(home, 0);
    const core = await startHouse(home, ["--dummy"], RAISED_LIMITS);
    houses.push(core);
    await letIn(core);
    const uncached = await startBefore(core, scratch.path, 0);
    const cached = await startBefore(core, scratch.path, WARM_MS);
    houses.push(uncached, cached);
    yield* latencies(
      { "in one house": core, "without cache": uncached, "with cache": cached },
      asks,
      options,
    );
    for (const house of houses.splice(1)) await stopHouse(house);
    yield* looking(core, options);
  } finally {
    for (const house of houses) await stopHouse(house);
    scratch.remove();
  }
  yield* manyVms(options);
};

/** Calls that the core gets for a request of a guest; nobody listens, so none is a look at everything. */
async function* callsOfRequests(): AsyncIterable<Figure> {
  const world = new URL("../fixtures/onegate-world.json", import.meta.url);
  const { cloud: embedded } = await testCloud({ firstStart: false });
  await embedded.importWorld(parseWorld(JSON.parse(readFileSync(world, "utf8"))));
  await embedded.start();
  const core = await serveCore(embedded);
  const headers = { "X-ONEGATE-TOKEN": embedded.vmToken(GUEST), "X-ONEGATE-VMID": String(GUEST) };
  for (const cacheMs of [0, WARM_MS]) {
    const cloud = await remoteCloud(core, { cacheMs });
    const settings = oneGateSettingsSchema.parse({});
    const services = createServiceDirectory(cloud);
    const app = createOneGate({ cloud, services, settings, clock: systemClock, log: silentLogger });
    for (const [name, method, route, body] of REQUESTS) {
      const ask = async () => {
        const init = { method, headers, ...(body === undefined ? {} : { body }) };
        const answer = await app.request(new Request(`http://127.0.0.1:5030${route}`, init));
        if (!answer.ok) throw new Error(`${name} answered ${answer.status}`);
      };
      // Once before, for what a cache has by then.
      await ask();
      const before = core.calls.length;
      await ask();
      const figure = `calls of ${name} ${cacheMs === 0 ? "without" : "with"} cache`;
      yield { figure, value: core.calls.length - before, unit: "calls" };
    }
    await cloud.close();
  }
  await core.close();
  await embedded.close();
}

/** Of the recorded world. */
const ONEADMIN = "oneadmin:opennebulapw";
const SERVERADMIN_ID = 1;

/** Gives the world's serveradmin a secret that is known here. */
async function letIn(core: HouseProcess): Promise<void> {
  const response = await fetch(`${core.rpc}/RPC2`, {
    method: "POST",
    headers: { "Content-Type": "text/xml" },
    body: callText("one.user.chauth", [ONEADMIN, SERVERADMIN_ID, "server_cipher", SERVER.password]),
  });
  const answer = readAnswer(await response.text());
  if (!("values" in answer) || answer.values[0]?.[1] !== "1") throw new Error(JSON.stringify(answer));
}

async function startBefore(core: HouseProcess, scratch: string, cacheMs: number): Promise<HouseProcess> {
  const home = path.join(scratch, `gate-${cacheMs}`);
  const auth = path.join(scratch, "auth");
  writeFileSync(auth, `${SERVER.name}:${SERVER.password}\n`);
  return await startHouse(home, [], {
    ...RAISED_LIMITS,
    GATEHOUSE_CLOUD_KIND: "opennebula",
    GATEHOUSE_CLOUD_OPENNEBULA_ENDPOINT: `${core.rpc}/RPC2`,
    GATEHOUSE_CLOUD_OPENNEBULA_AUTH_FILE: auth,
    GATEHOUSE_CLOUD_OPENNEBULA_CACHE_MS: String(cacheMs),
    GATEHOUSE_CLOUD_OPENNEBULA_POLL_INTERVAL_MS: "3600000",
    GATEHOUSE_CLOUD_OPENNEBULA_MONITORING_INTERVAL_MS: "0",
    GATEHOUSE_ONEFLOW_ENABLED: "no",
  });
}

/** One guest after another, over one connection: the median of a request, of interleaved rounds. */
async function* latencies(
  houses: Readonly<Record<string, HouseProcess>>,
  asks: readonly Headers[],
  options: BenchOptions,
): AsyncIterable<Figure> {
  const taken = new Map<string, number[]>(Object.keys(houses).map((name) => [name, []]));
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const [name, house] of Object.entries(houses)) {
      const until = performance.now() + options.seconds * 1_000;
      for (let turn = 0; performance.now() < until; turn += 1) {
        const began = performance.now();
        const answer = await fetch(`${house.onegate}/vm`, { headers: asks[turn % asks.length] ?? {} });
        await answer.text();
        if (answer.status !== 200) throw new Error(`GET /vm answered ${answer.status}`);
        taken.get(name)?.push(performance.now() - began);
      }
    }
    options.progress(`round ${round} of ${ROUNDS}`);
  }
  for (const [name, all] of taken) {
    const sorted = all.toSorted((left, right) => left - right);
    const at = (share: number) =>
      Math.round((sorted[Math.floor(sorted.length * share)] ?? Number.NaN) * 100) / 100;
    yield { figure: `GET /vm ${name}, median`, value: at(0.5), unit: "ms" };
    yield { figure: `GET /vm ${name}, 99 of 100 within`, value: at(0.99), unit: "ms" };
  }
}

/** Of this process, for looks at as many VMs as the largest sites have; the core is another process. */
async function* manyVms(options: BenchOptions): AsyncIterable<Figure> {
  for (const vms of MANY) {
    const core = await startLargeCoreChild(vms);
    const before = memorySample().liveBytes;
    const cloud = await openOpenNebulaCloud({
      endpoint: core.endpoint,
      server: SERVER,
      clock: systemClock,
      log: silentLogger,
      pollMs: 3_600_000,
      monitoringMs: 0,
    });
    const gaps = monitorEventLoopDelay({ resolution: 1 });
    const measured = async function* (name: string): AsyncIterable<Figure> {
      gaps.reset();
      gaps.enable();
      const began = cpuSeconds();
      await lookOnce(cloud);
      gaps.disable();
      const seconds = Math.round((cpuSeconds() - began) * 100) / 100;
      yield { figure: `${name} at ${vms} VMs, processor time`, value: seconds, unit: "s" };
      yield { figure: `${name} at ${vms} VMs, longest gap`, value: Math.round(gaps.max / 1e6), unit: "ms" };
      options.progress(`${name} at ${vms} VMs`);
    };
    yield* measured("first look");
    yield* measured("look of which nothing changed");
    for (const [index, id] of core.ids.entries())
      if (index % CHANGED === 0) core.change({ id, isPublished: false });
    yield* measured("look of which 1 in 100 changed");
    const live = Math.round((memorySample().liveBytes - before) / 1024 / 1024);
    yield { figure: `memory for ${vms} VMs`, value: live, unit: "MiB" };
    await cloud.close();
    await core.close();
  }
}

/** Who begins to listen waits for a look at everything before a change. */
async function lookOnce(cloud: OpenNebulaCloud): Promise<void> {
  const unsubscribe = cloud.subscribe(() => undefined);
  await cloud.users.setEnabled(SYSTEM, 0, true).catch(() => undefined);
  unsubscribe();
}

/** Processor time of this process for one look at everything, while nothing changes and while one VM does. */
async function* looking(core: HouseProcess, options: BenchOptions): AsyncIterable<Figure> {
  const cloud = await openOpenNebulaCloud({
    endpoint: `${core.rpc}/RPC2`,
    server: SERVER,
    clock: systemClock,
    log: silentLogger,
    cacheMs: 0,
    pollMs: 3_600_000,
    monitoringMs: 0,
  });
  const costOf = async (work: () => Promise<unknown>) => {
    const costs: number[] = [];
    const until = performance.now() + options.seconds * 1_000;
    while (performance.now() < until || costs.length < ROUNDS) {
      const before = process.cpuUsage();
      await work();
      const { user, system } = process.cpuUsage(before);
      costs.push((user + system) / 1_000);
    }
    return (
      Math.round((costs.toSorted((left, right) => left - right)[Math.floor(costs.length / 2)] ?? 0) * 10) / 10
    );
  };
  const look = () => lookOnce(cloud);
  yield { figure: `look at ${VMS} VMs of which nothing changed`, value: await costOf(look), unit: "ms" };
  const list = () => cloud.vms.list(SYSTEM);
  yield { figure: `list of ${VMS} VMs, taken apart`, value: await costOf(list), unit: "ms" };
  await cloud.close();
}
