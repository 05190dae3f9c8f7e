/** Runs an agent in this process until it is told to end: the lock, the signals, and the log. */

import { systemClock } from "../../shared/clock.ts";
import { createLogger, type Logger, stderrSink } from "../../shared/log.ts";
import { commandClock } from "../guest/clock.ts";
import { Agent } from "./agent.ts";
import { isLock, takeLock } from "./lock.ts";
import type { AgentSettings } from "./settings.ts";

export interface Serving {
  readonly settings: AgentSettings;
  /** Calls back when whoever started it is gone, for an agent that must not outlive it. */
  readonly onOrphaned?: (work: () => void) => void;
  readonly random: () => number;
}

/**
 * Resolves when the agent has ended. Says so and returns at once when another one runs for this host.
 * SIGUSR1 asks for SYSTEM_HOST at once; SIGTERM and SIGINT end it.
 */
export async function serve({ settings, onOrphaned, random }: Serving): Promise<void> {
  const lock = takeLock(settings.stateDir);
  if (!isLock(lock)) {
    process.stderr.write(`An agent runs already with ${settings.stateDir}: process ${lock.pid}.\n`);
    return;
  }
  const log = createLogger({ level: "info", clock: systemClock, sink: stderrSink() });
  try {
    await runUntilTold(new Agent({ settings, clock: commandClock, random, log }), log, onOrphaned);
  } finally {
    lock.release();
  }
}

async function runUntilTold(agent: Agent, log: Logger, onOrphaned: Serving["onOrphaned"]): Promise<void> {
  const { promise: told, resolve: end } = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => end(signal));
  process.on("SIGUSR1", () => agent.force("host/system"));
  // A terminal or a log that is gone is no reason to end.
  process.on("SIGHUP", () => undefined);
  onOrphaned?.(() => end("who started it is gone"));
  agent.start();
  log.info({ pid: process.pid }, "The agent runs.");
  const reason = await told;
  await agent.stop();
  log.info({ reason }, "The agent has ended.");
}
