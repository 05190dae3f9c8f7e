/** The monitoring daemon's part of the configuration in its own terms. */

import { type MonitorSettings, monitorSettingsSchema } from "../monitor/settings.ts";
import type { Config } from "./schema.ts";

export function monitorSettings({ monitor }: Pick<Config, "monitor">): MonitorSettings {
  const { periods, retention } = monitor;
  return monitorSettingsSchema.parse({
    acceptText: monitor.accept_text,
    privateKeyFile: monitor.private_key_file,
    publicKeyFile: monitor.public_key_file,
    address: monitor.address,
    maxSkewS: monitor.max_skew_s,
    managerTimerS: monitor.manager_timer_s,
    hostIntervalS: monitor.host_interval_s,
    periods: {
      beaconHost: periods.beacon_host_s,
      systemHost: periods.system_host_s,
      monitorHost: periods.monitor_host_s,
      stateVm: periods.state_vm_s,
      execVm: periods.exec_vm_s,
      monitorVm: periods.monitor_vm_s,
      syncStateVm: periods.sync_state_vm_s,
    },
    drivers: monitor.drivers,
    retention: { hostS: retention.host_s, vmS: retention.vm_s, rollupS: retention.rollup_s },
    maxWaitingDatagrams: monitor.max_waiting_datagrams,
    maxConnections: monitor.max_connections,
    maxConnectionsPerAddress: monitor.max_connections_per_address,
  });
}
