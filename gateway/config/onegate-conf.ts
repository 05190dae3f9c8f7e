/** Settings from OpenNebula's own onegate-server.conf (spec onegate-api.md 1). */

import { CORE_KEYS, CORE_WITHOUT_MEANING } from "./core-conf.ts";
import { isSection, LEAVES, leafAt, namesIn } from "./leaves.ts";
import { suggestion } from "./nearest.ts";
import { RubyConf, type RubyConfTable, symbol } from "./ruby-conf.ts";
import { type Source, shown } from "./source.ts";
import { parseYaml, type YamlPair } from "./yaml-text.ts";

const TABLE: RubyConfTable = {
  section: "onegate",
  settingOf: {
    ssl_server: "onegate.ssl_server",
    restricted_attrs: "onegate.restricted_attrs",
    restricted_actions: "onegate.restricted_actions",
    vnet_template_attributes: "onegate.vnet_template_attributes",
    oneflow_server: "onegate.oneflow_server",
  },
  withoutMeaning: {
    ...CORE_WITHOUT_MEANING,
    timeout: "limits on slow senders are fixed",
  },
  others: { ...CORE_KEYS, permissions: readPermissions, auth: checkAuth },
};

const PERMISSIONS = LEAVES.map((leaf) => leaf.path).filter((path) => path.startsWith("onegate.permissions."));
const GROUPS = namesIn("onegate.permissions").map((name) => `onegate.permissions.${name}`);

export function readOnegateConf(file: string, text: string): Source {
  return new RubyConf(parseYaml(file, repaired(text), "1.1"), TABLE).read();
}

/**
 * The file printed in seed 003, 5.2.2 lacks the colon after two list names and ends in an ellipsis. Both are
 * mended within their lines, so that errors still name the right one.
 */
function repaired(text: string): string {
  return text.replace(/^(:[a-z_]+)[ \t]*(?=\r?$)/gm, "$1:").replace(/^[ \t]+\.\.\.[ \t]*(?=\r?$)/gm, "");
}

/** Once permissions are written down, one that is missing is not given (spec onegate-api.md 1). */
function readPermissions(block: YamlPair, conf: RubyConf): void {
  const groups = conf.innerOf(block);
  if (groups === undefined) {
    conf.pairsOf(block);
    return;
  }
  const missing = new Set(PERMISSIONS);
  for (const group of groups) {
    for (const [path, pair] of permissionsOf(group, conf)) {
      missing.delete(path);
      conf.set(path, pair);
    }
  }
  for (const path of missing) conf.put(path, false, block);
  if (missing.size > 0) conf.note(block, `not given, since not named: ${[...missing].join(", ")}`);
}

/** What a group names and gives a value. */
function permissionsOf(group: YamlPair, conf: RubyConf): readonly (readonly [string, YamlPair])[] {
  const section = `onegate.permissions.${symbol(group.key)}`;
  if (!isSection(section)) {
    conf.fault(`${section} is not a setting (${conf.origin(group)}); ${suggestion(section, GROUPS)}`);
    return [];
  }
  const inner = conf.innerOf(group);
  if (inner === undefined && conf.plain(group) !== null) {
    conf.fault(`${section} is ${shown(conf.plain(group))} (${conf.origin(group)}); it must hold keys`);
  }
  return (inner ?? []).flatMap((pair) => {
    const path = `${section}.${symbol(pair.key)}`;
    if (leafAt(path) === undefined) {
      conf.fault(`${path} is not a setting (${conf.origin(pair)}); ${suggestion(path, PERMISSIONS)}`);
      return [];
    }
    return conf.plain(pair) === null ? [] : [[path, pair] as const];
  });
}

function checkAuth(pair: YamlPair, conf: RubyConf): void {
  const value = conf.plain(pair);
  if (value === "onegate") return;
  conf.fault(`:auth: is ${shown(value)} (${conf.origin(pair)}); only onegate is known`);
}
