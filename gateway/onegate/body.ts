/** Bodies of guests that may be forms, or be labelled as one and hold attribute text all the same. */

import type { BodySource } from "../http/body.ts";
import { type Parameters, parseParameters } from "../http/parameters.ts";

const FORM_TYPE = "application/x-www-form-urlencoded";

/**
 * What the guest's command may put into a form (spec onegate-cli.md 2: all its options). A body that is labelled a
 * form but holds any other name is attribute text: `curl -d "URL=http://h/?a=1&type=2"` must store a URL, not erase.
 */
const CLIENT_OPTIONS: ReadonlySet<string> = new Set([
  "data",
  "type",
  "id",
  "extended",
  "json",
  "hard",
  "role",
  "cardinality",
  "erase",
  "help",
]);

/** True when the body is labelled as an urlencoded form; what it holds may still be something else. */
export function isFormLabelled(source: BodySource): boolean {
  const [type = ""] = (source.header("content-type") ?? "").split(";", 1);
  return type.trim().toLowerCase() === FORM_TYPE;
}

/**
 * The form in a body labelled so; undefined when it is attribute text all the same.
 * @throws GatehouseError `bad_request` for malformed encoding, or `data` given more than once.
 */
export function formOf(text: string): Parameters | undefined {
  const names = text.split("&").map((pair) => pair.split("=", 1)[0] ?? "");
  if (!names.every((name) => CLIENT_OPTIONS.has(name)) || !names.includes("data")) return undefined;
  return parseParameters(text);
}
