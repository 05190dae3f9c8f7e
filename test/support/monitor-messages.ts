/** Monitor messages for tests and measurements: hosts of seeded VMs, as an agent would tell of them. */

import { randomBytes } from "node:crypto";
import {
  agentChannel,
  type Channel,
  daemonChannel,
  generateKeyPair,
  type KeyPair,
} from "../../shared/monitor/keys.ts";
import type { Message } from "../../shared/monitor/message.ts";
import { vmReading } from "../../shared/monitor/read-vms.ts";
import type { VmReading } from "../../shared/monitor/readings.ts";
import type { Random } from "./random.ts";

export interface MonitorPair {
  readonly agent: KeyPair;
  readonly daemon: KeyPair;
  /** The agent's end. */
  readonly agentEnd: Channel;
  readonly daemonEnd: Channel;
}

/** An agent and a daemon that know each other's keys. */
export function monitorPair(): MonitorPair {
  const agent = generateKeyPair(randomBytes);
  const daemon = generateKeyPair(randomBytes);
  return {
    agent,
    daemon,
    agentEnd: agentChannel(agent, daemon.publicKey),
    daemonEnd: daemonChannel(daemon, agent.publicKey),
  };
}

/** MONITOR_VM of a host with the eight metrics that every hypervisor tells. */
export function monitorVm(random: Random, vms: number, hostId = 0, timestamp = 1_795_169_756): Message {
  const list = Array.from({ length: vms }, (_, id) => seededVm(random, id));
  const [first] = list;
  // As after parsing: readings of one message share their names.
  const shared = list.map((vm) => ({ ...vm, names: first?.names ?? vm.names }));
  return {
    type: "MONITOR_VM",
    status: "SUCCESS",
    oid: hostId,
    timestamp,
    reading: { kind: "vms", vms: shared, more: {} },
  };
}

function seededVm(random: Random, id: number): VmReading {
  return vmReading(id, `one-${id}`, {
    CPU: `${random.integer(400)}.${random.integer(100)}`,
    MEMORY: String(random.integer(16_000_000)),
    NETRX: String(random.integer(2 ** 32)),
    NETTX: String(random.integer(2 ** 32)),
    DISKRDBYTES: String(random.integer(2 ** 32)),
    DISKWRBYTES: String(random.integer(2 ** 32)),
    DISKRDIOPS: String(random.integer(1_000_000)),
    DISKWRIOPS: String(random.integer(1_000_000)),
  });
}
