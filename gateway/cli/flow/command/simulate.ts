/** `oneflow simulate`: how a service would have scaled with recorded metrics, under a virtual clock. */

import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { errorText, GatehouseError } from "../../../../shared/errors.ts";
import { parseMetricsCsv } from "../../../oneflow/elasticity/metrics-csv.ts";
import { simulate } from "../../../oneflow/elasticity/simulate.ts";
import { createPolicyTexts } from "../../../oneflow/elasticity/texts.ts";
import type { FlowContext } from "../context.ts";
import { jsonText } from "../forms.ts";
import { isObject, type JsonObject, readObject } from "../json-input.ts";
import { simulatedRoles } from "../simulated-roles.ts";
import { scalingsOf, simulationPage } from "../view/simulation-page.ts";
import {
  type CommonOptions,
  type FlowDesk,
  getDocument,
  resolveFlowId,
  subCommand,
  withClient,
} from "./desk.ts";

/** As the auto-scaler has it where nothing else is configured. */
const DEFAULT_INTERVAL_S = 90;
const DEFAULT_COOLDOWN_S = 300;
const DEFAULT_LAST = "24h";
const MAX_CSV_BYTES = 256 * 1024 * 1024;

interface SimulateOptions extends CommonOptions {
  readonly metrics?: string;
  readonly fromService?: string;
  readonly last?: string;
  readonly role?: string;
  readonly interval?: string;
  readonly cooldown?: string;
  readonly timeZone?: string;
  readonly json?: boolean;
}

export function addSimulate(desk: FlowDesk): void {
  withOptions(
    subCommand(desk, {
      syntax: "simulate [file]",
      summary: "replay recorded metrics, and tell how the roles of a template would have scaled",
      examples: [
        "simulate web.json --metrics monday.csv",
        "simulate web.json --from-service 5 --last 12h --role worker",
        "simulate --from-service 5",
      ],
    }),
  ).action((file: string | undefined, options: SimulateOptions) => run(desk, file, options));
}

function withOptions(command: Command): Command {
  return command
    .option(
      "--metrics <file>",
      "a table with the columns time, role, vm and the metrics (docs/elasticity.md)",
    )
    .option(
      "--from-service <id>",
      "take what was measured of this service's VMs; without a file its policies too",
    )
    .option("--last <time>", `how far back, with --from-service (${DEFAULT_LAST})`)
    .option("--role <name>", "of this role alone")
    .option("--interval <seconds>", `time between two looks (${DEFAULT_INTERVAL_S})`)
    .option("--cooldown <seconds>", `where neither policy nor role say (${DEFAULT_COOLDOWN_S})`)
    .option("--time-zone <name>", "in which times and recurrences are read (that of this machine)")
    .option("-j, --json", "print JSON");
}

async function run(desk: FlowDesk, file: string | undefined, options: SimulateOptions): Promise<void> {
  const { context } = desk;
  const { template, csv } = await inputOf(desk, file, options);
  const roles = simulatedRoles(template, options.role);
  const simulation = simulate(roles, parseMetricsCsv(csv, options.timeZone), {
    texts: createPolicyTexts(options.timeZone),
    interval: secondsOf(options.interval, "--interval", 1) ?? DEFAULT_INTERVAL_S,
    defaultCooldown: secondsOf(options.cooldown, "--cooldown", 0) ?? DEFAULT_COOLDOWN_S,
  });
  if (options.json) {
    const { steps, roles: cardinalities } = simulation;
    context.out(
      jsonText({ looks: steps.length, scalings: scalingsOf(simulation, roles), roles: cardinalities }),
    );
  } else context.out(simulationPage(simulation, roles, context.columns));
}

async function inputOf(
  desk: FlowDesk,
  file: string | undefined,
  options: SimulateOptions,
): Promise<{ readonly template: JsonObject; readonly csv: string }> {
  const { metrics, fromService, last } = options;
  if ((metrics === undefined) === (fromService === undefined))
    throw new GatehouseError(
      "bad_request",
      "Either --metrics or --from-service must be given: what is to be replayed.",
    );
  if (fromService === undefined) {
    if (last !== undefined)
      throw new GatehouseError("bad_request", "--last is only of use with --from-service.");
    const csv = readCsv(desk.context, metrics ?? "");
    return { template: bodyOf(await readObject(desk.context, file)), csv };
  }
  return await withClient(desk, options, async (client) => {
    const id = await resolveFlowId(desk, client, fromService);
    const path = `/service/${id}/metrics?last=${encodeURIComponent(last ?? DEFAULT_LAST)}`;
    const { text: csv } = await client.send("GET", path);
    const template =
      file === undefined
        ? (await getDocument(desk, client, id)).document.source
        : bodyOf(await readObject(desk.context, file));
    return { template, csv };
  });
}

/** What `oneflow-template show --json` prints will do as well. */
function bodyOf(object: JsonObject): JsonObject {
  const document = isObject(object.DOCUMENT) ? object.DOCUMENT : object;
  const template = isObject(document.TEMPLATE) ? document.TEMPLATE : {};
  return isObject(template.BODY) ? template.BODY : object;
}

function readCsv({ cwd }: FlowContext, name: string): string {
  const file = resolve(cwd, name);
  try {
    if (statSync(file).size <= MAX_CSV_BYTES) return readFileSync(file, "utf8");
  } catch (error) {
    throw new GatehouseError("bad_request", `${file} cannot be read: ${errorText(error)}.`);
  }
  throw new GatehouseError("too_large", `${file} is larger than the ${MAX_CSV_BYTES} bytes allowed.`);
}

function secondsOf(text: string | undefined, name: string, least: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^[0-9]{1,9}$/.test(text) && Number(text) >= least) return Number(text);
  throw new GatehouseError(
    "bad_request",
    `${name} is "${text}"; it is a whole number of seconds, at least ${least}.`,
  );
}
