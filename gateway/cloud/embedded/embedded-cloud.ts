/** The embedded cloud: a registry of its own and drivers, behind the `Cloud` interface. */

import type { Clock } from "../../../shared/clock.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import { HOST_STATE } from "../../../shared/states/host.ts";
import { VM_STATE } from "../../../shared/states/vm.ts";
import { Registry } from "../../store/registry.ts";
import type { SeriesStore } from "../../store/series.ts";
import type { Store } from "../../store/store.ts";
import type { Cloud } from "../cloud.ts";
import type { CloudEvent } from "../event.ts";
import type { Vm } from "../model.ts";
import type { World } from "../world.ts";
import { Documents } from "./documents.ts";
import type { Driver } from "./driver.ts";
import { announceCommits, EventBus } from "./events.ts";
import { Groups } from "./groups.ts";
import { HostLoad } from "./host-load.ts";
import { Hosts, makeHost } from "./hosts.ts";
import { ALL_KINDS, CLOSINGS, USERS, VM_GROUPS, VMS } from "./kinds.ts";
import { EmbeddedMonitoring } from "./monitoring/monitoring.ts";
import { NetworkTemplates } from "./network-templates.ts";
import { Networks } from "./networks.ts";
import { OwnedObjects } from "./pool.ts";
import { recover } from "./recovery.ts";
import { Routers } from "./routers.ts";
import { ActionScheduler } from "./schedule/action-scheduler.ts";
import { Scheduler } from "./scheduler.ts";
import { Templates } from "./templates.ts";
import { type FirstSecrets, makeFirstUsers, Users } from "./users.ts";
import { phaseOf } from "./vm-machine.ts";
import { VmMaker } from "./vm-maker.ts";
import { type RunnerLog, VmRunner } from "./vm-runner.ts";
import { currentStay } from "./vm-transition.ts";
import { Vms } from "./vms.ts";
import { type BroughtUsers, exportWorld, importWorld } from "./world-transfer.ts";

export interface EmbeddedCloudOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: RunnerLog;
  /** The drivers the house has, by their names. */
  readonly drivers: readonly Driver[];
  /** Runs every VM, whatever its host says: `--dummy`. */
  readonly onlyDriver?: Driver | undefined;
  /** What guests are told; asked for at each instantiation, undefined while OneGate does not listen. */
  readonly onegateEndpoint: () => string | undefined;
  /** Where the history of readings is kept; undefined: only the latest are known. */
  readonly series?: Pick<SeriesStore, "vmHistory" | "hostHistory"> | undefined;
}

/** The embedded cloud, with what only its house may do. */
export interface EmbeddedCloud extends Cloud {
  /** True before the first start: no user exists. */
  isEmpty(): boolean;
  /** Makes oneadmin, serveradmin where it gets a password, and a first host for this driver. */
  firstStart(options: FirstSecrets & { hostName: string; driver: string }): Promise<void>;
  /** Loads a world into a cloud that holds nothing but what the first start made. @throws GatehouseError `conflict`. */
  importWorld(world: World): Promise<BroughtUsers>;
  exportWorld(): World;
  /** A VM's classic token. @throws GatehouseError `not_found`. */
  vmToken(vmId: number): string;
  /** Takes up what VMs owe; to be called once, when guests can reach OneGate. */
  start(): Promise<void>;
  /** Ends the guests that live and die with the house, and waits for work under way; the store stays open. */
  close(): Promise<void>;
}

/** Opens the cloud over a store. Nothing runs before `start`. */
export async function openEmbeddedCloud(options: EmbeddedCloudOptions): Promise<EmbeddedCloud> {
  const registry = await Registry.open(options.store, ALL_KINDS);
  return assemble(options, registry);
}

function assemble(options: EmbeddedCloudOptions, registry: Registry): EmbeddedCloud {
  const { clock, log } = options;
  const context = { registry, clock };
  const events = new EventBus();
  const { announce } = events;
  announceCommits(registry, events);
  const driverFor = (vmMad: string) =>
    options.onlyDriver ?? options.drivers.find((driver) => driver.name === vmMad);
  const runner = new VmRunner({
    registry,
    clock,
    log,
    announce,
    driverFor,
    onegateEndpoint: options.onegateEndpoint,
  });
  const refusal = runner.refusal.bind(runner);
  const load = new HostLoad();
  const scheduler = new Scheduler({ registry, clock, log, announce, load, refusal, driverFor });
  const maker = new VmMaker(clock, announce, options.onegateEndpoint);
  const vms = new Vms(context, announce, maker, runner);
  const actions = new ActionScheduler({ registry, clock, log, vms, runner });
  const { series } = options;
  const monitoring = new EmbeddedMonitoring({ registry, clock, log, announce, tell: events.tell, series });
  const drivers = options.onlyDriver === undefined ? options.drivers : [options.onlyDriver];

  const countLoad = () => load.recount(registry.collection(VMS).values());
  const takeUp = (closedWithHouse: ReadonlySet<number>) =>
    recover({ context, runner, scheduler, announce, closedWithHouse });
  let started = false;

  const react = (event: CloudEvent): void => {
    if (leavesItsHost(event)) scheduler.memoryFreed();
    if (event.kind === "vm_state" && event.vm.state === VM_STATE.PENDING) scheduler.enqueue(event.vm.id);
    else if (event.kind === "vm_state") runner.kick(event.vm);
    else if (event.kind === "host_state" && event.host.state === HOST_STATE.MONITORED) scheduler.retryAll();
    else if (event.kind === "vm_updated" && event.vm.template !== event.previous.template)
      for (const driver of drivers) driver.templateChanged?.(event.vm);
  };

  return {
    vms,
    templates: new Templates(context, maker),
    networks: new Networks(context),
    routers: new Routers(context, maker, vms),
    documents: new Documents(context),
    hosts: new Hosts(context, announce),
    users: new Users(context),
    groups: new Groups(context),
    networkTemplates: new NetworkTemplates(context),
    vmGroups: new OwnedObjects(context, VM_GROUPS, { noun: "vm group", label: "VM_GROUP" }),
    monitoring,
    subscribe: events.subscribe,
    isEmpty: () => registry.collection(USERS).size === 0,
    firstStart: async (first) => {
      await registry.transact((tx) => {
        makeFirstUsers(tx, first);
        makeHost(tx, { name: first.hostName, imMad: first.driver, vmMad: first.driver });
      });
    },
    async importWorld(world) {
      const brought = await importWorld(registry, world, countLoad);
      if (started) {
        await takeUp(new Set());
        actions.takeUp();
      }
      return brought;
    },
    exportWorld: () => exportWorld(registry),
    vmToken(vmId) {
      const vm = registry.collection(VMS).get(vmId);
      if (vm === undefined) throw new GatehouseError("not_found", `Error getting virtual machine [${vmId}].`);
      return runner.token(vm);
    },
    async start() {
      for (const driver of drivers) {
        driver.onExit((vmId, reason) => void runner.guestEnded(vmId, reason));
        driver.onTrouble?.((vmId, trouble) => void runner.guestTroubled(vmId, trouble));
      }
      countLoad();
      events.subscribe(load.react);
      events.subscribe(react);
      events.subscribe(monitoring.react);
      events.subscribe(actions.react);
      started = true;
      await takeUp(notedClosing(registry));
      await forgetClosing(registry);
      actions.takeUp();
    },
    async close() {
      scheduler.close();
      actions.close();
      await runner.close();
      if (!started) return;
      try {
        await noteClosing(registry, driverFor);
      } finally {
        for (const driver of drivers) await driver.close();
      }
    },
  };
}

function leavesItsHost(event: CloudEvent): boolean {
  if (event.kind !== "vm_state" || event.previous === undefined) return false;
  return currentStay(event.previous) !== undefined && currentStay(event.vm) === undefined;
}

/** One object, deleted once the next start has looked after them: whose guests the house ended by closing. */
const CLOSING_ID = 0;

async function noteClosing(
  registry: Registry,
  driverFor: (vmMad: string) => Driver | undefined,
): Promise<void> {
  const endsWithHouse = (vm: Vm) =>
    ["RUNNING", "SUSPENDED"].includes(phaseOf(vm)) &&
    driverFor(currentStay(vm)?.vmMad ?? "")?.endsGuestsOnClose === true;
  const vmIds = [...registry.collection(VMS).values()].filter(endsWithHouse).map((vm) => vm.id);
  await registry.transact((tx) => {
    tx.delete(CLOSINGS, CLOSING_ID);
    if (vmIds.length > 0) tx.insertWithId(CLOSINGS, { id: CLOSING_ID, vmIds });
  });
}

function notedClosing(registry: Registry): ReadonlySet<number> {
  return new Set(registry.collection(CLOSINGS).get(CLOSING_ID)?.vmIds);
}

/** Not before they boot again: a crash in between would take them for guests that ended by themselves. */
async function forgetClosing(registry: Registry): Promise<void> {
  await registry.transact((tx) => tx.delete(CLOSINGS, CLOSING_ID));
}
