/**
 * Settings from OpenNebula's own onegate-server.conf (spec onegate-api.md 1): YAML whose keys are Ruby symbols, in
 * its older form (`:host:`, `:port:`, `:debug_level:`) and its newer one (`:server:`, `:log:`).
 */

import type { LogLevel } from "../../shared/log.ts";
import { isSection, LEAVES, leafAt, namesIn } from "./leaves.ts";
import { suggestion } from "./nearest.ts";
import { type Setting, type Source, shown } from "./source.ts";
import { fromText } from "./text-value.ts";
import { parseYaml, type YamlFile, type YamlPair } from "./yaml-text.ts";

/** What a key becomes; a key of the file that means nothing here is only mentioned. */
const SETTING_OF: Readonly<Record<string, string>> = {
  host: "onegate.host",
  port: "onegate.port",
  ssl_server: "onegate.ssl_server",
  restricted_attrs: "onegate.restricted_attrs",
  restricted_actions: "onegate.restricted_actions",
  vnet_template_attributes: "onegate.vnet_template_attributes",
};
const SECTIONS = ["server", "log", "permissions"] as const;
const WITHOUT_MEANING: Readonly<Record<string, string>> = {
  one_xmlrpc: "the cloud is in the same house",
  oneflow_server: "OneFlow is in the same house",
  core_auth: "the cloud is in the same house",
  expire_delta: "no tokens to a core are made",
  expire_margin: "no tokens to a core are made",
  timeout: "limits on slow senders are fixed",
};
const KNOWN = [
  ...Object.keys(SETTING_OF),
  ...SECTIONS,
  "auth",
  "debug_level",
  ...Object.keys(WITHOUT_MEANING),
];
const PERMISSIONS = LEAVES.map((leaf) => leaf.path).filter((path) => path.startsWith("onegate.permissions."));
const GROUPS = namesIn("onegate.permissions").map((name) => `onegate.permissions.${name}`);
/** `:debug_level:` 0 = ERROR, 1 = WARNING, 2 = INFO, 3 = DEBUG. */
const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug"];

/** A key without a value counts as absent, so that what is shipped commented out keeps its default. */
export function readOnegateConf(file: string, text: string): Source {
  return new OnegateConf(parseYaml(file, repaired(text), "1.1")).read();
}

/**
 * The file printed in seed 003, 5.2.2 lacks the colon after two list names and ends in an ellipsis. Both are
 * mended within their lines, so that errors still name the right one.
 */
function repaired(text: string): string {
  return text.replace(/^(:[a-z_]+)[ \t]*(?=\r?$)/gm, "$1:").replace(/^[ \t]+\.\.\.[ \t]*(?=\r?$)/gm, "");
}

class OnegateConf {
  readonly #yaml: YamlFile;
  readonly #settings: Setting[] = [];
  readonly #faults: string[];
  readonly #notes: string[] = [];

  constructor(yaml: YamlFile) {
    this.#yaml = yaml;
    this.#faults = [...yaml.faults];
  }

  read(): Source {
    // The newer form wins: with `:server:` the top-level host and port are not looked at.
    const newer = this.#yaml.pairs.some(
      (pair) => symbol(pair.key) === "server" && this.#plain(pair) !== null,
    );
    for (const pair of this.#yaml.pairs) {
      const key = symbol(pair.key);
      const ignored = newer && (key === "host" || key === "port");
      if (ignored) this.#note(pair, `:${key}: is not looked at beside :server:`);
      else this.#readTop(key, pair);
    }
    return { settings: this.#settings, faults: this.#faults, notes: this.#notes };
  }

  #readTop(key: string, pair: YamlPair): void {
    const path = SETTING_OF[key];
    const reason = WITHOUT_MEANING[key];
    if (reason !== undefined) this.#note(pair, `:${key}: has no meaning here: ${reason}`);
    else if (!KNOWN.includes(key)) {
      const name = pair.key.startsWith(":") ? key : `${key} without its colon`;
      this.#faults.push(`${name} is not a setting (${this.#origin(pair)}); ${suggestion(key, KNOWN)}`);
    } else if (this.#plain(pair) === null) return;
    else if (path !== undefined) this.#set(path, pair);
    else if (key === "debug_level") this.#setLevel(pair);
    else if (key === "auth") this.#checkAuth(pair);
    else this.#readSection(key, pair);
  }

  #readSection(key: string, pair: YamlPair): void {
    const inner = this.#yaml.pairsOf(pair.value);
    if (inner === undefined) {
      this.#faults.push(`:${key}: is ${shown(this.#plain(pair))} (${this.#origin(pair)}); it must hold keys`);
    } else if (key === "permissions") this.#readPermissions(pair, inner);
    else if (key === "server") this.#readServer(inner);
    else this.#readLog(inner);
  }

  /** Each key is handed to the web server there; only where it listens means something here. */
  #readServer(pairs: readonly YamlPair[]): void {
    for (const pair of pairs) {
      const key = symbol(pair.key);
      if (key !== "bind" && key !== "port") this.#note(pair, `:server: :${key}: has no meaning here`);
      else if (this.#plain(pair) !== null) this.#set(key === "bind" ? "onegate.host" : "onegate.port", pair);
    }
  }

  #readLog(pairs: readonly YamlPair[]): void {
    for (const pair of pairs) {
      const key = symbol(pair.key);
      if (key !== "level") this.#note(pair, `:log: :${key}: has no meaning here: logs go to standard error`);
      else if (this.#plain(pair) !== null) this.#setLevel(pair);
    }
  }

  /** Once permissions are written down, one that is missing is not given (spec onegate-api.md 1). */
  #readPermissions(block: YamlPair, groups: readonly YamlPair[]): void {
    const missing = new Set(PERMISSIONS);
    for (const group of groups) {
      for (const [path, pair] of this.#permissionsOf(group)) {
        missing.delete(path);
        this.#set(path, pair);
      }
    }
    for (const path of missing) this.#settings.push({ path, value: false, origin: this.#origin(block) });
    if (missing.size > 0) this.#note(block, `not given, since not named: ${[...missing].join(", ")}`);
  }

  /** What a group names and gives a value. */
  #permissionsOf(group: YamlPair): readonly (readonly [string, YamlPair])[] {
    const section = `onegate.permissions.${symbol(group.key)}`;
    if (!isSection(section)) {
      this.#faults.push(
        `${section} is not a setting (${this.#origin(group)}); ${suggestion(section, GROUPS)}`,
      );
      return [];
    }
    const inner = this.#yaml.pairsOf(group.value);
    if (inner === undefined && this.#plain(group) !== null) {
      this.#faults.push(
        `${section} is ${shown(this.#plain(group))} (${this.#origin(group)}); it must hold keys`,
      );
    }
    return (inner ?? []).flatMap((pair) => {
      const path = `${section}.${symbol(pair.key)}`;
      if (leafAt(path) === undefined) {
        this.#faults.push(
          `${path} is not a setting (${this.#origin(pair)}); ${suggestion(path, PERMISSIONS)}`,
        );
        return [];
      }
      return this.#plain(pair) === null ? [] : [[path, pair] as const];
    });
  }

  #setLevel(pair: YamlPair): void {
    const value = this.#plain(pair);
    const level = LEVELS[Number(value)];
    if (level === undefined || !/^\d$/.test(String(value))) {
      this.#faults.push(
        `log.level is ${shown(value)} (${this.#origin(pair)}); here it must be 0, 1, 2 or 3, for ${LEVELS.join(", ")}`,
      );
    } else this.#settings.push({ path: "log.level", value: level, origin: this.#origin(pair) });
  }

  #checkAuth(pair: YamlPair): void {
    const value = this.#plain(pair);
    if (value === "onegate") return;
    this.#faults.push(`:auth: is ${shown(value)} (${this.#origin(pair)}); only onegate is known`);
  }

  #set(path: string, pair: YamlPair): void {
    const value = this.#plain(pair);
    const leaf = leafAt(path);
    // Ruby takes `"5030"` and 5030 alike; a list is only what is written as one.
    const read =
      typeof value === "string" && leaf?.kind !== "list" ? fromText(leaf?.kind ?? "text", value) : undefined;
    this.#settings.push({ path, value: read?.ok ? read.value : value, origin: this.#origin(pair) });
  }

  #plain(pair: YamlPair): unknown {
    return withoutSymbols(this.#yaml.plain(pair.value));
  }

  #origin(pair: YamlPair): string {
    return `${this.#yaml.name} line ${pair.line}`;
  }

  #note(pair: YamlPair, text: string): void {
    this.#notes.push(`${this.#origin(pair)}: ${text}`);
  }
}

/** `:cipher` is Ruby's way to write the word; `::1` is an address. */
function symbol(text: string): string {
  return /^:[A-Za-z_]/.test(text) ? text.slice(1) : text;
}

function withoutSymbols(value: unknown): unknown {
  if (typeof value === "string") return symbol(value);
  return Array.isArray(value) ? value.map(withoutSymbols) : value;
}
