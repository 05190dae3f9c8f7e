/** Fleets for benchmarks and soaks: a world of hosts that each run the same number of VMs, and what their agents tell. */

import type { Host, Vm } from "../../gateway/cloud/model.ts";
import { parseWorld, type World } from "../../gateway/cloud/world.ts";
import type { Message, MessageType } from "../../shared/monitor/message.ts";
import { readMessage } from "../../shared/monitor/read.ts";
import type { HostReading, ReportedState, VmStateReading } from "../../shared/monitor/readings.ts";
import { decodeTextMessage } from "../../shared/monitor/text.ts";
import { HOST_STATE } from "../../shared/states/host.ts";
import { monitorVm } from "./monitor-messages.ts";
import { monitorRecordings } from "./monitor-recordings.ts";
import { seededRandom } from "./random.ts";
import { makeWorld } from "./world-maker.ts";

export interface FleetSize {
  readonly hosts: number;
  readonly vmsPerHost: number;
}

/** Long ago, so that every report comes later. */
const BEGUN_S = 1_600_000_000;

/** Messages of readings that each agent has ready, and sends in turn. */
const VARIANTS = 8;

/** Hosts from 0 on; host `h` runs the VMs from `h * vmsPerHost` on, all RUNNING, without networks or services. */
export function fleetWorld({ hosts, vmsPerHost }: FleetSize): World {
  const recorded = parseWorld(makeWorld({ vms: 1, perRole: 1 }));
  const [host, vm] = [recorded.hosts[0], recorded.vms[0]];
  if (host === undefined || vm === undefined) throw new Error("the recorded world has changed its shape");
  const ids = (count: number) => Array.from({ length: count }, (_, id) => id);
  return {
    ...recorded,
    users: [],
    groups: [],
    networks: [],
    services: [],
    hosts: ids(hosts).map((id) => fleetHost(host, id)),
    vms: ids(hosts * vmsPerHost).map((id) => fleetVm(vm, id, Math.floor(id / vmsPerHost))),
  };
}

function fleetHost(host: Omit<Host, "version">, id: number): Omit<Host, "version"> {
  const state = HOST_STATE.MONITORED;
  return { ...host, id, name: `fleet${id}`, imMad: "dummy", vmMad: "dummy", state, prevState: state };
}

function fleetVm(vm: Omit<Vm, "version">, id: number, hostId: number): Omit<Vm, "version"> {
  const { NIC: _, ...template } = vm.template;
  const stay = { hostId, hostName: `fleet${hostId}`, vmMad: "dummy", stime: BEGUN_S };
  return {
    ...vm,
    id,
    name: `vm-${id}`,
    stime: BEGUN_S,
    lastPoll: BEGUN_S,
    deployId: `one-${id}`,
    template,
    userTemplate: {},
    history: vm.history.slice(-1).map((record) => ({ ...record, ...stay, seq: 0 })),
  };
}

/** What the agents of a fleet say of their hosts, ready to be sealed. */
export class FleetTalk {
  readonly #vmsPerHost: number;
  readonly #system: HostReading;
  readonly #monitor: HostReading;
  readonly #vms: readonly Message[];
  #said = 0;

  constructor(vmsPerHost: number) {
    this.#vmsPerHost = vmsPerHost;
    this.#system = recordedHost("SYSTEM_HOST");
    this.#monitor = recordedHost("MONITOR_HOST");
    const random = seededRandom(vmsPerHost);
    this.#vms = Array.from({ length: VARIANTS }, () => monitorVm(random, vmsPerHost));
  }

  beacon(hostId: number, timestamp: number): Message {
    return { ...head("BEACON_HOST", hostId, timestamp), reading: { kind: "beacon" } };
  }

  system(hostId: number, timestamp: number): Message {
    return { ...head("SYSTEM_HOST", hostId, timestamp), reading: this.#system };
  }

  monitor(hostId: number, timestamp: number): Message {
    return { ...head("MONITOR_HOST", hostId, timestamp), reading: this.#monitor };
  }

  vms(hostId: number, timestamp: number): Message {
    this.#said += 1;
    const message = this.#vms[this.#said % VARIANTS];
    if (message?.reading.kind !== "vms") throw new Error("MONITOR_VM has lost its reading");
    const first = hostId * this.#vmsPerHost;
    const vms = message.reading.vms.map((vm) => ({
      ...vm,
      id: first + vm.id,
      deployId: `one-${first + vm.id}`,
    }));
    return { ...message, oid: hostId, timestamp, reading: { ...message.reading, vms } };
  }

  /** The full list of a host whose VMs all run. */
  allRun(hostId: number, timestamp: number): Message {
    const vms = Array.from({ length: this.#vmsPerHost }, (_, index) =>
      stateOf(hostId * this.#vmsPerHost + index, "RUNNING"),
    );
    const reading = { kind: "states", sync: true, missingState: "POWEROFF", vms, more: {} } as const;
    return { ...head("STATE_VM", hostId, timestamp), reading };
  }
}

export function stateOf(id: number, state: ReportedState): VmStateReading {
  return { id, deployId: `one-${id}`, state, more: {} };
}

function head(type: MessageType, oid: number, timestamp: number) {
  return { type, status: "SUCCESS", oid, timestamp } as const;
}

function recordedHost(type: MessageType): HostReading {
  const found = monitorRecordings().find(
    (one) => one.type === type && !one.encrypted && one.status === "SUCCESS",
  );
  if (found === undefined) throw new Error(`no recording of ${type}`);
  const { reading } = readMessage(decodeTextMessage(found.bytes).message);
  if (reading.kind !== "host") throw new Error(`${found.name} tells of no host`);
  return { ...reading, wilds: [] };
}
