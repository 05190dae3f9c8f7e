/**
 * The configuration, put together from its sources and checked once, at start. Later sources win: defaults,
 * OpenNebula's server_x509_auth.conf, onegate-server.conf, oneflow-server.conf and monitord.conf, gatehouse.yaml, the environment, the command line.
 */

import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { GatehouseError } from "../shared/errors.ts";
import { X509_CONF } from "./config/core-conf.ts";
import { readEnvironment } from "./config/environment.ts";
import { readGatehouseYaml } from "./config/gatehouse-yaml.ts";
import { LEAVES, leafAt } from "./config/leaves.ts";
import { readMonitordConf } from "./config/monitord-conf.ts";
import { readOneflowConf } from "./config/oneflow-conf.ts";
import { readOnegateConf } from "./config/onegate-conf.ts";
import { type Config, configSchema } from "./config/schema.ts";
import { EMPTY_SOURCE, type Setting, type Source, shown } from "./config/source.ts";
import { readX509Conf } from "./config/x509-conf.ts";
import { readYamlText } from "./config/yaml-text.ts";

export type { Config } from "./config/schema.ts";
export type { Setting } from "./config/source.ts";

/** Where the configuration may come from. */
export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths are taken from here; those in a file from that file's folder. */
  readonly cwd: string;
  /** `--config`; by default gatehouse.yaml in the home, where there is one. */
  readonly configFile?: string | undefined;
  /** What the command line says, as settings (`--onegate-conf` is `onegate.conf_file`). */
  readonly commandLine?: readonly Setting[];
}

export interface LoadedConfig {
  readonly config: Config;
  /** Where each setting that is not a default stands. */
  readonly origins: ReadonlyMap<string, string>;
  /** What is accepted but means nothing, and the like: sentences for `gatehouse check`. */
  readonly notes: readonly string[];
}

/** Settings that are paths. */
const PATHS: ReadonlySet<string> = new Set([
  "home",
  "onegate.conf_file",
  "onegate.audit.file",
  "onegate.tls.cert_file",
  "onegate.tls.key_file",
  "onegate.oneflow_auth_file",
  "oneflow.conf_file",
  "oneflow.log_dir",
  "rpc.server_cert_file",
  "monitor.conf_file",
  "monitor.private_key_file",
  "monitor.public_key_file",
  "cloud.opennebula.auth_file",
  "cloud.opennebula.x509.cert_file",
  X509_CONF,
  "cloud.opennebula.x509.key_file",
  "cloud.process.run_dir",
  "cloud.qemu.run_dir",
  "cloud.qemu.image_dirs",
  "cloud.qemu.firmware_dirs",
]);

/**
 * Reads, merges and checks everything.
 * @throws GatehouseError `bad_request` with every fault, a line each: the setting's path, its value and where it
 *   stands, and what is allowed.
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const environment = absolute(readEnvironment(sources.env), sources.cwd);
  const commandLine = absolute({ ...EMPTY_SOURCE, settings: sources.commandLine ?? [] }, sources.cwd);
  const above = [environment, commandLine];
  const yaml = configFileSource(sources, above);
  const confs = [
    confSource("onegate.conf_file", readOnegateConf, [yaml, ...above]),
    confSource("oneflow.conf_file", readOneflowConf, [yaml, ...above]),
    confSource("monitor.conf_file", readMonitordConf, [yaml, ...above]),
  ];
  const all = [x509Source(confs, [yaml, ...above]), ...confs, yaml, ...above];

  const settings = new Map(
    all.flatMap((source) => source.settings).map((setting) => [setting.path, setting]),
  );
  const parsed = configSchema.safeParse(nested([...settings.values()]));
  const faults = all.flatMap((source) => source.faults);
  if (!parsed.success) faults.push(...faultsOf(parsed.error.issues, settings));
  if (!parsed.success || faults.length > 0) throw new GatehouseError("bad_request", faultText(faults));
  return {
    config: { ...parsed.data, home: resolve(sources.cwd, parsed.data.home) },
    origins: new Map([...settings.values()].map(({ path, origin }) => [path, origin])),
    notes: all.flatMap((source) => source.notes),
  };
}

function configFileSource(sources: ConfigSources, above: readonly Source[]): Source {
  const { cwd, configFile } = sources;
  if (configFile !== undefined) {
    const file = resolve(cwd, configFile);
    return absolute(readGatehouseYaml(file, readYamlText(file)), dirname(file));
  }
  const home = textOf(above, "home") ?? resolve(cwd, configSchema.parse({}).home);
  const file = join(home, "gatehouse.yaml");
  if (!existsSync(file)) return EMPTY_SOURCE;
  const source = absolute(readGatehouseYaml(file, readYamlText(file)), home);
  const moved = source.settings.find((setting) => setting.path === "home" && setting.value !== home);
  if (moved === undefined) return source;
  const fault = `home is ${shown(moved.value)} (${moved.origin}), in a file that was found in another home, ${home}`;
  return { ...source, faults: [...source.faults, fault] };
}

/** A file of OpenNebula's own, where a setting names one. */
function confSource(
  path: string,
  read: (file: string, text: string) => Source,
  above: readonly Source[],
): Source {
  const file = textOf(above, path);
  return file === undefined ? EMPTY_SOURCE : absolute(read(file, readYamlText(file)), dirname(file));
}

/** The one beside OpenNebula's other files need not be there, as long as nobody names it. */
function x509Source(confs: readonly Source[], above: readonly Source[]): Source {
  const beside = textOf(confs, X509_CONF);
  if (textOf(above, X509_CONF) === undefined && (beside === undefined || !existsSync(beside)))
    return EMPTY_SOURCE;
  return confSource(X509_CONF, readX509Conf, [...confs, ...above]);
}

/** The last string that the sources give a setting. */
function textOf(sources: readonly Source[], path: string): string | undefined {
  const setting = sources
    .flatMap((source) => source.settings)
    .findLast((candidate) => candidate.path === path);
  return typeof setting?.value === "string" ? setting.value : undefined;
}

function absolute(source: Source, folder: string): Source {
  const settings = source.settings.map((setting) =>
    PATHS.has(setting.path) ? { ...setting, value: absoluteValue(setting.value, folder) } : setting,
  );
  return { ...source, settings };
}

function absoluteValue(value: unknown, folder: string): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => absoluteValue(item, folder));
  return typeof value === "string" && value !== "" ? resolve(folder, value) : value;
}

type Tree = { [name: string]: unknown };

function nested(settings: readonly Setting[]): Tree {
  const root: Tree = {};
  for (const { path, value } of settings) {
    const names = path.split(".");
    const last = names.pop() ?? path;
    let section = root;
    for (const name of names) {
      const inner: Tree = isTree(section[name]) ? section[name] : {};
      section[name] = inner;
      section = inner;
    }
    section[last] = value;
  }
  return root;
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One sentence a setting, however many things are wrong with its value. */
function faultsOf(
  issues: readonly { readonly path: readonly PropertyKey[] }[],
  settings: ReadonlyMap<string, Setting>,
): readonly string[] {
  const paths = issues.map((issue) => {
    const path = issue.path.map(String).join(".");
    // An issue inside a list belongs to the list.
    return LEAVES.find((leaf) => path === leaf.path || path.startsWith(`${leaf.path}.`))?.path ?? path;
  });
  return [...new Set(paths)].map((path) => {
    const setting = settings.get(path);
    return `${path} is ${shown(setting?.value)} (${setting?.origin ?? "default"}); it must be ${leafAt(path)?.allowed}`;
  });
}

function faultText(faults: readonly string[]): string {
  if (faults.length === 1) return `the configuration is not valid: ${faults[0]}`;
  return [`the configuration has ${faults.length} faults:`, ...faults.map((fault) => `  ${fault}`)].join(
    "\n",
  );
}
