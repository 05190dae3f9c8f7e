import { describe, expect, it } from "vitest";
import { readOneflowConf } from "../../gateway/config/oneflow-conf.ts";
import { oneFlowSettings } from "../../gateway/config/oneflow-settings.ts";
import { configSchema } from "../../gateway/config/schema.ts";

/** Seed 003, 1.2.2, with the keys that newer releases add. */
const WHOLE = `
:one_xmlrpc: http://localhost:2633/RPC2
:subscriber_endpoint: tcp://localhost:2101
:lcm_interval: 30
:wait_timeout: 30
:host: 127.0.0.1
:port: 2475
:default_cooldown: 60
:autoscaler_interval: '45'
:shutdown_action: 'shutdown-hard'
:action_number: 2
:action_period: 30
:vm_name_template: '$ROLE_NAME_$VM_NUMBER_(svc_$SERVICE_ID)'
:core_auth: cipher
:debug_level: 3
:concurrency: 10
`;

const read = (text: string) => readOneflowConf("/etc/one/oneflow-server.conf", text);
const values = (text: string) =>
  Object.fromEntries(read(text).settings.map(({ path, value }) => [path, value]));

describe("oneflow-server.conf", () => {
  it("is read as it is", () => {
    expect(read(WHOLE).faults).toEqual([]);
    expect(values(WHOLE)).toEqual({
      "cloud.opennebula.core_auth": "cipher",
      "cloud.opennebula.endpoint": "http://localhost:2633/RPC2",
      "cloud.opennebula.hooks": "tcp://localhost:2101",
      "oneflow.host": "127.0.0.1",
      "oneflow.port": 2475,
      "oneflow.default_cooldown_s": 60,
      "oneflow.autoscaler_interval_s": 45,
      "oneflow.shutdown_action": "terminate-hard",
      "oneflow.action_number": 2,
      "oneflow.action_period_s": 30,
      "oneflow.vm_name_template": "$ROLE_NAME_$VM_NUMBER_(svc_$SERVICE_ID)",
      "log.level": "debug",
    });
  });

  it("says of what has no meaning here why", () => {
    const [first, ...others] = read(WHOLE).notes;
    expect(first).toBe("oneflow-server.conf line 2: :one_xmlrpc: counts with cloud.kind opennebula alone");
    expect(others).toHaveLength(4);
  });

  it("takes the newer form of where it listens", () => {
    const text =
      ":host: 10.0.0.1\n:server:\n  :bind: 0.0.0.0\n  :port: 80\n  :max_threads: 16\n:log:\n  :level: 1\n";
    expect(values(text)).toEqual({ "oneflow.host": "0.0.0.0", "oneflow.port": 80, "log.level": "warn" });
  });

  it.each([
    [":default_coldown: 3", "default_coldown is not a setting (oneflow-server.conf line 1)"],
    ["prot: 3", "prot without its colon is not a setting"],
    [":auth: x509", ':auth: is "x509" (oneflow-server.conf line 1); only opennebula is known'],
    [":log: 3", ":log: is 3 (oneflow-server.conf line 1); it must hold keys"],
  ])("refuses %s and says what is wrong", (text, fault) => {
    expect(read(text).faults.join("\n")).toContain(fault);
  });

  it("hands OneFlow its settings, and its own defaults back", () => {
    expect(oneFlowSettings(configSchema.parse({}))).toEqual({
      autoscalerIntervalS: 90,
      defaultCooldownS: 300,
      shutdownAction: "terminate",
      actionNumber: 1,
      actionPeriodS: 60,
      vmNameTemplate: "$ROLE_NAME_$VM_NUMBER_(service_$SERVICE_ID)",
      vrNameTemplate: "$ROLE_NAME(service_$SERVICE_ID)",
      stepTimeoutS: 3_600,
      timeZone: undefined,
      maxBodyBytes: 1_048_576,
    });
  });
});
