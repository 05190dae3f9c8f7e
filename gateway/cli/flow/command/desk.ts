/** What the sub-commands of oneflow and oneflow-template share: options, ids, and how they work through several objects. */

import type { Command } from "commander";
import { errorText, GatehouseError } from "../../../../shared/errors.ts";
import { SERVICE_STATE } from "../../../../shared/states/service.ts";
import { printable } from "../../one/format.ts";
import { idOf, idsOf } from "../../one/ids.ts";
import { type FlowAccessOptions, flowEndpoint, flowSession } from "../access.ts";
import { type FlowAnswer, FlowClient, FlowRefusal } from "../client.ts";
import type { FlowContext } from "../context.ts";
import { type FlowDocument, parseDocument, parsePool } from "../document.ts";
import type { FlowKind } from "../kind.ts";

/** One command, such as `oneflow`, at work. */
export interface FlowDesk {
  readonly context: FlowContext;
  readonly kind: FlowKind;
  readonly program: Command;
}

export interface CommonOptions extends FlowAccessOptions {
  readonly verbose?: boolean;
}

/** Some of several objects failed, and each has been told already; only the exit code is left. */
export class FlowAlreadyTold extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super();
    this.exitCode = exitCode;
  }
}

export interface SubCommand {
  readonly syntax: string;
  readonly summary: string;
  /** Arguments after the command's name. */
  readonly examples: readonly string[];
  /** -p is the period of an action (seed 003), and the password everywhere else. */
  readonly periodIsP?: boolean;
}

/** A sub-command with the options that all have. */
export function subCommand(desk: FlowDesk, command: SubCommand): Command {
  const { syntax, summary, examples, periodIsP } = command;
  const name = desk.program.name();
  return desk.program
    .command(syntax)
    .description(summary)
    .option("-s, --server <url>", "URL of OneFlow, above ONEFLOW_URL")
    .option("-u, --username <name>", "user, above ONEFLOW_USER; with --password")
    .option(
      `${periodIsP ? "" : "-p, "}--password <password>`,
      "password or login token, above ONEFLOW_PASSWORD (others may see it in the list of processes)",
    )
    .addHelpText("after", `\nExamples:\n${examples.map((each) => `  ${name} ${each}`).join("\n")}`);
}

/** The same for what is done to several objects: it can tell of each. */
export function severalCommand(desk: FlowDesk, command: SubCommand): Command {
  return subCommand(desk, command).option("-v, --verbose", "tell what was done");
}

/** Runs work with a client; refused credentials are told with where they came from. */
export async function withClient<R>(
  desk: FlowDesk,
  options: FlowAccessOptions,
  work: (client: FlowClient) => Promise<R>,
): Promise<R> {
  const { context } = desk;
  const session = flowSession(context, options);
  const endpoint = flowEndpoint(context, options);
  const client = new FlowClient({ endpoint, session: session.text, clock: context.clock });
  try {
    return await work(client);
  } catch (error) {
    if (!(error instanceof FlowRefusal) || !error.isUnknownUser) throw error;
    const message = `${error.message}\nThe user and password are those of ${session.origin}.`;
    throw new FlowRefusal(error.status, message);
  }
}

/** The id of one object, by its id or name. @throws GatehouseError `not_found`, `conflict`. */
export async function resolveFlowId(desk: FlowDesk, client: FlowClient, text: string): Promise<number> {
  return await idOf(text, desk.kind.word, () => namesOf(desk, client));
}

/** A name means the service that still lives, where one that is done bears it too. */
async function namesOf(desk: FlowDesk, client: FlowClient): Promise<ReadonlyMap<string, readonly number[]>> {
  const all = parsePool((await client.send("GET", desk.kind.path)).text);
  const byName = Map.groupBy(all, ({ name }) => name);
  return new Map(
    [...byName].map(([name, bearers]) => {
      const alive = bearers.filter(({ body }) => body.state !== SERVICE_STATE.DONE);
      return [name, (alive.length > 0 ? alive : bearers).map(({ id }) => id)];
    }),
  );
}

/** A document of the command's kind, and the answer that it came in. @throws GatehouseError for one of the other kind. */
export async function getDocument(
  { kind }: FlowDesk,
  client: FlowClient,
  id: number,
): Promise<{ readonly document: FlowDocument; readonly answer: FlowAnswer }> {
  const answer = await client.send("GET", `${kind.path}/${id}`);
  const document = parseDocument(answer.text);
  if (document.type === kind.type || document.type === "") return { document, answer };
  throw new GatehouseError("not_found", `Document ${id} is not ${kind.noun}.`);
}

export type Work = (client: FlowClient, id: number) => Promise<unknown>;

/**
 * Runs work on each object of a selection. One that the server refuses is told at once and the others still have their
 * turn; refused credentials or a lost connection end it.
 */
export async function onEach(
  desk: FlowDesk,
  selection: string,
  options: CommonOptions,
  done: string,
  work: Work,
): Promise<void> {
  const { context, kind } = desk;
  await withClient(desk, options, async (client) => {
    let failed: number | undefined;
    for (const id of await idsOf(selection, kind.word, () => namesOf(desk, client))) {
      try {
        await work(client, id);
        if (options.verbose) context.out(`${kind.word} ${id}: ${done}\n`);
      } catch (error) {
        if (!(error instanceof FlowRefusal) || error.isUnknownUser) throw error;
        context.err(`${printable(errorText(error))}\n`);
        failed ??= error.exitCode;
      }
    }
    if (failed !== undefined) throw new FlowAlreadyTold(failed);
  });
}

/** `POST /service/5/action`: what most commands come down to. */
export async function perform(
  desk: FlowDesk,
  client: FlowClient,
  target: number | string,
  action: string,
  params: Readonly<Record<string, unknown>> = {},
): Promise<FlowAnswer> {
  return await client.send("POST", `${desk.kind.path}/${target}/action`, {
    body: { action: { perform: action, params } },
  });
}

/** What was taken but not understood: a misspelt attribute, for example. */
export function tellWarning({ context }: FlowDesk, { warning }: FlowAnswer): void {
  if (warning !== undefined) context.err(`Warning: ${printable(warning)}\n`);
}

/** What `create`, `clone` and `instantiate` print. */
export function printMade(desk: FlowDesk, answer: FlowAnswer): void {
  desk.context.out(`ID: ${parseDocument(answer.text).id}\n`);
  tellWarning(desk, answer);
}
