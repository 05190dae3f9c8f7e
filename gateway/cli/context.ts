/** What the commands see of the process they run in, so that tests can hand them another one. */

import { type Clock, systemClock } from "../../shared/clock.ts";
import { processTerminal } from "./top/process-terminal.ts";
import type { Terminal } from "./top/screen.ts";

export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  /** Data and summaries. */
  out(text: string): void;
  /** Errors: a line each. */
  err(text: string): void;
  /** The terminal, where somebody sits at one. */
  terminal?(): Terminal | undefined;
}

export function processContext(): CliContext {
  return {
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    terminal: processTerminal,
  };
}
