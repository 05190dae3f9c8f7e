/**
 * PATH of `onegate vm get PATH`: names and positions with slashes between them, below the root element of a document:
 * `USER_TEMPLATE/READY`, `TEMPLATE/NIC/0/IP`, `TEMPLATE/NIC/NIC0/IP`, `roles/frontend/state`. OneGate looks the value
 * up; where it cannot (the original), it is looked up here in the same way.
 */

import { GatehouseError } from "../../shared/errors.ts";
import { at } from "./answer.ts";
import type { RefusedError } from "./client.ts";

/** @throws GatehouseError `bad_request` for a path without names, or one that could lead out of the document. */
export function pathSegments(text: string): readonly string[] {
  const segments = text.replace(/^\/|\/$/g, "").split("/");
  if (segments.every((segment) => segment !== "" && segment !== "." && segment !== "..")) return segments;
  throw new GatehouseError(
    "bad_request",
    `PATH must be names with "/" between them, such as USER_TEMPLATE/READY, not ${JSON.stringify(text)}.`,
  );
}

/** The same for a URL. */
export function encodedPath(segments: readonly string[]): string {
  return segments.map((segment) => `/${encodeURIComponent(segment)}`).join("");
}

/** True when the server is a OneGate that knows no paths into its documents. */
export function knowsNoPaths({ status, message }: RefusedError): boolean {
  return status === 400 && message === "OneGate server doesn't support this feature";
}

/** What lies at a path. `isText`: a bare value; otherwise it is JSON. */
export interface PathValue {
  readonly text: string;
  readonly isText: boolean;
}

/** undefined when nothing lies there. */
export function valueOfPath(document: unknown, segments: readonly string[]): PathValue | undefined {
  const root = typeof document === "object" && document !== null ? Object.values(document)[0] : undefined;
  const found = segments.reduce<unknown>(step, root);
  if (found === undefined) return undefined;
  if (found === null) return { text: "", isText: true };
  if (typeof found === "object") return { text: JSON.stringify(found), isText: false };
  return { text: String(found), isText: true };
}

/** One name further; the elements of a list are found by position, or by what they call themselves. */
function step(here: unknown, name: string): unknown {
  if (!Array.isArray(here)) return at(here, name);
  const elements: readonly unknown[] = here;
  if (/^(0|[1-9]\d{0,8})$/.test(name)) return elements[Number(name)];
  return elements.find((element) => at(element, "NAME") === name || at(element, "name") === name);
}
