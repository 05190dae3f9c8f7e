/** Settings from OpenNebula's own oneflow-server.conf (spec oneflow-api.md 1). */

import { CORE_KEYS, CORE_WITHOUT_MEANING } from "./core-conf.ts";
import { RubyConf, type RubyConfTable } from "./ruby-conf.ts";
import { type Source, shown } from "./source.ts";
import { parseYaml, type YamlPair } from "./yaml-text.ts";

/** Older releases say shutdown for what is now terminate (seeds 002 and 003). */
const OLDER_ACTIONS: Readonly<Record<string, string>> = {
  shutdown: "terminate",
  "shutdown-hard": "terminate-hard",
};

const TABLE: RubyConfTable = {
  section: "oneflow",
  settingOf: {
    autoscaler_interval: "oneflow.autoscaler_interval_s",
    default_cooldown: "oneflow.default_cooldown_s",
    action_number: "oneflow.action_number",
    action_period: "oneflow.action_period_s",
    vm_name_template: "oneflow.vm_name_template",
    vr_name_template: "oneflow.vr_name_template",
  },
  withoutMeaning: {
    ...CORE_WITHOUT_MEANING,
    lcm_interval: "services act when something happens",
    wait_timeout: "VMs are not asked for their states: the cloud tells",
    concurrency: "services run side by side",
    page_size: "lists are whole unless ?page asks for less",
    retries: "pauses between retries grow",
    force_deletion: "oneflow recover --delete forces a deletion",
    vn_name_template: "no release uses it",
  },
  others: { ...CORE_KEYS, shutdown_action: readShutdownAction, auth: checkAuth },
};

export function readOneflowConf(file: string, text: string): Source {
  return new RubyConf(parseYaml(file, text, "1.1"), TABLE).read();
}

function readShutdownAction(pair: YamlPair, conf: RubyConf): void {
  const value = conf.plain(pair);
  const action = typeof value === "string" ? (OLDER_ACTIONS[value] ?? value) : value;
  conf.put("oneflow.shutdown_action", action, pair);
}

function checkAuth(pair: YamlPair, conf: RubyConf): void {
  const value = conf.plain(pair);
  if (value === "opennebula") return;
  conf.fault(`:auth: is ${shown(value)} (${conf.origin(pair)}); only opennebula is known`);
}
