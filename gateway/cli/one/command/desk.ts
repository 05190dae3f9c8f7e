/** What the sub-commands of all kinds share: their options, and how they work through several objects. */

import type { Command } from "commander";
import { errorText } from "../../../../shared/errors.ts";
import { CoreError } from "../../../../shared/xmlrpc/core-error.ts";
import { type AccessOptions, connect, sessionFor } from "../access.ts";
import { AlreadyTold } from "../already-told.ts";
import type { OneContext } from "../context.ts";
import { printable } from "../format.ts";
import { resolveIds } from "../ids.ts";
import type { Kind } from "../kind.ts";
import type { XmlRpcClient } from "../xmlrpc-client.ts";

/** One command, such as `onevm`, at work. */
export interface Desk {
  readonly context: OneContext;
  readonly kind: Kind;
  readonly program: Command;
}

export interface CommonOptions extends AccessOptions {
  readonly verbose?: boolean;
}

const AUTHENTICATION = 256;

/** A sub-command with the options that all have; examples are arguments after the command's name. */
export function subCommand(
  desk: Desk,
  syntax: string,
  summary: string,
  examples: readonly string[],
): Command {
  const name = desk.program.name();
  return desk.program
    .command(syntax)
    .description(summary)
    .option("--endpoint <url>", "XML-RPC endpoint, above ONE_XMLRPC")
    .option("--user <name>", "user, above ONE_AUTH; with --password")
    .option("--password <password>", "password or login token (others may see it in the list of processes)")
    .addHelpText("after", `\nExamples:\n${examples.map((each) => `  ${name} ${each}`).join("\n")}`);
}

/** The same for what is done to several objects: it can tell of each. */
export function severalCommand(
  desk: Desk,
  syntax: string,
  summary: string,
  examples: readonly string[],
): Command {
  return subCommand(desk, syntax, summary, examples).option("-v, --verbose", "tell what was done");
}

/** Runs work with a client; a refused session also tells where the session came from. */
export async function withClient<R>(
  desk: Desk,
  options: AccessOptions,
  work: (client: XmlRpcClient) => Promise<R>,
): Promise<R> {
  const client = connect(desk.context, options);
  try {
    return await work(client);
  } catch (error) {
    if (error instanceof CoreError && error.coreCode === AUTHENTICATION) {
      const { origin } = sessionFor(desk.context, options);
      throw new CoreError(`${error.message}\nThe user and password are those of ${origin}.`, error.coreCode);
    }
    throw error;
  }
}

type Work = (client: XmlRpcClient, id: number) => Promise<unknown>;

/**
 * Runs work on each object of a selection. An object that fails is told at once and the others still have their
 * turn; a refused session or a lost connection ends it.
 */
export async function onEach(
  desk: Desk,
  selection: string,
  options: CommonOptions,
  done: string,
  work: Work,
): Promise<void> {
  await withClient(desk, options, (client) => eachOf(desk, client, selection, options, done, work));
}

/** onEach for a command that has a client already. */
export async function eachOf(
  desk: Desk,
  client: XmlRpcClient,
  selection: string,
  options: CommonOptions,
  done: string,
  work: Work,
): Promise<void> {
  let failed = false;
  for (const id of await resolveIds(client, desk.kind, selection)) {
    try {
      await work(client, id);
      if (options.verbose) desk.context.out(`${desk.kind.word} ${id}: ${done}\n`);
    } catch (error) {
      if (!isPassedOver(error)) throw error;
      desk.context.err(`${printable(errorText(error))}\n`);
      failed = true;
    }
  }
  if (failed) throw new AlreadyTold();
}

function isPassedOver(error: unknown): boolean {
  return error instanceof CoreError && error.coreCode !== AUTHENTICATION;
}

/** What `create` and `instantiate` print. */
export function printId(desk: Desk, id: unknown): void {
  desk.context.out(`ID: ${String(id)}\n`);
}
