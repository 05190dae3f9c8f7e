/** Who is due when: a binary heap with each key once, so that a key that moves takes no room twice. */

interface Entry {
  readonly key: number;
  readonly time: number;
}

export class DueTimes {
  readonly #heap: Entry[] = [];
  readonly #places = new Map<number, number>();

  get size(): number {
    return this.#heap.length;
  }

  has(key: number): boolean {
    return this.#places.has(key);
  }

  /** The earliest time; undefined when nobody waits. */
  first(): number | undefined {
    return this.#heap[0]?.time;
  }

  /** Sets the time of a key, whether or not it has one. */
  set(key: number, time: number): void {
    const place = this.#places.get(key) ?? this.#heap.length;
    this.#put(place, { key, time });
    this.#settle(place);
  }

  delete(key: number): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    const last = this.#heap.pop();
    if (last === undefined || place === this.#heap.length) return;
    this.#put(place, last);
    this.#settle(place);
  }

  /** Takes out at most `most` keys whose time has come, the earliest first. */
  takeDue(now: number, most: number): readonly number[] {
    const taken: number[] = [];
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.time > now || taken.length === most) break;
      this.delete(first.key);
      taken.push(first.key);
    }
    return taken;
  }

  #put(place: number, entry: Entry): void {
    this.#heap[place] = entry;
    this.#places.set(entry.key, place);
  }

  /** Up, or down, to where it belongs. */
  #settle(place: number): void {
    let here = place;
    for (;;) {
      const next = this.#isBefore(here, parentOf(here)) ? parentOf(here) : this.#smallerChild(here);
      if (next === undefined) return;
      this.#swap(here, next);
      here = next;
    }
  }

  /** The child that should be above; undefined when none should. */
  #smallerChild(place: number): number | undefined {
    const left = 2 * place + 1;
    const smaller = this.#isBefore(left + 1, left) ? left + 1 : left;
    return this.#isBefore(smaller, place) ? smaller : undefined;
  }

  #isBefore(place: number, other: number): boolean {
    const [one, two] = [this.#heap[place], this.#heap[other]];
    return one !== undefined && two !== undefined && one.time < two.time;
  }

  #swap(place: number, other: number): void {
    const [one, two] = [this.#heap[place], this.#heap[other]];
    if (one === undefined || two === undefined) return;
    this.#put(place, two);
    this.#put(other, one);
  }
}

/** -1 for the root: nothing is there. */
function parentOf(place: number): number {
  return place === 0 ? -1 : (place - 1) >> 1;
}
