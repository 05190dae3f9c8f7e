/** `list` and `show`, the same for every kind. */

import type { Command } from "commander";
import { epochSeconds } from "../../../../shared/clock.ts";
import { GatehouseError } from "../../../../shared/errors.ts";
import { xmlToTree } from "../../../../shared/xml/parse.ts";
import type { XmlNode } from "../../../../shared/xml/tree.ts";
import { resolveId } from "../ids.ts";
import { indentXml } from "../indent-xml.ts";
import { USER } from "../kind.ts";
import { type Column, cellsOf, renderCsv, renderTable, selectColumns } from "../table.ts";
import { filterCells, sortCells } from "../table-order.ts";
import type { XmlRpcClient } from "../xmlrpc-client.ts";
import { type CommonOptions, type Desk, subCommand, withClient } from "./desk.ts";

interface FormOptions {
  readonly json?: boolean;
  readonly xml?: boolean;
}

export interface ListOptions extends CommonOptions, FormOptions {
  readonly list?: string;
  readonly filter?: string;
  readonly sort?: string;
  readonly csv?: boolean;
  readonly csvDel?: string;
  readonly header?: boolean;
  readonly describe?: boolean;
}

interface ShowOptions extends CommonOptions, FormOptions {
  readonly all?: boolean;
}

/** Filter flags of pool calls (spec core-xmlrpc.md 1). */
const FILTER = { g: -4, m: -3, a: -2, G: -1 } as const;

function withForms(command: Command): Command {
  return command.option("-j, --json", "print JSON").option("-x, --xml", "print XML, as the core sent it");
}

export function addList(desk: Desk): void {
  const { kind } = desk;
  const hasOwners = kind.poolArguments(FILTER.a).length > 0;
  const owners = hasOwners ? " [filter]" : "";
  const summary = hasOwners
    ? "list them: a all, m mine, g my group's, G mine and my groups', or a user's"
    : "list them";
  const command = subCommand(desk, `list${owners}`, summary, listExamples(desk, hasOwners))
    .option("-l, --list <columns>", "columns to show, such as ID,NAME")
    .option("-f, --filter <conditions>", "rows to show: NAME~web,ID>5; operators are = != < <= > >= ~")
    .option("--sort <columns>", "order of the rows; - before a column turns it round")
    .option("--csv", "print CSV")
    .option("--csv-del <character>", "what stands between the values of CSV")
    .option("--no-header", "print no header")
    .option("--describe", "print what the columns are");
  const run = (filter: string | undefined, options: ListOptions) => list(desk, filter, options);
  withForms(command).action(hasOwners ? run : (options: ListOptions) => run(undefined, options));
}

function listExamples(desk: Desk, hasOwners: boolean): readonly string[] {
  const [first = "ID", ...more] = desk.kind.view.defaults.filter((name) =>
    ["ID", "NAME", "STAT"].includes(name),
  );
  const columns = [first, ...more].join(",");
  return [
    "list",
    ...(hasOwners ? ["list m"] : []),
    `list -l ${columns} --sort NAME`,
    "list --filter 'NAME~web' --csv",
    "list --json",
  ];
}

async function list(desk: Desk, filter: string | undefined, options: ListOptions): Promise<void> {
  const { view } = desk.kind;
  if (options.describe) return desk.context.out(describe(view.columns));
  const shown = selectColumns(view.columns, options.list?.split(",") ?? view.defaults);
  await withClient(desk, options, async (client) => {
    const flag = await filterFlag(client, filter);
    const xml = await client.text(desk.kind.poolMethod, ...desk.kind.poolArguments(flag));
    if (!printForm(desk, options, xml)) desk.context.out(tableText(desk, options, shown, xml));
  });
}

function tableText(desk: Desk, options: ListOptions, shown: readonly Column[], xml: string): string {
  const { columns, rows } = desk.kind.view;
  const all = cellsOf(columns, rows(xmlToTree(xml).node), epochSeconds(desk.context.clock));
  const filtered = filterCells(columns, all, splitList(options.filter));
  const sorted = sortCells(columns, filtered, splitList(options.sort));
  const order = shown.map((column) => columns.indexOf(column));
  const cells = sorted.map((line) => order.map((at) => line[at] ?? ""));
  const { header } = options;
  if (options.csv) return renderCsv(shown, cells, { header, delimiter: options.csvDel });
  return renderTable(shown, cells, { header, width: desk.context.columns });
}

function splitList(text: string | undefined): readonly string[] {
  return text === undefined ? [] : text.split(",").filter((part) => part.trim() !== "");
}

function describe(columns: readonly Column[]): string {
  return columns.map(({ name, summary }) => `${name.padEnd(20)}: ${summary}\n`).join("");
}

async function filterFlag(client: XmlRpcClient, filter: string | undefined): Promise<number> {
  if (filter === undefined) return FILTER.a;
  if (Object.hasOwn(FILTER, filter)) return FILTER[filter as keyof typeof FILTER];
  return await resolveId(client, USER, filter);
}

/** `more` adds blocks that need further calls. */
export function addShow(desk: Desk, more?: (client: XmlRpcClient, node: XmlNode) => Promise<string>): void {
  const command = subCommand(desk, "show <id>", `show ${desk.kind.noun}, by id or name`, [
    "show 0",
    "show web",
    "show 0 --json",
  ]).option("--all", "show all attributes of the template");
  withForms(command).action(async (text: string, options: ShowOptions) => {
    await withClient(desk, options, async (client) => {
      const { prefix, infoArguments, view } = desk.kind;
      const id = await resolveId(client, desk.kind, text);
      const xml = await client.text(`${prefix}.info`, id, ...infoArguments);
      if (printForm(desk, options, xml)) return;
      const { node } = xmlToTree(xml);
      const page = view.page(node, { now: epochSeconds(desk.context.clock), all: options.all === true });
      desk.context.out(`${page}${more === undefined ? "" : await more(client, node)}`);
    });
  });
}

/** True when the document was printed as it is. */
export function printForm(desk: Desk, options: FormOptions, xml: string): boolean {
  if (options.json && options.xml)
    throw new GatehouseError("bad_request", "--json and --xml cannot both be given.");
  if (options.xml) desk.context.out(indentXml(xml));
  if (options.json) {
    const { name, node } = xmlToTree(xml);
    desk.context.out(`${JSON.stringify({ [name]: node }, undefined, 2)}\n`);
  }
  return options.json === true || options.xml === true;
}
