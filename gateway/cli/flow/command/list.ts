/** `list` and `top`: services or service templates as a table, once or again and again. */

import { epochSeconds } from "../../../../shared/clock.ts";
import { GatehouseError } from "../../../../shared/errors.ts";
import { SERVICE_STATE } from "../../../../shared/states/service.ts";
import { cellsOf, renderCsv, renderTable, selectColumns } from "../../one/table.ts";
import { filterCells, sortCells } from "../../one/table-order.ts";
import { pause } from "../../top/pause.ts";
import { openScreen } from "../../top/screen.ts";
import type { FlowClient } from "../client.ts";
import { wantsColours } from "../context.ts";
import { type FlowDocument, parsePool } from "../document.ts";
import { type FormOptions, formOf, jsonText, poolXml, yamlText } from "../forms.ts";
import { SERVICE } from "../kind.ts";
import { type CommonOptions, type FlowDesk, type SubCommand, subCommand, withClient } from "./desk.ts";

interface TableOptions extends CommonOptions {
  readonly list?: string;
  readonly filter?: string;
  readonly sort?: string;
  readonly header?: boolean;
  readonly done?: boolean;
  readonly delay?: string;
}

interface ListOptions extends TableOptions, FormOptions {
  readonly csv?: boolean;
  readonly csvDel?: string;
  readonly describe?: boolean;
}

/** Seconds (spec oneflow-api.md 7). */
const DEFAULT_DELAY = "4";
const MIN_DELAY_S = 0.2;
const MAX_DELAY_S = 3_600;

export function addList(desk: FlowDesk): void {
  const state = desk.kind === SERVICE ? "STAT" : "REGTIME";
  tableCommand(desk, {
    syntax: "list",
    summary: "list them",
    examples: [
      "list",
      `list -l ID,NAME,${state} --sort NAME`,
      "list --filter 'NAME~web' --csv",
      "list --json",
      "list --delay 2",
    ],
  })
    .option("-d, --delay <seconds>", "list again and again, as top does")
    .option("--csv", "print CSV")
    .option("--csv-del <character>", "what stands between the values of CSV")
    .option("--describe", "print what the columns are")
    .option("-j, --json", "print JSON")
    .option("-y, --yaml", "print YAML")
    .option("-x, --xml", "print XML, as the core keeps it")
    .action((options: ListOptions) => list(desk, options));
}

export function addTop(desk: FlowDesk): void {
  tableCommand(desk, {
    syntax: "top",
    summary: "list them again and again, until q",
    examples: ["top", "top --delay 1 --sort -ID"],
  })
    .option("-d, --delay <seconds>", "time between", DEFAULT_DELAY)
    .action((options: TableOptions) => top(desk, options));
}

function tableCommand(desk: FlowDesk, command: SubCommand) {
  const made = subCommand(desk, command)
    .option("-l, --list <columns>", "columns to show, such as ID,NAME")
    .option("-f, --filter <conditions>", "rows to show: NAME~web,ID>5; operators are = != < <= > >= ~")
    .option("--sort <columns>", "order of the rows; - before a column turns it round")
    .option("--no-header", "print no header");
  return desk.kind === SERVICE ? made.option("-D, --done", "show those too that are DONE") : made;
}

async function list(desk: FlowDesk, options: ListOptions): Promise<void> {
  const { context, kind } = desk;
  if (options.describe)
    return context.out(
      kind.view.columns.map(({ name, summary }) => `${name.padEnd(20)}: ${summary}\n`).join(""),
    );
  if (options.delay !== undefined) return await top(desk, options);
  const form = formOf(options);
  await withClient(desk, options, async (client) => {
    const documents = await read(desk, client, options);
    const sources = documents.map(({ json }) => json);
    if (form === "xml") context.out(poolXml(sources));
    else if (form === undefined) context.out(tableText(desk, options, documents, context.columns));
    // An empty list is no output at all (spec oneflow-api.md 7).
    else if (sources.length > 0) context.out(form === "json" ? jsonText(sources) : await yamlText(sources));
  });
}

async function read(
  { kind }: FlowDesk,
  client: FlowClient,
  { done }: TableOptions,
): Promise<readonly FlowDocument[]> {
  const documents = parsePool((await client.send("GET", kind.path)).text);
  return done ? documents : documents.filter(({ body }) => body.state !== SERVICE_STATE.DONE);
}

function tableText(
  { kind, context }: FlowDesk,
  options: ListOptions,
  documents: readonly FlowDocument[],
  width: number | undefined,
): string {
  const { columns, defaults } = kind.view;
  const { header } = options;
  const shown = selectColumns(columns, options.list?.split(",") ?? defaults);
  const all = cellsOf(columns, documents, epochSeconds(context.clock));
  const filtered = filterCells(columns, all, splitList(options.filter));
  const sorted = sortCells(columns, filtered, splitList(options.sort));
  const order = shown.map((column) => columns.indexOf(column));
  const cells = sorted.map((line) => order.map((at) => line[at] ?? ""));
  if (options.csv) return renderCsv(shown, cells, { header, delimiter: options.csvDel });
  return renderTable(shown, cells, { header, width, colours: wantsColours(context) });
}

function splitList(text: string | undefined): readonly string[] {
  return text === undefined ? [] : text.split(",").filter((part) => part.trim() !== "");
}

/** Redrawn until q or Ctrl-C; printed once where there is no terminal. */
async function top(desk: FlowDesk, options: TableOptions): Promise<void> {
  const { context } = desk;
  const delayMs = delayOf(options.delay ?? DEFAULT_DELAY);
  await withClient(desk, options, async (client) => {
    const first = await read(desk, client, options);
    // A column that does not exist is told before the screen is taken.
    const text = tableText(desk, options, first, context.columns);
    const terminal = context.terminal?.();
    if (terminal === undefined) return context.out(text);
    const screen = openScreen(terminal);
    try {
      let documents = first;
      const draw = (): void => {
        const { columns, rows } = screen.size();
        screen.draw(tableText(desk, options, documents, columns).trimEnd().split("\n").slice(0, rows));
      };
      screen.onResize(draw);
      for (;;) {
        draw();
        const { over, cancel } = pause(context.clock, delayMs);
        const ended = await Promise.race([screen.ended, over]);
        cancel();
        if (ended) return;
        documents = await read(desk, client, options);
      }
    } finally {
      screen.close();
    }
  });
}

function delayOf(text: string): number {
  const seconds = /^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= MIN_DELAY_S && seconds <= MAX_DELAY_S) return seconds * 1_000;
  throw new GatehouseError(
    "bad_request",
    `--delay is "${text}"; it is a number of seconds from ${MIN_DELAY_S} to ${MAX_DELAY_S}.`,
  );
}
