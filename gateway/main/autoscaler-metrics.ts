/** The metrics of the auto-scaler under their names; docs/elasticity.md has the table. */

import type { Metrics } from "../admin/metrics.ts";
import type { Autoscaler } from "../oneflow/autoscaler/autoscaler.ts";

export function registerAutoscaler(
  metrics: Metrics,
  autoscaler: Pick<Autoscaler, "counts" | "watched">,
): void {
  const { counts } = autoscaler;
  const labelled = (name: string, help: string, label: string, sums: ReadonlyMap<string, number>): void =>
    metrics.counter({
      name: `gatehouse_autoscaler_${name}`,
      help,
      labelNames: [label],
      read: () => [...sums].map(([value, count]) => ({ labels: { [label]: value }, value: count })),
    });
  labelled("looks_total", "Looks at roles, by what came of them.", "outcome", counts.looks);
  labelled(
    "scalings_total",
    "Scalings that services took from their policies.",
    "direction",
    counts.scalings,
  );
  metrics.counter({
    name: "gatehouse_autoscaler_look_seconds_total",
    help: "Time that looks took.",
    read: () => [{ value: counts.lookSeconds }],
  });
  metrics.gauge({
    name: "gatehouse_autoscaler_roles",
    help: "Roles that may scale by themselves.",
    read: () => [{ value: autoscaler.watched }],
  });
}
