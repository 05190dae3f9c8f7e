/** One look at all processes of the machine, shared by all who ask at the same time. */

import { setImmediate as nextTurn } from "node:timers/promises";
import {
  isDead,
  listPids,
  marksOf,
  type ProcessMarks,
  type ProcessStat,
  readStat,
} from "../../../../shared/guests/process-proc.ts";

export type ProcessRow = ProcessStat & ProcessMarks;

/** Three small reads a process take about 65 µs; between pieces of this size others get their turn. */
const PROCESSES_A_TURN = 50;

export class ProcessTable {
  #current: Promise<readonly ProcessRow[]> = Promise.resolve([]);
  #next: Promise<readonly ProcessRow[]> | undefined;

  /** All living processes but this one, as they are after the call: a look already under way is not joined. */
  read(): Promise<readonly ProcessRow[]> {
    this.#next ??= this.#current
      .catch(() => [])
      .then(() => {
        this.#current = this.#look();
        this.#next = undefined;
        return this.#current;
      });
    return this.#next;
  }

  async #look(): Promise<readonly ProcessRow[]> {
    const rows: ProcessRow[] = [];
    for (const [index, pid] of listPids().entries()) {
      if (index % PROCESSES_A_TURN === PROCESSES_A_TURN - 1) await nextTurn();
      const stat = pid === process.pid ? undefined : readStat(pid);
      if (stat !== undefined && !isDead(stat)) rows.push({ ...stat, ...marksOf(pid) });
    }
    return rows;
  }
}
