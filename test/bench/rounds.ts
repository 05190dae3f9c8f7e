/** Interleaved rounds of measurements, and the ratios within them. */

import { readFileSync } from "node:fs";
import type { BenchOptions, Figure } from "./figures.ts";
import { type Load, measure } from "./load.ts";

export const ROUNDS = 5;

export interface Measured {
  readonly name: string;
  readonly load: Load;
  /** The process that answers, to know its processor time. */
  readonly pid?: number | undefined;
}

/** Of one measurement. */
interface Taken {
  /** Requests a second. */
  readonly rate: number;
  /** Processor time of a request; NaN where no process was named. */
  readonly cpuUs: number;
}

/** What the rounds gave, by name; all lists are of one length. */
export class Rounds {
  readonly #taken: ReadonlyMap<string, readonly Taken[]>;

  constructor(taken: ReadonlyMap<string, readonly Taken[]>) {
    this.#taken = taken;
  }

  /** The median of the ratios within each round: what slows the machine for a while slows both. */
  ratio(figure: string, name: string, base: string): Figure {
    const bases = this.#of(base);
    const value = median(this.#of(name).map(({ rate }, round) => rate / (bases[round]?.rate ?? Number.NaN)));
    return { figure, value: Math.round(value * 1000) / 1000, unit: "ratio" };
  }

  *figures(): Iterable<Figure> {
    for (const [figure, taken] of this.#taken)
      yield { figure, value: Math.round(median(taken.map(({ rate }) => rate))), unit: "requests/s" };
  }

  /** Processor time of a request: what holds on a machine that others use, too. */
  cpu(figure: string, name: string): Figure {
    const value = median(this.#of(name).map(({ cpuUs }) => cpuUs));
    return { figure, value: Math.round(value * 10) / 10, unit: "us" };
  }

  #of(name: string): readonly Taken[] {
    return this.#taken.get(name) ?? [];
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Interleaved, so that whatever else the machine does falls on all alike. */
export async function rounds(options: BenchOptions, measured: readonly Measured[]): Promise<Rounds> {
  for (const { load } of measured) await measure({ ...load, seconds: 1 });
  const taken = new Map<string, Taken[]>(measured.map(({ name }) => [name, []]));
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const one of measured) taken.get(one.name)?.push(await take(one));
    const latest = [...taken].map(([name, all]) => `${name} ${all.at(-1)?.rate.toFixed(0)}/s`);
    options.progress(`round ${round} of ${ROUNDS}: ${latest.join(", ")}`);
  }
  return new Rounds(taken);
}

async function take({ load, pid }: Measured): Promise<Taken> {
  const before = cpuSecondsOf(pid);
  const rate = await measure(load);
  return { rate, cpuUs: ((cpuSecondsOf(pid) - before) / (rate * load.seconds)) * 1e6 };
}

/** Linux counts in hundredths of a second, whatever its own clock is. */
const TICKS_PER_SECOND = 100;

/** User and system time of a process so far. */
export function cpuSecondsOf(pid: number | undefined): number {
  if (pid === undefined) return Number.NaN;
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // Behind the name, which may hold anything: state is field 3, utime 14 and stime 15 (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
