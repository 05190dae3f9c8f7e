/** An embedded cloud over a store in memory, with simulated VMs, for tests. */

import type { Actor } from "../../gateway/cloud/actor.ts";
import type { Cloud } from "../../gateway/cloud/cloud.ts";
import type { Driver } from "../../gateway/cloud/embedded/driver.ts";
import { dummyDriver } from "../../gateway/cloud/embedded/drivers/dummy.ts";
import { type EmbeddedCloud, openEmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import type { Vm } from "../../gateway/cloud/model.ts";
import { type MemoryStore, memoryStore } from "../../gateway/store/memory.ts";
import type { SeriesStore } from "../../gateway/store/series.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { vmStateText } from "../../shared/states/vm.ts";
import { parseTemplate } from "../../shared/template/parse.ts";

export const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

export interface TestCloud {
  readonly cloud: EmbeddedCloud;
  readonly store: MemoryStore;
}

export interface TestCloudOptions {
  readonly store?: MemoryStore;
  readonly clock?: Clock;
  readonly driver?: Driver;
  /** False: nothing is made and nothing starts, as before an import. */
  readonly firstStart?: boolean;
  readonly series?: SeriesStore;
}

/** A started cloud with oneadmin and a host of the driver. */
export async function testCloud(options: TestCloudOptions = {}): Promise<TestCloud> {
  const { store = memoryStore(), clock = systemClock } = options;
  const driver = options.driver ?? dummyDriver({ clock, bootMs: 0 });
  const cloud = await openEmbeddedCloud({
    store,
    clock,
    log: SILENT,
    drivers: [driver],
    onlyDriver: driver,
    onegateEndpoint: () => "http://127.0.0.1:5030",
    series: options.series,
  });
  if (options.firstStart !== false) {
    if (cloud.isEmpty())
      await cloud.firstStart({ password: "secret", hostName: "host0", driver: driver.name });
    await cloud.start();
  }
  return { cloud, store };
}

/** The VM once it is in a phase (RUNNING, DONE, ...), however it gets there. */
export async function vmInPhase(cloud: Cloud, actor: Actor, id: number, phase: string): Promise<Vm> {
  const isThere = (vm: Vm) => vm.id === id && vmStateText(vm.state, vm.lcmState) === phase;
  const current = await cloud.vms.get(actor, id);
  if (isThere(current)) return current;
  return await new Promise((resolve) => {
    const unsubscribe = cloud.subscribe((event) => {
      if (event.kind !== "vm_state" || !isThere(event.vm)) return;
      unsubscribe();
      resolve(event.vm);
    });
  });
}

/** A user of the cloud, as who asks. */
export async function makeUser(cloud: Cloud, admin: Actor, name: string): Promise<Actor> {
  const id = await cloud.users.allocate(admin, { name, password: `${name}pw` });
  const actor = await cloud.users.actor(id);
  if (actor === undefined) throw new Error(`user ${name} was not made`);
  return actor;
}

/** Template text of tests, in OpenNebula's syntax. */
export const text = (source: string) => parseTemplate(source);
