/**
 * Settings from OpenNebula's own monitord.conf (spec monitoring.md 5), which is written in the syntax of its templates.
 * A name that is not known here is only mentioned, since each release brings its own.
 */

import { basename } from "node:path";
import { errorText } from "../../shared/errors.ts";
import { type Attribute, parseAttributes } from "../../shared/template/parse.ts";
import type { Vector } from "../../shared/template/types.ts";
import { leafAt } from "./leaves.ts";
import { type Setting, type Source, shown } from "./source.ts";
import { fromText } from "./text-value.ts";

const SINGLE: Readonly<Record<string, string>> = {
  MANAGER_TIMER: "monitor.manager_timer_s",
  MONITORING_INTERVAL_HOST: "monitor.host_interval_s",
  HOST_MONITORING_EXPIRATION_TIME: "monitor.retention.host_s",
  VM_MONITORING_EXPIRATION_TIME: "monitor.retention.vm_s",
};

const INNER: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  NETWORK: {
    ADDRESS: "monitor.host",
    MONITOR_ADDRESS: "monitor.address",
    PORT: "monitor.port",
    PUBKEY: "monitor.public_key_file",
    PRIKEY: "monitor.private_key_file",
  },
  PROBES_PERIOD: {
    BEACON_HOST: "monitor.periods.beacon_host_s",
    SYSTEM_HOST: "monitor.periods.system_host_s",
    MONITOR_HOST: "monitor.periods.monitor_host_s",
    STATE_VM: "monitor.periods.state_vm_s",
    EXEC_VM: "monitor.periods.exec_vm_s",
    MONITOR_VM: "monitor.periods.monitor_vm_s",
    SYNC_STATE_VM: "monitor.periods.sync_state_vm_s",
  },
};

const WITHOUT_MEANING: Readonly<Record<string, string>> = {
  DB: "readings are kept in files of the house",
  LOG: "logs go to standard error, at log.level",
  "NETWORK/THREADS": "one thread reads them all",
};

/** What gatehouse-monitord does not read of the file, in its order: `DB`, `NETWORK/THREADS`. @throws what the parser throws. */
export function unreadNames(text: string): readonly string[] {
  return parseAttributes(text).flatMap(({ name, value }) => {
    // The log and the drivers are read elsewhere.
    if (name === "LOG" || name === "IM_MAD") return [];
    if (typeof value === "string") return SINGLE[name] === undefined ? [name] : [];
    const known = INNER[name];
    if (known === undefined) return [name];
    return Object.keys(value).flatMap((inner) => (known[inner] === undefined ? [`${name}/${inner}`] : []));
  });
}

export function readMonitordConf(file: string, text: string): Source {
  const reader = new MonitordConf(basename(file));
  try {
    return reader.read(parseAttributes(text));
  } catch (error) {
    return { settings: [], faults: [`${basename(file)} cannot be read: ${errorText(error)}`], notes: [] };
  }
}

class MonitordConf {
  readonly #file: string;
  readonly #settings: Setting[] = [];
  readonly #faults: string[] = [];
  readonly #notes: string[] = [];
  readonly #drivers: string[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  /** A name that is given twice counts the last time, but for IM_MAD, which is a list. */
  read(attributes: readonly Attribute[]): Source {
    for (const { name, value } of attributes) {
      if (name === "IM_MAD") this.#readDriver(value);
      else if (typeof value === "string") this.#set(name, SINGLE[name], value);
      else this.#readVector(name, value);
    }
    if (this.#drivers.length > 0)
      this.#settings.push({ path: "monitor.drivers", value: this.#drivers, origin: this.#origin("IM_MAD") });
    return { settings: this.#settings, faults: this.#faults, notes: this.#notes };
  }

  #readVector(name: string, vector: Vector): void {
    const known = INNER[name];
    if (known === undefined) this.#noteUnused(name);
    else
      for (const [inner, value] of Object.entries(vector)) this.#set(`${name}/${inner}`, known[inner], value);
  }

  #readDriver(value: string | Vector): void {
    const { NAME, EXECUTABLE, ARGUMENTS = "" } = typeof value === "string" ? {} : value;
    if (NAME === undefined || EXECUTABLE === undefined)
      this.#faults.push(`IM_MAD is ${shown(value)} (${this.#file}); it must have a NAME and an EXECUTABLE`);
    else this.#drivers.push(`${NAME} ${EXECUTABLE} ${ARGUMENTS}`.trimEnd());
  }

  #set(name: string, path: string | undefined, text: string): void {
    const leaf = path === undefined ? undefined : leafAt(path);
    if (leaf === undefined) {
      this.#noteUnused(name);
      return;
    }
    const origin = this.#origin(name);
    const read = fromText(leaf.kind, text);
    if (!read.ok) this.#faults.push(`${leaf.path} is ${shown(text)} (${origin}); it must be ${leaf.allowed}`);
    else if (read.value !== undefined) this.#settings.push({ path: leaf.path, value: read.value, origin });
  }

  #noteUnused(name: string): void {
    const reason = WITHOUT_MEANING[name];
    this.#notes.push(`${this.#origin(name)} has no meaning here${reason === undefined ? "" : `: ${reason}`}`);
  }

  #origin(name: string): string {
    return `${this.#file} ${name}`;
  }
}
