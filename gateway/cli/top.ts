/** `gatehouse top`: what the house does now, redrawn each second on a terminal, or printed once. */

import { Command } from "commander";
import type { Clock } from "../../shared/clock.ts";
import { GatehouseError } from "../../shared/errors.ts";
import { type LiveHouse, liveHouse, type TopSample } from "../main/live-house.ts";
import { type CommonOptions, loadFor, withCommonOptions } from "./common-options.ts";
import type { CliContext } from "./context.ts";
import { pageLines } from "./top/page.ts";
import { pause } from "./top/pause.ts";
import { type Reading, readingOf } from "./top/reading.ts";
import { openScreen, type Screen } from "./top/screen.ts";

interface TopOptions extends CommonOptions {
  readonly interval: string;
  readonly once?: boolean;
  readonly json?: boolean;
}

const MIN_INTERVAL_S = 0.1;
const MAX_INTERVAL_S = 3_600;
/** Where nobody looks at the lines one by one. */
const PRINTED_WIDTH = 100;
const PRINTED_HEIGHT = 60;

export function topCommand(context: CliContext): Command {
  return withCommonOptions(new Command("top"))
    .description("show what the house does now: requests, slowest routes, noisiest VMs; q ends it")
    .option("--interval <seconds>", "how often it is redrawn, and over which time it measures", "1")
    .option("--once", "print once and end, as without a terminal")
    .option("--json", "print once as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  gatehouse top\n  gatehouse top --interval 5\n  gatehouse top --once --json | jq .requestsPerSecond",
    )
    .action((options: TopOptions) => top(context, options));
}

async function top(context: CliContext, options: TopOptions): Promise<void> {
  const intervalMs = intervalOf(options.interval);
  const house = await liveHouse(loadFor(context, options).config);
  const first = await house.top();
  const terminal = options.once || options.json ? undefined : context.terminal?.();
  if (terminal === undefined) {
    await pause(context.clock, intervalMs).over;
    const reading = readingOf(first, await house.top());
    context.out(options.json ? `${JSON.stringify(reading)}\n` : printed(reading));
    return;
  }
  await live({ screen: openScreen(terminal), clock: context.clock, house, first, intervalMs });
}

interface Live {
  readonly screen: Screen;
  readonly clock: Clock;
  readonly house: LiveHouse;
  readonly first: TopSample;
  readonly intervalMs: number;
}

/** Until q, Ctrl-C or the house's end. */
async function live({ screen, clock, house, first, intervalMs }: Live): Promise<void> {
  try {
    let before = first;
    let reading: Reading | undefined;
    const draw = (): void => {
      if (reading !== undefined) screen.draw(pageLines(reading, screen.size()));
    };
    screen.onResize(draw);
    for (;;) {
      const { over, cancel } = pause(clock, intervalMs);
      const ended = await Promise.race([screen.ended, over]);
      cancel();
      if (ended) return;
      const sample = await house.top();
      reading = readingOf(before, sample);
      before = sample;
      draw();
    }
  } finally {
    screen.close();
  }
}

function printed(reading: Reading): string {
  return `${pageLines(reading, { columns: PRINTED_WIDTH, rows: PRINTED_HEIGHT }).join("\n")}\n`;
}

function intervalOf(text: string): number {
  const seconds = /^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= MIN_INTERVAL_S && seconds <= MAX_INTERVAL_S) return seconds * 1_000;
  throw new GatehouseError(
    "bad_request",
    `The interval "${text}" is no number of seconds from ${MIN_INTERVAL_S} to ${MAX_INTERVAL_S}.`,
  );
}
