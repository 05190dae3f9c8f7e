/** What the admin commands see of the process they run in. */

import { GatehouseError } from "../../../shared/errors.ts";
import { MAX_TEMPLATE_BYTES } from "../../../shared/template/limits.ts";
import { type CliContext, processContext } from "../context.ts";

export interface OneContext extends CliContext {
  /** Width of the terminal that `out` writes to; undefined when it is none, so that scripts see fixed widths. */
  readonly columns: number | undefined;
  /** All of standard input; undefined when it is a terminal. */
  readInput(): Promise<string | undefined>;
}

export function processOneContext(): OneContext {
  const columns = process.stdout.isTTY ? process.stdout.columns : undefined;
  return { ...processContext(), columns, readInput };
}

async function readInput(): Promise<string | undefined> {
  if (process.stdin.isTTY) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_TEMPLATE_BYTES)
      throw new GatehouseError(
        "too_large",
        `Standard input is larger than the ${MAX_TEMPLATE_BYTES} bytes allowed.`,
      );
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}
