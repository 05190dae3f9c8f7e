/** Metrics that only grow while a VM or host runs: what is of interest is how fast. */

const COUNTERS: ReadonlySet<string> = new Set([
  ...["NETRX", "NETTX", "DISKRDBYTES", "DISKWRBYTES", "DISKRDIOPS", "DISKWRIOPS"],
]);

export function isCounter(metric: string): boolean {
  return COUNTERS.has(metric);
}
