/** A cloud over a store and a scripted driver, that a test may leave as a crash would, and open again. */

import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { type EmbeddedCloud, openEmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import type { CloudEvent } from "../../gateway/cloud/event.ts";
import type { Vm } from "../../gateway/cloud/model.ts";
import { memoryStore } from "../../gateway/store/memory.ts";
import type { Store } from "../../gateway/store/store.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { phase, untilPhase } from "../conformance/cloud/setup.ts";
import { SILENT } from "./embedded.ts";
import { type ScriptedDriver, type ScriptedDriverOptions, scriptedDriver } from "./scripted-driver.ts";

export interface ScriptedHouse {
  readonly cloud: EmbeddedCloud;
  readonly driver: ScriptedDriver;
  readonly events: readonly CloudEvent[];
  /** The phase a VM is in, as readers see it. */
  phase(vmId: number): Promise<string>;
  until(vmId: number, phase: string): Promise<Vm>;
  vm(vmId: number): Promise<Vm>;
}

export interface HouseOptions extends ScriptedDriverOptions {
  readonly store?: Store;
  readonly clock?: Clock;
  /** False: it is opened, and nothing runs yet. */
  readonly start?: boolean;
}

export async function scriptedHouse(options: HouseOptions = {}): Promise<ScriptedHouse> {
  const driver = scriptedDriver(options);
  const cloud = await openEmbeddedCloud({
    store: options.store ?? memoryStore(),
    clock: options.clock ?? systemClock,
    log: SILENT,
    drivers: [driver],
    onegateEndpoint: () => "http://127.0.0.1:5030",
  });
  if (cloud.isEmpty()) await cloud.firstStart({ password: "secret", hostName: "host0", driver: driver.name });
  const events: CloudEvent[] = [];
  cloud.subscribe((event) => events.push(event));
  if (options.start !== false) await cloud.start();
  return {
    cloud,
    driver,
    events,
    phase: async (vmId) => phase(await cloud.vms.get(SYSTEM, vmId)),
    until: (vmId, wanted) => untilPhase(cloud, SYSTEM, vmId, wanted),
    vm: (vmId) => cloud.vms.get(SYSTEM, vmId),
  };
}
