/** What an agent that we start is told, as one line of JSON on its standard input; agent/host/start-line.ts reads it. */

import type { EnrolmentPeriods } from "../../shared/monitor/enrolment.ts";
import type { MonitorSettings } from "./settings.ts";

export interface AgentLine {
  readonly hostId: number;
  readonly hostName: string;
  /** Whose probes run: process, dummy, qemu, kvm, lxc. */
  readonly hypervisor: string;
  /** As printKey prints keys. */
  readonly secretKey: string;
  readonly daemonKey: string;
  /** Of the daemon, as the host reaches it. */
  readonly address: string;
  readonly port: number;
  /** PROBES_PERIOD, in seconds. */
  readonly periods: EnrolmentPeriods;
  readonly settings: AgentPlaces;
  /** Its own directory on the host. */
  readonly stateDir: string;
}

/** Where things are on the host. */
export interface AgentPlaces {
  readonly datastoreLocation?: string | undefined;
  readonly processRunDir?: string | undefined;
  readonly qemuRunDir?: string | undefined;
  readonly dummyList?: string | undefined;
  /** Holds programs of people's own. */
  readonly probesDir?: string | undefined;
}

/** PROBES_PERIOD by monitord.conf's names. */
export function agentPeriods({ periods }: Pick<MonitorSettings, "periods">): EnrolmentPeriods {
  return {
    BEACON_HOST: periods.beaconHost,
    SYSTEM_HOST: periods.systemHost,
    MONITOR_HOST: periods.monitorHost,
    STATE_VM: periods.stateVm,
    MONITOR_VM: periods.monitorVm,
    SYNC_STATE_VM: periods.syncStateVm,
  };
}
