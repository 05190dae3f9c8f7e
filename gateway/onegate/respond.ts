/** The forms of OneGate's answers: recorded headers, plain-text errors, and JSON errors for those who ask. */

import { HTTP_STATUS, isGatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";

const NOSNIFF = { "X-Content-Type-Options": "nosniff" };

/** Errors carry it too, although they are plain text: so recorded, and so clients expect it. */
const CONTENT = { "Content-Type": "application/json;charset=utf-8", ...NOSNIFF };

/** The rest of a body that is not read must not be taken for the next request. */
const CONTENT_AND_CLOSE = { ...CONTENT, Connection: "close" };

/** 200 with a body that is JSON text already. */
export function jsonText(text: string): Response {
  return new Response(text, { status: 200, headers: CONTENT });
}

/** 200 with an empty body: a write that was taken. */
export function emptyOk(): Response {
  return new Response("", { status: 200, headers: CONTENT });
}

/** 204, without a content type, as recorded. */
export function noContent(): Response {
  return new Response(null, { status: 204, headers: NOSNIFF });
}

/** What an error's answer needs of the request. */
export interface FailedRequest {
  readonly method: string;
  readonly path: string;
  readonly accept: string | undefined;
}

/**
 * The answer to an error: its sentence as plain text, or `{"error":{"message"}}` when `accept` names
 * application/json. What was not written for the caller is logged and masked.
 */
export function errorResponse(
  error: unknown,
  { method, path, accept }: FailedRequest,
  log: Logger,
): Response {
  if (isGatehouseError(error)) {
    const headers = error.code === "too_large" ? CONTENT_AND_CLOSE : CONTENT;
    return new Response(errorBody(error.message, accept), { status: HTTP_STATUS[error.code], headers });
  }
  log.error({ err: error, method, path }, "A OneGate request failed");
  return new Response(errorBody("Internal server error", accept), { status: 500, headers: CONTENT });
}

function errorBody(message: string, accept: string | undefined): string {
  return acceptsJson(accept) ? JSON.stringify({ error: { message } }) : message;
}

/** Only an explicit `application/json`: every recorded client sends a wildcard and expects plain text. */
function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  return accept.split(",").some((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    return type === "application/json" && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}
