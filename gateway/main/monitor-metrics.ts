/** The metrics of the monitoring daemon under their names; docs/monitoring.md has the table. */

import { hostStateName } from "../../shared/states/host.ts";
import type { Metrics, Sample } from "../admin/metrics.ts";
import { SYSTEM } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { MonitorDaemon } from "../monitor/daemon.ts";

interface HostsCloud {
  readonly hosts: Pick<Cloud["hosts"], "list">;
}

export function registerMonitor(
  metrics: Metrics,
  { counts, heard, agents, queues }: Pick<MonitorDaemon, "counts" | "heard" | "agents" | "queues">,
  cloud: HostsCloud,
): void {
  const counter = (name: string, help: string, read: () => number): void =>
    metrics.counter({ name: `gatehouse_monitor_${name}`, help, read: () => [{ value: read() }] });
  const gauge = (name: string, help: string, read: () => number): void =>
    metrics.gauge({ name: `gatehouse_monitor_${name}`, help, read: () => [{ value: read() }] });
  const labelled = (name: string, help: string, label: string, sums: ReadonlyMap<string, number>): void =>
    metrics.counter({
      name: `gatehouse_monitor_${name}`,
      help,
      labelNames: [label],
      read: () => [...sums].map(([value, count]) => ({ labels: { [label]: value }, value: count })),
    });

  counter("datagrams_total", "Datagrams that came.", () => counts.datagrams);
  counter("connections_total", "TCP connections that came.", () => counts.connections);
  metrics.counter({
    name: "gatehouse_monitor_frames_total",
    help: "Messages and frames that were read, by codec and transport.",
    labelNames: ["codec", "transport"],
    read: () => [...counts.frames].map(frameSample),
  });
  labelled("messages_total", "Messages that were taken, by type.", "type", counts.messages);
  labelled("refused_total", "What was not taken, by reason.", "reason", counts.refusals);
  labelled("cut_connections_total", "Connections that the daemon ended, by reason.", "reason", counts.cuts);
  metrics.counter({
    name: "gatehouse_monitor_vm_readings_total",
    help: "Readings of VMs: applied, or of VMs that are not on the host that told of them.",
    labelNames: ["outcome"],
    read: () => outcomes({ applied: counts.vmsApplied, unknown: counts.vmsUnknown }),
  });
  metrics.counter({
    name: "gatehouse_monitor_vm_states_total",
    help: "Reported states of VMs, by whether they changed the VM.",
    labelNames: ["outcome"],
    read: () => outcomes({ changed: counts.statesChanged, ignored: counts.statesIgnored }),
  });
  counter("acknowledged_total", "Deliveries that were acknowledged.", () => counts.acknowledged);
  counter("repeated_total", "Deliveries that came again.", () => counts.repeatedDeliveries);
  counter("renewals_total", "Agents that were told to take their next boot.", () => counts.renewals);
  counter("rsa_blocks_total", "RSA blocks that were decrypted.", () => counts.rsaBlocks);
  counter("probe_failures_total", "Failures of probes that agents told of.", () => counts.probeFailures);
  gauge("waiting_datagrams", "Datagrams that wait to be read.", () => queues().datagrams);
  gauge("waiting_writes", "Messages that are being stored.", () => queues().mailboxes);
  gauge("held_bytes", "Unfinished messages of all connections.", () => queues().heldBytes);
  gauge("heard_hosts", "Hosts that were heard since the start.", () => heard.size);
  gauge("agents", "Agents that are enrolled.", () => agents.size);
  registerHosts(metrics, cloud);
}

function registerHosts(metrics: Metrics, cloud: HostsCloud): void {
  metrics.gauge({
    name: "gatehouse_hosts",
    help: "Hosts, by state.",
    labelNames: ["state"],
    read: async () => {
      const sums = new Map<string, number>();
      for (const { state } of await cloud.hosts.list(SYSTEM)) {
        const name = hostStateName(state);
        sums.set(name, (sums.get(name) ?? 0) + 1);
      }
      return [...sums].map(([state, value]) => ({ labels: { state }, value }));
    },
  });
}

function frameSample([kind, value]: readonly [string, number]): Sample {
  const [codec = "", transport = ""] = kind.split(" ");
  return { labels: { codec, transport }, value };
}

function outcomes(sums: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(sums).map(([outcome, value]) => ({ labels: { outcome }, value }));
}
