/** What a benchmark is and gives. */

/** One figure, as printed. */
export interface Figure {
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
}

export type Bench = (options: BenchOptions) => AsyncIterable<Figure>;

export interface BenchOptions {
  /** How long each measurement of each round lasts. */
  readonly seconds: number;
  readonly progress: (text: string) => void;
}
