/**
 * What is known of one kind of objects: the newest snapshot of each, the same one while nothing changed. Reads are put
 * into order by when they began and ended, so that none that is older goes over one that is newer.
 */

import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../../shared/clock.ts";
import type { Unversioned } from "../document/fields.ts";
import type { Base } from "../model.ts";
import type { Told } from "./kinds.ts";

/** Snapshots kept while nobody listens; the oldest go. Who listens is told of all there are, so all are kept then. */
const MAX_KEPT = 20_000;
/** Of what has ended: when it was found gone, and snapshots of VMs. */
const MAX_ENDED = 10_000;
const MAX_OVER = 1_000;

/** What a look brought. */
export interface Change<T> {
  readonly id: number;
  /** Undefined: there is none any more. */
  readonly now: T | undefined;
  /** What was told last; undefined: it is new. */
  readonly previous: T | undefined;
  /** Only what stands beside the object changed. */
  readonly onlyBeside: boolean;
}

interface Entry<T> {
  object: T;
  beside: string | undefined;
  /** The object as it was told last, or seen when listening began. */
  told: T;
  /** When a read that brought it, or found it unchanged, began; in ms of the clock. */
  seenAt: number;
  /** The number of the moment when the last read that was let over it had ended. */
  settled: number;
}

/** A read that is under way. */
export interface Look {
  readonly began: number;
  readonly at: number;
}

/** Moments and versions, of all kinds together. */
export class Order {
  #moment = 0;
  #version: number;

  /** Versions go on from where no earlier process of the house can have been. */
  constructor(clock: Clock) {
    this.#version = clock.now();
  }

  next(): number {
    this.#moment += 1;
    return this.#moment;
  }

  version(): number {
    this.#version += 1;
    return this.#version;
  }
}

export interface SightOptions<T extends Base> {
  readonly order: Order;
  readonly clock: Clock;
  readonly cacheMs: number;
  /** What of a snapshot stays when the new one was read from a pool, which tells less. */
  readonly keep?: (next: Unversioned<T>, last: T) => Unversioned<T>;
  /** False: the two differ only in what nobody is told of. */
  readonly isNews?: (next: T, last: T) => boolean;
  /** True of what nobody follows unless it was followed before: a VM that has ended. */
  readonly isOver?: (object: Unversioned<T>) => boolean;
}

export class Sight<T extends Base> {
  readonly #options: SightOptions<T>;
  readonly #entries = new Map<number, Entry<T>>();
  readonly #tell: (change: Change<T>) => void;
  /** By id, the number of the moment from which on there was none. */
  readonly #ended = new Map<number, number>();
  readonly #over = new Set<number>();
  #listening = false;
  #following = false;
  #highest = -1;

  constructor(options: SightOptions<T>, tell: (change: Change<T>) => void = () => {}) {
    this.#options = options;
    this.#tell = tell;
  }

  look(): Look {
    return { began: this.#options.order.next(), at: this.#options.clock.elapsed() };
  }

  /** Changes of what is known are told from now on, or no more. */
  listen(isListening: boolean): void {
    this.#listening = isListening;
    this.#following = false;
    for (const entry of this.#entries.values()) entry.told = entry.object;
  }

  /** All there is has been seen: what is not known is new from now on, and what became of the known is told. */
  follow(): void {
    this.#following = this.#listening;
    if (!this.#following) return;
    for (const entry of [...this.#entries.values()]) this.#tellChange(entry, false);
  }

  /** What `peek` may give: undefined for what was not seen for too long. */
  peek(id: number): T | undefined {
    const { cacheMs, clock } = this.#options;
    const entry = cacheMs > 0 ? this.#entries.get(id) : undefined;
    return entry !== undefined && clock.elapsed() - entry.seenAt < cacheMs ? entry.object : undefined;
  }

  /** The newest that is known, however old. */
  known(id: number): T | undefined {
    return this.#entries.get(id)?.object;
  }

  /** Of what has not ended. */
  ids(): readonly number[] {
    return [...this.#entries.keys()].filter((id) => !this.#over.has(id));
  }

  /** The highest id that was ever seen; -1 when none was. */
  highest(): number {
    return this.#highest;
  }

  /** A look found it as it was. */
  confirm(look: Look, id: number): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined && this.isNewer(look, id)) entry.seenAt = look.at;
  }

  /** Of a look that began then, does it say anything about this object? */
  isNewer(look: Look, id: number): boolean {
    return look.began > (this.#entries.get(id)?.settled ?? 0);
  }

  /**
   * Takes what a look brought, and gives the snapshot that stands for it. `isTaken` is false when another read was let
   * in between, so that nobody can say which of them is newer.
   */
  take(told: Told<T>, look: Look, from: "info" | "pool"): { readonly object: T; readonly isTaken: boolean } {
    const { id } = told.object;
    this.#highest = Math.max(this.#highest, id);
    const entry = this.#entries.get(id);
    const { order, keep } = this.#options;
    const next =
      from === "pool" && entry !== undefined && keep ? keep(told.object, entry.object) : told.object;
    if (entry === undefined) return this.#add(next, told.beside, look);
    const isSame = sameContent(next, entry.object);
    if (!this.isNewer(look, id)) {
      // That it was the same is worth knowing, whichever came first.
      return { object: isSame ? entry.object : versioned<T>(next, order.version()), isTaken: false };
    }
    const besideChanged = told.beside !== entry.beside;
    entry.seenAt = look.at;
    entry.settled = order.next();
    entry.beside = told.beside;
    if (!isSame) entry.object = versioned<T>(next, order.version());
    this.#noteEnd(entry.object);
    if (this.#following || (this.#listening && from === "info")) this.#tellChange(entry, besideChanged);
    return { object: entry.object, isTaken: true };
  }

  /** It is no more, as a look, or whoever ended it, found. */
  gone(id: number): void {
    const entry = this.#entries.get(id);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size >= MAX_ENDED && oldest !== undefined) this.#ended.delete(oldest);
    this.#ended.set(id, this.#options.order.next());
    if (entry === undefined) return;
    this.#drop(id);
    if (this.#listening) this.#tell({ id, now: undefined, previous: entry.told, onlyBeside: false });
  }

  /** Nothing is said about it until it is read again: a write may have changed it. Nobody is told. */
  doubt(id: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.seenAt = Number.NEGATIVE_INFINITY;
    entry.settled = this.#options.order.next();
  }

  #add(next: Unversioned<T>, beside: string | undefined, look: Look): { object: T; isTaken: boolean } {
    const { order, isOver } = this.#options;
    const object = versioned<T>(next, order.version());
    const { id } = object;
    // Whoever looked before it was gone brings it once more.
    const isGone = look.began <= (this.#ended.get(id) ?? 0);
    if (isGone || isOver?.(object)) return { object, isTaken: true };
    if (!this.#listening && this.#entries.size >= MAX_KEPT) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#drop(oldest);
    }
    this.#entries.set(id, { object, beside, told: object, seenAt: look.at, settled: order.next() });
    if (this.#following) this.#tell({ id, now: object, previous: undefined, onlyBeside: false });
    return { object, isTaken: true };
  }

  /** Who followed it may still ask for it; after a while it goes. */
  #noteEnd(object: T): void {
    if (!this.#options.isOver?.(object)) return;
    this.#over.add(object.id);
    const [oldest] = this.#over;
    if (this.#over.size > MAX_OVER && oldest !== undefined) this.#drop(oldest);
  }

  #drop(id: number): void {
    this.#entries.delete(id);
    this.#over.delete(id);
  }

  #tellChange(entry: Entry<T>, besideChanged: boolean): void {
    const { object, told } = entry;
    const { isNews } = this.#options;
    const isNew = object !== told && (isNews === undefined || isNews(object, told));
    if (!isNew && !besideChanged) return;
    if (isNew) entry.told = object;
    this.#tell({ id: object.id, now: object, previous: told, onlyBeside: !isNew });
  }
}

function sameContent<T extends Base>(next: Unversioned<T>, last: T): boolean {
  const { version: _, ...content } = last;
  return isDeepStrictEqual(next, content);
}

function versioned<T extends Base>(object: Unversioned<T>, version: number): T {
  // An object without its version, with one, is the object.
  return { ...object, version } as unknown as T;
}
