/** Runs one command's work on the home that its options name, through the house while it runs. */

import { silentLogger } from "../../shared/log.ts";
import { type HomeCommands, reachHome } from "../main/reach-home.ts";
import { type CommonOptions, loadFor } from "./common-options.ts";
import type { CliContext } from "./context.ts";

/** `create` makes the home, as a first start would, when there is none. */
export async function withHome<R>(
  context: CliContext,
  options: CommonOptions,
  create: boolean,
  work: (commands: HomeCommands) => Promise<R>,
): Promise<R> {
  const { config } = loadFor(context, options);
  return await reachHome(config, { log: silentLogger, clock: context.clock, create }, work);
}
