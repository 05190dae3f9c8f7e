/** The monitoring daemon, put together: hears agents on UDP and TCP, and tells the cloud. */

import { type Clock, epochSeconds } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import type { TextMessage } from "../../shared/monitor/message.ts";
import { readMessage } from "../../shared/monitor/read.ts";
import type { RsaKey } from "../../shared/monitor/rsa.ts";
import { SYSTEM } from "../cloud/actor.ts";
import type { Store } from "../store/store.ts";
import { agentPeriods } from "./agent-line.ts";
import { Agents } from "./agents.ts";
import { Applier, type ExecutionsListener, type MonitoredCloud } from "./apply.ts";
import { Connections } from "./connections.ts";
import { MonitorCounts } from "./counts.ts";
import { Datagrams } from "./datagrams.ts";
import { Enrolment } from "./enrol.ts";
import { HeardHosts } from "./heard-hosts.ts";
import { HostLogs } from "./host-logs.ts";
import { openIdentity } from "./identity.ts";
import { type Listeners, listenBoth } from "./listen.ts";
import { Mailboxes } from "./mailboxes.ts";
import type { Samples } from "./samples.ts";
import { SealedReceiver } from "./sealed-receiver.ts";
import type { MonitorSettings } from "./settings.ts";
import { TextReceiver } from "./text-receiver.ts";
import { Turns } from "./turns.ts";
import { openMonitorVault } from "./vault.ts";

export interface MonitorOptions {
  readonly cloud: MonitoredCloud;
  readonly onExecutions?: ExecutionsListener | undefined;
  /** The house's; it stays open. */
  readonly store: Store;
  /**
   * Whether the cloud knows its hosts and wants to hear of them, where it does not from the start: until then nothing is
   * acknowledged, and agents send again. Agents of hosts that are not known at the start are kept then.
   */
  readonly isOpen?: (() => boolean) | undefined;
  readonly settings: MonitorSettings;
  readonly host: string;
  /** 0: any that is free for UDP and TCP. */
  readonly port: number;
  /** PRIKEY, to read encrypted text. */
  readonly privateKey?: RsaKey | undefined;
  /** Without it readings are not kept beyond the latest. */
  readonly samples?: Samples | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What waits now. */
export interface MonitorQueues {
  readonly datagrams: number;
  /** Messages that are being stored. */
  readonly mailboxes: number;
  /** Bytes of unfinished messages of all connections. */
  readonly heldBytes: number;
}

export interface MonitorDaemon {
  readonly address: { readonly host: string; readonly port: number };
  readonly agents: Agents;
  readonly enrolment: Enrolment;
  readonly heard: HeardHosts;
  readonly counts: MonitorCounts;
  /** A message that a driver brought. @throws MonitorRefusal `unreadable` */
  takeText(message: TextMessage): void;
  queues(): MonitorQueues;
  openConnections(): Promise<number>;
  /** Hears nothing more, and resolves when what was heard is stored. */
  close(): Promise<void>;
}

/** Budgets of senders that have gone are forgotten. */
const FORGET_MS = 60_000;

/** @throws GatehouseError `conflict` when the port is taken, `unavailable` when it or the store cannot be used. */
export async function openMonitor(options: MonitorOptions): Promise<MonitorDaemon> {
  const { store, clock } = options;
  const vault = await openMonitorVault(store);
  const identity = await openIdentity(vault, clock);
  const agents = new Agents(vault, identity);
  const enrolment = new Enrolment({
    vault,
    agents,
    keys: identity.keys,
    hosts: options.cloud.hosts,
    periods: agentPeriods(options.settings),
    clock,
    log: options.log,
  });
  const parts = assemble(options, agents, enrolment);
  if (options.isOpen === undefined) await agents.forgetHosts((hostId) => !parts.applier.isKnownHost(hostId));
  const { datagrams, connections } = parts;
  const onError = (error: Error) => options.log.error({ err: error }, "The monitor's sockets failed");
  const { host, port } = options;
  const listeners = await listenBoth({ host, port, onDatagram: datagrams.arrive, onError }).catch(
    (error: unknown) => {
      connections.close();
      throw error;
    },
  );
  connections.serve(listeners.server);
  agents.onForgotten((keyId) => connections.forget(keyId));
  return running(options, agents, parts, listeners);
}

type Parts = ReturnType<typeof assemble>;

function assemble(
  { cloud, onExecutions, settings, isOpen, privateKey, samples, clock, log }: MonitorOptions,
  agents: Agents,
  enrolment: Enrolment,
) {
  const counts = new MonitorCounts();
  const mailboxes = new Mailboxes();
  const heard = new HeardHosts(clock, settings.maxSkewS);
  const logs = new HostLogs(log, clock);
  const applier = new Applier({ cloud, onExecutions, samples, counts, heard, mailboxes, logs, log });
  const maxSkewMs = settings.maxSkewS * 1_000;
  const sealed = new SealedReceiver({ agents, applier, mailboxes, counts, isOpen, maxSkewMs, clock, log });
  const { acceptText, maxSkewS } = settings;
  const isSealed = (hostId: number): boolean => agents.ofHost(hostId).length > 0;
  const text = new TextReceiver({
    applier,
    heard,
    counts,
    isSealed,
    acceptText,
    privateKey,
    maxSkewS,
    clock,
  });
  const turns = new Turns(clock);
  const onFault = (error: unknown) =>
    log.error({ err: error }, "A message brought a fault of the monitor to light");
  const common = { sealed, text, counts, turns, onFault };
  const datagrams = new Datagrams({ ...common, agents, maxWaiting: settings.maxWaitingDatagrams });
  const connections = new Connections({
    ...common,
    enrolment,
    clock,
    max: settings.maxConnections,
    maxPerAddress: settings.maxConnectionsPerAddress,
  });
  return { enrolment, counts, mailboxes, heard, logs, applier, text, turns, datagrams, connections };
}

function running(
  { cloud, clock }: MonitorOptions,
  agents: Agents,
  { enrolment, applier, counts, mailboxes, heard, logs, text, turns, datagrams, connections }: Parts,
  listeners: Listeners,
): MonitorDaemon {
  let cancel = () => {};
  const forgetIdle = (): void => {
    logs.forgetIdle();
    text.forgetIdle();
    heard.forget((hostId) => cloud.hosts.peek(SYSTEM, hostId) === undefined);
    cancel = clock.after(FORGET_MS, forgetIdle);
  };
  forgetIdle();
  return {
    address: { host: listeners.host, port: listeners.port },
    agents,
    enrolment,
    heard,
    counts,
    takeText: (message) => {
      if (applier.isKnownHost(message.oid))
        void applier.take(message.oid, readMessage(message), epochSeconds(clock));
    },
    queues: () => ({
      datagrams: datagrams.waiting,
      mailboxes: mailboxes.waiting,
      heldBytes: connections.heldBytes,
    }),
    openConnections: async () => connections.open,
    async close() {
      cancel();
      connections.close();
      turns.close();
      await listeners.close();
      await mailboxes.drained();
    },
  };
}
