/** Finds files that import each other in a circle. */

export interface Edge {
  readonly from: string;
  readonly to: string;
  /** Where `from` names `to`. */
  readonly line: number;
}

/** One sentence a cycle found by a depth-first walk: each edge back into the path under way closes one. */
export function cyclesIn(edges: readonly Edge[]): readonly string[] {
  const out = Map.groupBy(edges, (edge) => edge.from);
  const done = new Set<string>();
  const path: Edge[] = [];
  const cycles: string[] = [];

  const walk = (file: string): void => {
    done.add(file);
    for (const edge of out.get(file) ?? []) {
      const start = path.findIndex((earlier) => earlier.from === edge.to);
      if (start >= 0 || edge.to === file)
        cycles.push(sentence([...path.slice(start < 0 ? path.length : start), edge]));
      else if (!done.has(edge.to)) {
        path.push(edge);
        walk(edge.to);
        path.pop();
      }
    }
  };
  for (const file of out.keys()) if (!done.has(file)) walk(file);
  return cycles;
}

function sentence(cycle: readonly Edge[]): string {
  const [first] = cycle;
  const names = [...cycle.map((edge) => edge.from), first?.from ?? ""];
  return `${first?.from}:${first?.line}: import cycle: ${names.join(" -> ")}`;
}
