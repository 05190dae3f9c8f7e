/**
 * How much of the house's time all wires together may take, and each of them of that: who has spent its share waits, and what
 * comes in each turn is for those who wait, in equal parts. Who says little never waits.
 */

import type { Clock } from "../../../../shared/clock.ts";

/** One wire's. */
export interface Share {
  /** Notes work of so many µs. False: no more now; `resume` tells when. */
  spend(costUs: number): boolean;
  close(): void;
}

/** Between two turns. */
export const TURN_MS = 10;
/** What all wires together may cost in a turn: a quarter of a processor. */
export const TURN_US = 2_500;
/** What one may spend at once after it was silent. */
export const SAVED_US = 2_500;

interface Member extends Share {
  leftUs: number;
  resume: (() => void) | undefined;
}

export class FairShare {
  readonly #clock: Clock;
  /** Those who have not all they may save. */
  readonly #spenders = new Set<Member>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param resume called each time when it may go on. */
  join(resume: () => void): Share {
    const member: Member = {
      leftUs: SAVED_US,
      resume: undefined,
      spend: (costUs) => {
        member.leftUs -= costUs;
        this.#spenders.add(member);
        this.#cancel ??= this.#clock.after(TURN_MS, () => this.#turn());
        if (member.leftUs <= 0) member.resume = resume;
        return member.leftUs > 0;
      },
      close: () => {
        member.resume = undefined;
        this.#spenders.delete(member);
      },
    };
    return member;
  }

  /** Who needs less than an equal part leaves the rest to the others. */
  #turn(): void {
    this.#cancel = undefined;
    const spenders = [...this.#spenders].sort((left, right) => right.leftUs - left.leftUs);
    let budget = TURN_US;
    for (const [index, member] of spenders.entries()) {
      const part = Math.min(SAVED_US - member.leftUs, budget / (spenders.length - index));
      member.leftUs += part;
      budget -= part;
      if (member.leftUs >= SAVED_US) this.#spenders.delete(member);
    }
    if (this.#spenders.size > 0) this.#cancel = this.#clock.after(TURN_MS, () => this.#turn());
    for (const member of spenders) {
      const { leftUs, resume } = member;
      if (leftUs <= 0 || resume === undefined) continue;
      member.resume = undefined;
      resume();
    }
  }
}
