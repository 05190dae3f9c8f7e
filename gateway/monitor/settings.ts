/** The monitoring daemon's own settings; checked once, when the configuration is read (spec monitoring.md 5). */

import { z } from "zod";

const seconds = (byDefault: number, least = 1, most = 86_400) =>
  z.int().min(least).max(most).default(byDefault);

/** How often each group of probes runs, in seconds: PROBES_PERIOD. */
const periodsSchema = z
  .strictObject({
    beaconHost: seconds(30),
    systemHost: seconds(600),
    monitorHost: seconds(120),
    stateVm: seconds(5),
    execVm: seconds(5),
    monitorVm: seconds(30),
    syncStateVm: seconds(180),
  })
  .prefault({});

/** An IM_MAD: what starts the agents of one hypervisor. */
export const DRIVER_TEXT = /^[A-Za-z0-9_-]{1,64} [\x20-\x7e]{1,1000}$/;

const SSH_DRIVERS = ["kvm", "qemu", "lxc"].map((name) => `${name} one_im_ssh -r 3 -t 15 -w 90 ${name}`);

export const monitorSettingsSchema = z.strictObject({
  /**
   * Whose text messages are taken beyond those from loopback: nobody's, those encrypted with our key, or everybody's.
   * Text names no sender, and whoever knows the public key can forge it.
   */
  acceptText: z.enum(["off", "encrypted", "clear"]).default("off"),
  /** PRIKEY and PUBKEY: paths of PEM files. */
  privateKeyFile: z.string().min(1).max(4_096).optional(),
  publicKeyFile: z.string().min(1).max(4_096).optional(),
  /** MONITOR_ADDRESS: what agents are told to send to; auto: where they were started from. */
  address: z.string().min(1).max(255).default("auto"),
  /** How far a sender's clock may be from ours. */
  maxSkewS: seconds(300),
  /** MANAGER_TIMER: how often hosts are looked at. */
  managerTimerS: seconds(15),
  /** MONITORING_INTERVAL_HOST: a host that is silent for so long has its agent started again. */
  hostIntervalS: seconds(180),
  periods: periodsSchema,
  /** `NAME EXECUTABLE ARGUMENTS`, each an IM_MAD. */
  drivers: z
    .array(z.string().regex(DRIVER_TEXT))
    .max(64)
    .default([...SSH_DRIVERS, "dummy one_im_sh -r 3 -t 15 -w 90 dummy"]),
  /** How long readings are kept; 0 keeps none. */
  retention: z
    .strictObject({
      hostS: seconds(43_200, 0, 366 * 86_400),
      vmS: seconds(43_200, 0, 366 * 86_400),
      rollupS: seconds(7 * 86_400, 0, 3_660 * 86_400),
    })
    .prefault({}),
  /** Datagrams that wait to be read, in all; of one address a quarter of it. */
  maxWaitingDatagrams: z.int().min(16).max(1_000_000).default(8_192),
  /** Connections at one time, in all and of one address. */
  maxConnections: z.int().min(1).max(1_000_000).default(16_384),
  maxConnectionsPerAddress: z.int().min(1).max(1_000_000).default(2_048),
});

export type MonitorSettings = z.output<typeof monitorSettingsSchema>;

export type AcceptText = MonitorSettings["acceptText"];
