/** JSON that users write: taken with comments, as the guides show it, and looked at only as far as a command needs. */

import { errorText, GatehouseError } from "../../../shared/errors.ts";
import { readTemplate } from "../one/input.ts";
import type { FlowContext } from "./context.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

const STRING_OR_COMMENT = /"(?:[^"\\]|\\.)*"|\/\/[^\r\n]*|\/\*[\s\S]*?\*\//g;

/** The object of a text; undefined for what is none. The server says what is wrong with it. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const plain = text.replace(STRING_OR_COMMENT, (found) => (found.startsWith('"') ? found : " "));
    const value: unknown = JSON.parse(plain);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object of a file, or of standard input. @throws GatehouseError `bad_request` with what is wrong and where. */
export async function readObject(context: FlowContext, file: string | undefined): Promise<JsonObject> {
  const text = await readTemplate(context, file);
  const value = parseObject(text);
  if (value !== undefined) return value;
  const place = file === undefined || file === "-" ? "Standard input" : file;
  throw new GatehouseError("bad_request", `${place} holds no JSON object${reasonOf(text)}.`);
}

function reasonOf(text: string): string {
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    return `: ${errorText(error)}`;
  }
}
