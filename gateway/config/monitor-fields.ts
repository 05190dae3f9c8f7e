/** The `monitor:` section: the monitoring daemon, whose defaults are its own. */

import { z } from "zod";
import { DRIVER_TEXT, monitorSettingsSchema } from "../monitor/settings.ts";
import { host, on, port, text, whole } from "./fields.ts";

const DEFAULTS = monitorSettingsSchema.parse({});
const { periods: PERIODS, retention: RETENTION } = DEFAULTS;
const DAY_S = 86_400;

const period = (what: string, byDefault: number) => whole(`seconds between ${what}`, 1, DAY_S, byDefault);
const kept = (what: string, mostDays: number, byDefault: number) =>
  whole(`seconds that ${what} are kept, 0 keeps none`, 0, mostDays * DAY_S, byDefault);

/** Names follow monitord.conf's, with their unit. */
export const monitorFields = z
  .strictObject({
    enabled: on("whether the monitoring daemon listens"),
    host,
    port: port(4124),
    conf_file: text("the path of OpenNebula's monitord.conf, read below this configuration").optional(),
    accept_text: z
      .enum(["off", "encrypted", "clear"])
      .default(DEFAULTS.acceptText)
      .describe("off, encrypted or clear: which text messages are taken from beyond loopback"),
    private_key_file: text("the path of a PEM file with the RSA key that opens encrypted text").optional(),
    public_key_file: text(
      "the path of a PEM file with its public part, handed to agents that speak text",
    ).optional(),
    address: text("the address that agents send to, auto for the one they are started from").default(
      DEFAULTS.address,
    ),
    max_skew_s: whole("seconds that a sender's clock may be wrong", 1, DAY_S, DEFAULTS.maxSkewS),
    manager_timer_s: whole("seconds between two looks at all hosts", 1, DAY_S, DEFAULTS.managerTimerS),
    host_interval_s: whole(
      "seconds of a host's silence after which its agent is started again",
      1,
      DAY_S,
      DEFAULTS.hostIntervalS,
    ),
    periods: z
      .strictObject({
        beacon_host_s: period("beacons", PERIODS.beaconHost),
        system_host_s: period("looks at a host's hardware", PERIODS.systemHost),
        monitor_host_s: period("measurements of a host", PERIODS.monitorHost),
        state_vm_s: period("looks at the states of VMs", PERIODS.stateVm),
        exec_vm_s: period("looks at executions in VMs", PERIODS.execVm),
        monitor_vm_s: period("measurements of VMs", PERIODS.monitorVm),
        sync_state_vm_s: period("full reports of the states of VMs", PERIODS.syncStateVm),
      })
      .prefault({}),
    agents: z
      .enum(["none", "local", "ssh", "im_mad"])
      .default("local")
      .describe(
        "none, local, ssh or im_mad: whose agents are started; local: this machine's; ssh: also those of other hosts, by ssh; im_mad: those that a driver below knows",
      ),
    mads_dir: text("a directory with the executables of the drivers").default("/usr/lib/one/mads"),
    datastore_location: text("a directory, where hosts keep datastores").default("/var/lib/one/datastores"),
    probes_dir: text("a directory on each host with probes of people's own").optional(),
    drivers: z
      .array(z.string().regex(DRIVER_TEXT))
      .max(64)
      .default([...DEFAULTS.drivers])
      .describe("a list of NAME EXECUTABLE ARGUMENTS, such as kvm one_im_ssh -r 3 -t 15 -w 90 kvm"),
    retention: z
      .strictObject({
        host_s: kept("readings of hosts", 366, RETENTION.hostS),
        vm_s: kept("readings of VMs", 366, RETENTION.vmS),
        rollup_s: kept("sums of five minutes", 3_660, RETENTION.rollupS),
      })
      .prefault({}),
    max_waiting_datagrams: whole(
      "datagrams that wait to be read",
      16,
      1_000_000,
      DEFAULTS.maxWaitingDatagrams,
    ),
    max_connections: whole("connections at one time", 1, 1_000_000, DEFAULTS.maxConnections),
    max_connections_per_address: whole(
      "connections of one address at one time",
      1,
      1_000_000,
      DEFAULTS.maxConnectionsPerAddress,
    ),
  })
  .prefault({});
