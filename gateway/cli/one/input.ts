/** Template text that a command works on: from a file, from standard input, or made of its options. */

import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { errorText, GatehouseError } from "../../../shared/errors.ts";
import { MAX_TEMPLATE_BYTES } from "../../../shared/template/limits.ts";
import type { OneContext } from "./context.ts";

const STANDARD_INPUT = "-";

/**
 * The text of a file, or of standard input for `-` and where there is no file.
 * @throws GatehouseError `bad_request` when neither holds anything, `too_large` above MAX_TEMPLATE_BYTES.
 */
export async function readTemplate(context: OneContext, file: string | undefined): Promise<string> {
  const text =
    file === undefined || file === STANDARD_INPUT
      ? await context.readInput()
      : readText(resolve(context.cwd, file));
  if (text !== undefined && text.trim() !== "") return text;
  const place = file === undefined || file === STANDARD_INPUT ? "standard input" : file;
  throw new GatehouseError(
    "bad_request",
    `No template: ${place} holds nothing; name a file, or give template text on standard input.`,
  );
}

/** @throws GatehouseError `bad_request` when it cannot be read, `too_large` above MAX_TEMPLATE_BYTES. */
export function readText(file: string): string {
  try {
    if (statSync(file).size <= MAX_TEMPLATE_BYTES) return readFileSync(file, "utf8");
  } catch (error) {
    throw new GatehouseError("bad_request", `${file} cannot be read: ${errorText(error)}.`);
  }
  throw new GatehouseError("too_large", `${file} is larger than the ${MAX_TEMPLATE_BYTES} bytes allowed.`);
}

/** A password from an argument, a file, or standard input. @throws GatehouseError `bad_request` without any. */
export async function readPassword(
  context: OneContext,
  given: string | undefined,
  file: string | undefined,
): Promise<string> {
  const text =
    file === undefined ? (given ?? (await context.readInput())) : readText(resolve(context.cwd, file));
  const password = text?.replace(/\r?\n$/, "");
  if (password !== undefined && password !== "" && !/\s/.test(password)) return password;
  throw new GatehouseError(
    "bad_request",
    "A password is needed, without blanks: as an argument, in a file with --read-file, or on standard input.",
  );
}
