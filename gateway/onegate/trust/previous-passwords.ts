/** TOKEN_PASSWORDs that were rotated away and still count until the end of their grace. */

import { hash } from "node:crypto";
import type { Clock } from "../../../shared/clock.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import { stringOf } from "../../../shared/template/types.ts";
import type { User } from "../../cloud/model.ts";
import { defineKind, type Versioned } from "../../store/kind.ts";
import type { Registry } from "../../store/registry.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { ReadonlyCollection } from "../../store/view.ts";
import { Deadline } from "./deadline.ts";

export interface PreviousPassword extends Versioned {
  readonly uid: number;
  readonly password: string;
  /** Of `password`. */
  readonly print: string;
  /** Prints of those that took its place, one after another, by rotation. */
  readonly successors: readonly string[];
  /** ms since the epoch. */
  readonly rotatedAt: number;
  readonly until: number;
}

export const PREVIOUS_PASSWORDS = defineKind({
  name: "gate_previous_password",
  keyOf: ({ uid, print }: PreviousPassword) => keyOf(uid, print),
  indexes: { user: ({ uid }) => uid },
});

/** Each of them may have to be tried against a token. */
const MAX_IN_GRACE = 16;

export class PreviousPasswords {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #known: ReadonlyCollection<PreviousPassword, string, "user">;
  readonly #prints = new WeakMap<User, string>();
  readonly #deadlines = new WeakMap<PreviousPassword, Deadline>();

  constructor(registry: Registry, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
    this.#known = registry.collection(PREVIOUS_PASSWORDS);
    this.#note();
  }

  /** What stands for the user's current password where the password itself has no business. */
  printOf(user: User): string {
    const known = this.#prints.get(user);
    if (known !== undefined) return known;
    const print = printOf(stringOf(user.template, "TOKEN_PASSWORD") ?? "");
    this.#prints.set(user, print);
    return print;
  }

  /**
   * Those of the user that count beside the current one, which must have come by rotation: a TOKEN_PASSWORD that somebody
   * sets by hand ends every token at once, as it always did (spec onegate-api.md 2).
   */
  of(user: User): readonly PreviousPassword[] {
    if (this.#known.size === 0) return [];
    const current = this.printOf(user);
    return this.#known
      .by("user", user.id)
      .filter((entry) => entry.successors.includes(current) && !this.#deadlineOf(entry).isOver());
  }

  /** All whose grace has not ended, the latest first. */
  list(): readonly PreviousPassword[] {
    const all = [...this.#known.values()];
    return all
      .filter((entry) => !this.#deadlineOf(entry).isOver())
      .sort((one, other) => other.rotatedAt - one.rotatedAt);
  }

  /**
   * Lets `password` count for `graceMs` after `next` has taken its place; durable when it resolves.
   * @throws GatehouseError `conflict` when too many of the user count already.
   */
  async keep(uid: number, password: string, next: string, graceMs: number): Promise<void> {
    const rotatedAt = this.#clock.now();
    const until = rotatedAt + graceMs;
    const print = printOf(password);
    const successor = printOf(next);
    await this.#registry.transact((tx) => {
      this.#forgetEnded(tx);
      tx.delete(PREVIOUS_PASSWORDS, keyOf(uid, print));
      const own = tx.by(PREVIOUS_PASSWORDS, "user", uid);
      const counting = own.filter(({ successors }) => successors.includes(print));
      if (counting.length >= MAX_IN_GRACE) throw tooMany(uid);
      // Added, not put in place of: until `next` is the current one, they count beside `password`.
      for (const entry of counting) {
        const successors = [...entry.successors, successor];
        this.#deadlines.set(tx.put(PREVIOUS_PASSWORDS, { ...entry, successors }), this.#deadlineOf(entry));
      }
      tx.insertWithId(PREVIOUS_PASSWORDS, {
        uid,
        password,
        print,
        successors: [successor],
        rotatedAt,
        until,
      });
    });
    this.#note();
  }

  /** None of the user's counts any more. */
  async drop(uid: number): Promise<void> {
    await this.#registry.transact((tx) => {
      this.#forgetEnded(tx);
      for (const { print } of tx.by(PREVIOUS_PASSWORDS, "user", uid)) {
        tx.delete(PREVIOUS_PASSWORDS, keyOf(uid, print));
      }
    });
  }

  /** What has ended leaves the store: it is a secret that nobody needs. */
  async forgetEnded(): Promise<void> {
    await this.#registry.transact((tx) => this.#forgetEnded(tx));
  }

  #forgetEnded(tx: Transaction): void {
    for (const entry of [...tx.values(PREVIOUS_PASSWORDS)]) {
      if (this.#deadlineOf(entry).isOver()) tx.delete(PREVIOUS_PASSWORDS, keyOf(entry.uid, entry.print));
    }
  }

  /** A deadline counts real time from when it is first seen, so it is seen at once. */
  #note(): void {
    for (const entry of this.#known.values()) this.#deadlineOf(entry);
  }

  #deadlineOf(entry: PreviousPassword): Deadline {
    const known = this.#deadlines.get(entry);
    if (known !== undefined) return known;
    const deadline = new Deadline(this.#clock, entry.until);
    this.#deadlines.set(entry, deadline);
    return deadline;
  }
}

function keyOf(uid: number, print: string): string {
  return `${uid}/${print}`;
}

/** 128 bits of SHA-256: passwords are compared by it, and it tells nothing of them. */
export function printOf(password: string): string {
  return hash("sha256", password, "hex").slice(0, 32);
}

function tooMany(uid: number): GatehouseError {
  return new GatehouseError(
    "conflict",
    `User ${uid} has ${MAX_IN_GRACE} passwords in grace already; wait for one to end, or rotate with no grace.`,
  );
}
