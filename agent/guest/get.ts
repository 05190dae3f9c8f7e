/** `onegate vm get PATH` and `onegate service get PATH`: one value, as a shell script reads it. */

import { errorText, GatehouseError } from "../../shared/errors.ts";
import { parseAnswer, visible } from "./answer.ts";
import { type GateClient, RefusedError } from "./client.ts";
import { encodedPath, knowsNoPaths, pathSegments, valueOfPath } from "./document-path.ts";

/** Exit code when there is no such value; a failure is another. */
const NO_VALUE = 1;

export interface GetParts {
  readonly client: GateClient;
  /** Of the document: `/vm`, `/vms/9` or `/service`. */
  readonly document: string;
  readonly path: string;
  readonly tty: boolean;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Prints the value and a line break; the exit code. @throws GatehouseError, RefusedError for anything but "none". */
export async function getValue({ client, document, path, tty, out, err }: GetParts): Promise<number> {
  try {
    const value = await readValue(client, document, pathSegments(path));
    out(`${tty ? value.split("\n").map(visible).join("\n") : value}\n`);
    return 0;
  } catch (error) {
    if (!isMissing(error)) throw error;
    err(`ERROR: \n${errorText(error)}\n`);
    return NO_VALUE;
  }
}

async function readValue(client: GateClient, document: string, segments: readonly string[]): Promise<string> {
  try {
    return await client.read(document + encodedPath(segments));
  } catch (error) {
    if (!(error instanceof RefusedError && knowsNoPaths(error))) throw error;
  }
  const found = valueOfPath(parseAnswer(await client.read(document)), segments);
  if (found !== undefined) return found.text;
  throw new GatehouseError("not_found", `There is nothing at ${segments.join("/")}.`);
}

function isMissing(error: unknown): boolean {
  if (error instanceof RefusedError) return error.status === 404;
  return error instanceof GatehouseError && error.code === "not_found";
}
