import { describe, expect, it } from "vitest";
import { monitorSettings } from "../../gateway/config/monitor-settings.ts";
import { readMonitordConf } from "../../gateway/config/monitord-conf.ts";
import { configSchema } from "../../gateway/config/schema.ts";

const WHOLE = `
# how often hosts are looked at
MANAGER_TIMER = 20
MONITORING_INTERVAL_HOST = 240
HOST_MONITORING_EXPIRATION_TIME = 0
VM_MONITORING_EXPIRATION_TIME   = 14400

DB = [ CONNECTIONS = 15 ]
LOG = [ SYSTEM = "FILE", DEBUG_LEVEL = 3 ]

NETWORK = [
    ADDRESS = "::",
    MONITOR_ADDRESS = "auto",
    PORT = 4125,
    THREADS = 8,
    PUBKEY = "/etc/one/onemonitor_pem.pub",
    PRIKEY = "/etc/one/onemonitor"
]

PROBES_PERIOD = [
    BEACON_HOST = 31, SYSTEM_HOST = 601, MONITOR_HOST = 121,
    STATE_VM = 6, EXEC_VM = 7, MONITOR_VM = 32, SYNC_STATE_VM = 181
]

IM_MAD = [ NAME = "kvm", SUNSTONE_NAME = "KVM", EXECUTABLE = "one_im_ssh",
    ARGUMENTS = "-r 3 -t 15 -w 90 kvm", THREADS = 0 ]
IM_MAD = [ NAME = "dummy", EXECUTABLE = "one_im_sh" ]
`;

const read = (text: string) => readMonitordConf("/etc/one/monitord.conf", text);
const values = (text: string) =>
  Object.fromEntries(read(text).settings.map(({ path, value }) => [path, value]));

describe("monitord.conf", () => {
  it("is read as it is", () => {
    expect(values(WHOLE)).toEqual({
      "monitor.manager_timer_s": 20,
      "monitor.host_interval_s": 240,
      "monitor.retention.host_s": 0,
      "monitor.retention.vm_s": 14_400,
      "monitor.host": "::",
      "monitor.address": "auto",
      "monitor.port": 4125,
      "monitor.public_key_file": "/etc/one/onemonitor_pem.pub",
      "monitor.private_key_file": "/etc/one/onemonitor",
      "monitor.periods.beacon_host_s": 31,
      "monitor.periods.system_host_s": 601,
      "monitor.periods.monitor_host_s": 121,
      "monitor.periods.state_vm_s": 6,
      "monitor.periods.exec_vm_s": 7,
      "monitor.periods.monitor_vm_s": 32,
      "monitor.periods.sync_state_vm_s": 181,
      "monitor.drivers": ["kvm one_im_ssh -r 3 -t 15 -w 90 kvm", "dummy one_im_sh"],
    });
    expect(read(WHOLE).faults).toEqual([]);
    expect(read(WHOLE).settings[0]?.origin).toBe("monitord.conf MANAGER_TIMER");
  });

  it("names what has no meaning here, and what no release had", () => {
    expect(read(`${WHOLE}\nNEW_THING = 1\nNETWORK = [ NEW_PART = 2 ]`).notes).toEqual([
      "monitord.conf DB has no meaning here: readings are kept in files of the house",
      "monitord.conf LOG has no meaning here: logs go to standard error, at log.level",
      "monitord.conf NETWORK/THREADS has no meaning here: one thread reads them all",
      "monitord.conf NEW_THING has no meaning here",
      "monitord.conf NETWORK/NEW_PART has no meaning here",
    ]);
  });

  it.each([
    [
      "MANAGER_TIMER = soon",
      'monitor.manager_timer_s is "soon" (monitord.conf MANAGER_TIMER); it must be a whole number',
    ],
    ["IM_MAD = kvm", 'IM_MAD is "kvm" (monitord.conf); it must have a NAME and an EXECUTABLE'],
    ["NETWORK = [ PORT = ", "monitord.conf cannot be read: "],
  ])("is refused with its place: %s", (text, fault) => {
    expect(read(text).faults).toHaveLength(1);
    expect(read(text).faults[0]).toContain(fault);
  });
});

describe("the monitor's settings", () => {
  it("have the same defaults, whether they are configured or not", () => {
    const settings = monitorSettings(configSchema.parse({}));
    expect(settings).toMatchObject({ acceptText: "off", address: "auto", maxSkewS: 300, hostIntervalS: 180 });
    expect(settings.periods).toMatchObject({ beaconHost: 30, systemHost: 600, stateVm: 5 });
  });
});
