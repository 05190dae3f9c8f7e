/**
 * What OpenNebula's onegate-server.conf and oneflow-server.conf have in common: YAML whose keys are Ruby symbols, in
 * an older form (`:host:`, `:port:`, `:debug_level:`) and a newer one (`:server:`, `:log:`).
 */

import type { LogLevel } from "../../shared/log.ts";
import { leafAt } from "./leaves.ts";
import { suggestion } from "./nearest.ts";
import { type Setting, type Source, shown } from "./source.ts";
import { fromText } from "./text-value.ts";
import type { YamlFile, YamlPair } from "./yaml-text.ts";

/** `:debug_level:` 0 = ERROR, 1 = WARNING, 2 = INFO, 3 = DEBUG. */
const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug"];

/** What one server's file may hold. */
export interface RubyConfTable {
  /** The section of our configuration that its host and port belong to. */
  readonly section: "onegate" | "oneflow";
  /** What a key becomes. */
  readonly settingOf: Readonly<Record<string, string>>;
  /** Keys that are accepted and only mentioned, with the reason. */
  readonly withoutMeaning: Readonly<Record<string, string>>;
  /** Keys that the server's own reader sees to. */
  readonly others: Readonly<Record<string, (pair: YamlPair, reader: RubyConf) => void>>;
}

const SHARED_KEYS = ["host", "port", "server", "log", "debug_level"];

/** A key without a value counts as absent, so that what is shipped commented out keeps its default. */
export class RubyConf {
  readonly #yaml: YamlFile;
  readonly #table: RubyConfTable;
  readonly #known: readonly string[];
  readonly #settings: Setting[] = [];
  readonly #faults: string[];
  readonly #notes: string[] = [];

  constructor(yaml: YamlFile, table: RubyConfTable) {
    this.#yaml = yaml;
    this.#table = table;
    this.#faults = [...yaml.faults];
    this.#known = [table.settingOf, table.others, table.withoutMeaning]
      .flatMap(Object.keys)
      .concat(SHARED_KEYS);
  }

  read(): Source {
    // The newer form wins: with `:server:` the top-level host and port are not looked at.
    const newer = this.#yaml.pairs.some((pair) => symbol(pair.key) === "server" && this.plain(pair) !== null);
    for (const pair of this.#yaml.pairs) {
      const key = symbol(pair.key);
      const ignored = newer && (key === "host" || key === "port");
      if (ignored) this.note(pair, `:${key}: is not looked at beside :server:`);
      else this.#readTop(key, pair);
    }
    return { settings: this.#settings, faults: this.#faults, notes: this.#notes };
  }

  #readTop(key: string, pair: YamlPair): void {
    const { section, settingOf, withoutMeaning, others } = this.#table;
    const path = key === "host" || key === "port" ? `${section}.${key}` : settingOf[key];
    const reason = withoutMeaning[key];
    if (reason !== undefined) this.note(pair, `:${key}: has no meaning here: ${reason}`);
    else if (!this.#known.includes(key)) {
      const name = pair.key.startsWith(":") ? key : `${key} without its colon`;
      this.fault(`${name} is not a setting (${this.origin(pair)}); ${suggestion(key, this.#known)}`);
    } else if (this.plain(pair) === null) return;
    else if (path !== undefined) this.set(path, pair);
    else if (key === "debug_level") this.#setLevel(pair);
    else if (key === "server") this.#readServer(this.pairsOf(pair));
    else if (key === "log") this.#readLog(this.pairsOf(pair));
    else others[key]?.(pair, this);
  }

  /** What a section holds; nothing, and a fault, when it is none. */
  pairsOf(pair: YamlPair): readonly YamlPair[] {
    const inner = this.#yaml.pairsOf(pair.value);
    if (inner === undefined)
      this.fault(
        `:${symbol(pair.key)}: is ${shown(this.plain(pair))} (${this.origin(pair)}); it must hold keys`,
      );
    return inner ?? [];
  }

  /** Each key is handed to the web server there; only where it listens means something here. */
  #readServer(pairs: readonly YamlPair[]): void {
    const { section } = this.#table;
    for (const pair of pairs) {
      const key = symbol(pair.key);
      if (key !== "bind" && key !== "port") this.note(pair, `:server: :${key}: has no meaning here`);
      else if (this.plain(pair) !== null) this.set(`${section}.${key === "bind" ? "host" : "port"}`, pair);
    }
  }

  #readLog(pairs: readonly YamlPair[]): void {
    for (const pair of pairs) {
      const key = symbol(pair.key);
      if (key !== "level") this.note(pair, `:log: :${key}: has no meaning here: logs go to standard error`);
      else if (this.plain(pair) !== null) this.#setLevel(pair);
    }
  }

  #setLevel(pair: YamlPair): void {
    const value = this.plain(pair);
    const level = LEVELS[Number(value)];
    if (level === undefined || !/^\d$/.test(String(value))) {
      this.fault(
        `log.level is ${shown(value)} (${this.origin(pair)}); here it must be 0, 1, 2 or 3, for ${LEVELS.join(", ")}`,
      );
    } else this.put("log.level", level, pair);
  }

  set(path: string, pair: YamlPair): void {
    const value = this.plain(pair);
    const leaf = leafAt(path);
    // Ruby takes `"5030"` and 5030 alike; a list is only what is written as one.
    const read =
      typeof value === "string" && leaf?.kind !== "list" ? fromText(leaf?.kind ?? "text", value) : undefined;
    this.put(path, read?.ok ? read.value : value, pair);
  }

  put(path: string, value: unknown, pair: YamlPair): void {
    this.#settings.push({ path, value, origin: this.origin(pair) });
  }

  plain(pair: YamlPair): unknown {
    return withoutSymbols(this.#yaml.plain(pair.value));
  }

  origin(pair: YamlPair): string {
    return `${this.#yaml.name} line ${pair.line}`;
  }

  note(pair: YamlPair, text: string): void {
    this.#notes.push(`${this.origin(pair)}: ${text}`);
  }

  fault(text: string): void {
    this.#faults.push(text);
  }

  /** The pairs of a value that may also be nothing or something else. */
  innerOf(pair: YamlPair): readonly YamlPair[] | undefined {
    return this.#yaml.pairsOf(pair.value);
  }
}

/** `:cipher` is Ruby's way to write the word; `::1` is an address. */
export function symbol(text: string): string {
  return /^:[A-Za-z_]/.test(text) ? text.slice(1) : text;
}

function withoutSymbols(value: unknown): unknown {
  if (typeof value === "string") return symbol(value);
  return Array.isArray(value) ? value.map(withoutSymbols) : value;
}
