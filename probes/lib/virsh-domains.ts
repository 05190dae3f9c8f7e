/**
 * The domains that libvirt knows, with their figures: the output of `domstats` and `list` as values.
 *
 *     Domain: 'one-7'                                  11111111-2222-3333-4444-000000000007 one-7
 *       state.state=1
 *       cpu.time=400000000
 *
 * A file's path can hold a line break, and so feign lines: a domain that is told of twice, or whose figures do not
 * read as such, has none rather than somebody's.
 */

import type { ProbeHost } from "../probe.ts";
import { VirshTimeout, virsh } from "./virsh.ts";

/** Figures by libvirt's names, as virsh(1) lists them at `domstats`. */
export type DomainFigures = ReadonlyMap<string, string>;

export interface ListedDomain {
  readonly name: string;
  readonly uuid: string;
}

export interface Domain extends ListedDomain {
  /** Undefined when they cannot be trusted. */
  readonly figures: DomainFigures | undefined;
}

const LIST = "list --all --uuid --name";

const HEADER = /^Domain: '(.*)'$/;
const FIGURE = /^ {2}([a-z][A-Za-z0-9._-]*)=(.*)$/;
const LISTED = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}) +(.*\S)\s*$/;

/** Each try gets past one QEMU that hangs; those that it met stay passed over in later rounds too. */
const TRIES = 3;

/**
 * All domains, with the figures of the groups asked for. A QEMU that hangs holds up the call that asks it first; libvirt
 * goes on waiting for it when that call is given up, and with `--nowait` the next one passes over a domain that somebody
 * waits for: its figures are then only those that libvirt itself knows (seen with libvirt 9.0 and a stopped QEMU).
 * @throws Error when libvirt does not answer for all of them.
 */
export async function readDomains(host: ProbeHost, groups: readonly string[]): Promise<readonly Domain[]> {
  const options = groups.map((group) => `--${group}`).join(" ");
  for (let attempt = 1; ; attempt += 1) {
    try {
      return parseDomains(await virsh(host, [`domstats --raw --nowait ${options}`, LIST]));
    } catch (error) {
      if (!(error instanceof VirshTimeout) || attempt === TRIES || host.signal.aborted) throw error;
    }
  }
}

/** Names and UUIDs of all domains. @throws Error when libvirt does not answer. */
export async function listDomains(host: ProbeHost): Promise<readonly ListedDomain[]> {
  const text = await virsh(host, [LIST]);
  return text.split("\n").flatMap((line) => {
    const [, uuid, name] = LISTED.exec(line) ?? [];
    return uuid === undefined || name === undefined ? [] : [{ name, uuid }];
  });
}

/**
 * A domain that came or went between the two commands is left for the next round.
 * @throws Error when one of the two printed nothing although the other did: it failed.
 */
export function parseDomains(text: string): readonly Domain[] {
  const figures = new OnceMap<DomainFigures>();
  const uuids = new OnceMap<string>();
  let block: Block | undefined;
  for (const line of text.split("\n")) {
    const name = HEADER.exec(line)?.[1];
    const listed = LISTED.exec(line);
    if (name !== undefined || listed !== null || line === "") {
      block?.addTo(figures);
      block = name === undefined ? undefined : new Block(name);
    } else block?.line(line);
    if (listed !== null) uuids.add(listed[2] ?? "", listed[1]);
  }
  block?.addTo(figures);
  if (figures.size === 0 && uuids.size > 0)
    throw new Error("virsh lists domains, but tells nothing of them.");
  if (uuids.size === 0 && figures.size > 0) throw new Error("virsh tells of domains that it does not list.");
  return [...uuids.entries()]
    .filter(([name]) => figures.has(name))
    .flatMap(([name, uuid]) => (uuid === undefined ? [] : [{ name, uuid, figures: figures.get(name) }]));
}

/** A count among the figures; undefined when it is missing or no such number. */
export function count(figures: DomainFigures, key: string): number | undefined {
  const text = figures.get(key);
  if (text === undefined || !/^\d{1,20}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The figures of one domain as its lines come. */
class Block {
  readonly #name: string;
  readonly #figures = new Map<string, string>();
  #sound = true;

  constructor(name: string) {
    this.#name = name;
  }

  line(line: string): void {
    const [, key, value] = FIGURE.exec(line) ?? [];
    if (key === undefined || value === undefined || this.#figures.has(key)) this.#sound = false;
    else this.#figures.set(key, value);
  }

  addTo(all: OnceMap<DomainFigures>): void {
    all.add(this.#name, this.#sound ? this.#figures : undefined);
  }
}

/** What was said of each name; nothing of a name that was spoken of twice. */
class OnceMap<T> {
  readonly #values = new Map<string, T | undefined>();

  get size(): number {
    return this.#values.size;
  }

  add(name: string, value: T | undefined): void {
    this.#values.set(name, this.#values.has(name) ? undefined : value);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  get(name: string): T | undefined {
    return this.#values.get(name);
  }

  entries(): Iterable<[string, T | undefined]> {
    return this.#values.entries();
  }
}
