/** `monitoring` of onevm and onehost: what was measured over the last hours. */

import { epochSeconds } from "../../../../shared/clock.ts";
import { GatehouseError } from "../../../../shared/errors.ts";
import { xmlToTree } from "../../../../shared/xml/parse.ts";
import { parseDuration } from "../../duration.ts";
import { printable, timeText } from "../format.ts";
import { resolveId } from "../ids.ts";
import { chartCsv, chartJson, chartText } from "../monitoring/chart.ts";
import { type MetricSeries, seriesOf } from "../monitoring/metric-series.ts";
import { isUtf8Locale } from "../monitoring/sparkline.ts";
import { type CommonOptions, type Desk, subCommand, withClient } from "./desk.ts";

const DEFAULT_LAST = "4h";
/** Down-sampled history is kept for seven days, or as long as it is configured to. */
const MAX_LAST_MS = 366 * 86_400_000;

interface MonitoringOptions extends CommonOptions {
  readonly last: string;
  readonly metric?: string;
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** `examples`: metrics of this kind of object. */
export function addMonitoring(desk: Desk, examples: readonly string[]): void {
  subCommand(desk, "monitoring <id>", "show what was measured over the last hours, a line a metric", [
    "monitoring 0",
    "monitoring web --last 30m",
    `monitoring 0 --last 24h --metric ${examples.join(",")}`,
    "monitoring 0 --csv > readings.csv",
    "monitoring 0 --json",
  ])
    .option("--last <duration>", "how far back: 30m, 6h, 7d", DEFAULT_LAST)
    .option("--metric <names>", "these only, with commas between them")
    .option("-j, --json", "print JSON, all values in it")
    .option("--csv", "print CSV, a line a reading")
    .addHelpText(
      "after",
      "\nMetrics that only grow (bytes, operations) are shown as rates, named with /s.\nBars stand for means, from 0 to the greatest of them; a gap is a time without readings.",
    )
    .action((text: string, options: MonitoringOptions) => show(desk, text, options));
}

async function show(desk: Desk, text: string, options: MonitoringOptions): Promise<void> {
  if (options.json && options.csv)
    throw new GatehouseError("bad_request", "--json and --csv cannot both be given.");
  const seconds = parseDuration(options.last, MAX_LAST_MS) / 1_000;
  if (seconds === 0) throw new GatehouseError("bad_request", "--last must be longer than 0.");
  await withClient(desk, options, async (client) => {
    const { kind, context } = desk;
    const id = await resolveId(client, kind, text);
    const to = epochSeconds(context.clock);
    const stretch = { from: to - seconds, to };
    const xml = await client.text(`${kind.prefix}.monitoring`, id, seconds);
    const { readings, series } = seriesOf(xmlToTree(xml).node);
    const shown = chosen(series, options.metric);
    if (options.json) return context.out(chartJson(id, shown, stretch));
    if (options.csv) return context.out(chartCsv(shown));
    if (shown.length === 0)
      return context.out(`${kind.word} ${id} has no readings of the last ${options.last}.\n`);
    const times = `${timeText(stretch.from)} to ${timeText(stretch.to)}`;
    context.out(
      `${kind.word} ${id}, the last ${options.last}: ${times}, ${readings} ${readings === 1 ? "reading" : "readings"}\n\n`,
    );
    const isUtf8 = isUtf8Locale(context.env);
    context.out(chartText(shown, { ...stretch, columns: context.columns, isUtf8 }));
  });
}

function chosen(series: readonly MetricSeries[], names: string | undefined): readonly MetricSeries[] {
  if (names === undefined || series.length === 0) return series;
  return names.split(",").map((name) => {
    const found = series.find((one) => one.name === name.trim().toUpperCase().replace(/\/S$/, ""));
    if (found !== undefined) return found;
    const known = series.map((one) => printable(one.name)).join(", ");
    throw new GatehouseError("bad_request", `There is no metric ${name}; there are ${known}.`);
  });
}
