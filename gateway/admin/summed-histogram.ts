/** A histogram whose sums are handed over when it is scraped: prom-client's own can only be told one value at a time. */

import { Histogram, type Registry } from "prom-client";

export interface HistogramSample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly count: number;
  readonly sum: number;
  /** By bound: how many were up to it and above the bound before; what is beyond the last is only in `count`. */
  readonly buckets: readonly number[];
}

interface Options {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers: Registry[];
  readonly bounds: readonly number[];
  samples(): Promise<readonly HistogramSample[]>;
}

interface Value {
  readonly metricName: string;
  readonly labels: Record<string, string | number>;
  readonly value: number;
}

export class SummedHistogram extends Histogram {
  readonly #options: Options;
  /** Gives the frame of an answer; its own `get` would ask this one again. */
  readonly #frame: Histogram;

  constructor(options: Options) {
    const { name, help, labelNames, registers } = options;
    super({ name, help, labelNames, registers });
    this.#options = options;
    this.#frame = new Histogram({ name, help, labelNames, registers: [] });
  }

  override async get(): ReturnType<Histogram["get"]> {
    const [empty, samples] = await Promise.all([this.#frame.get(), this.#options.samples()]);
    return { ...empty, values: samples.flatMap((sample) => this.#valuesOf(sample)) };
  }

  /** What the text is made of, where prom-client would leave `get` aside. */
  getForPromString(): ReturnType<Histogram["get"]> {
    return this.get();
  }

  #valuesOf({ labels = {}, count, sum, buckets }: HistogramSample): Value[] {
    const { name, bounds } = this.#options;
    let upTo = 0;
    const cumulative = bounds.map((bound, index): Value => {
      upTo += buckets[index] ?? 0;
      return { metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value: upTo };
    });
    return [
      ...cumulative,
      { metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: count },
      { metricName: `${name}_sum`, labels: { ...labels }, value: sum },
      { metricName: `${name}_count`, labels: { ...labels }, value: count },
    ];
  }
}
