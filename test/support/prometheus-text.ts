/** A strict reader of Prometheus' text format 0.0.4: what it takes, every scraper takes. */

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly series: readonly Series[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
/** Prometheus reads NaN in any case, and prom-client writes "Nan". */
const LINE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? ([Nn]a[Nn]|[+-]Inf|[+-]?[0-9.]+(?:e[+-]?[0-9]+)?)$`);

/** @throws Error for whatever is not in order: an unknown type, a series twice, a histogram that does not add up. */
export function parseExposition(text: string): ReadonlyMap<string, MetricFamily> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = new Map<string, MetricFamily & { series: Series[] }>();
  let current: (MetricFamily & { series: Series[] }) | undefined;
  let help: readonly [string, string] | undefined;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const comment = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line);
    if (comment?.[1] === "HELP") help = [comment[2] ?? "", comment[3] ?? ""];
    else if (comment?.[1] === "TYPE") {
      const [, , name = "", type = ""] = comment;
      if (families.has(name) || help?.[0] !== name) throw new Error(`${name} twice, or without help`);
      if (!["counter", "gauge", "histogram", "summary"].includes(type)) throw new Error(line);
      current = { name, type, help: help[1], series: [] };
      families.set(name, current);
    } else {
      const series = seriesOf(line);
      if (current === undefined || !belongs(series.name, current)) throw new Error(`homeless: ${line}`);
      if (current.series.some((other) => keyOf(other) === keyOf(series))) throw new Error(`twice: ${line}`);
      current.series.push(series);
    }
  }
  for (const family of families.values()) if (family.type === "histogram") checkHistogram(family);
  return families;
}

/** The value of the one series that has these labels among its own. */
export function seriesValue(
  families: ReadonlyMap<string, MetricFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ""));
  const found = family?.series.filter(
    (series) =>
      series.name === name &&
      Object.entries(labels).every(([label, value]) => series.labels[label] === value),
  );
  if (found !== undefined && found.length > 1) throw new Error(`${name}: ${found.length} series`);
  return found?.[0]?.value;
}

function seriesOf(line: string): Series {
  const [, name = "", labelText = "", value = ""] = LINE.exec(line) ?? [];
  if (name === "") throw new Error(`no series: ${line}`);
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < labelText.length) {
    const match = LABEL.exec(labelText);
    if (match === null || Object.hasOwn(labels, match[1] ?? "")) throw new Error(`no labels: ${line}`);
    labels[match[1] ?? ""] = (match[2] ?? "").replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
  }
  return { name, labels, value: value.endsWith("Inf") ? Number(`${value}inity`) : Number(value) };
}

function belongs(name: string, { name: family, type }: MetricFamily): boolean {
  if (type !== "histogram") return name === family;
  return ["_bucket", "_sum", "_count"].some((suffix) => name === family + suffix);
}

function keyOf({ name, labels }: Series): string {
  return JSON.stringify([name, Object.entries(labels).sort()]);
}

/** Buckets ascend and never fall, and the last of them is the count. */
function checkHistogram({ name, series }: MetricFamily): void {
  const groups = Map.groupBy(series, ({ labels: { le: _, ...others } }) => JSON.stringify(others));
  for (const group of groups.values()) {
    const buckets = group.filter((one) => one.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => (labels.le === "+Inf" ? Infinity : Number(labels.le)));
    const ascending = (values: readonly number[]) =>
      values.every((value, index) => index === 0 || value >= (values[index - 1] ?? 0));
    const count = group.find((one) => one.name === `${name}_count`)?.value;
    if (!ascending(bounds) || !ascending(buckets.map(({ value }) => value))) throw new Error(`${name} falls`);
    if (bounds.at(-1) !== Infinity || buckets.at(-1)?.value !== count)
      throw new Error(`${name} does not add up`);
    if (!group.some((one) => one.name === `${name}_sum`)) throw new Error(`${name} has no sum`);
  }
}
