/** Answers and errors as HTTP responses: recorded headers, plain-text errors, and JSON for those who ask for it. */

import { type ErrorCode, HTTP_STATUS, isGatehouseError } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { acceptsJson } from "../../http/accept.ts";
import type { Answer } from "./answer.ts";
import type { FlowRequest } from "./request.ts";

/** As recorded, also of JSON. Old browsers are told the rest; what a user wrote into a document runs nowhere. */
const HTML = "text/html;charset=utf-8";
export const JSON_TYPE = "application/json;charset=utf-8";
const RECORDED = { "X-XSS-Protection": "1; mode=block", "X-Frame-Options": "SAMEORIGIN" };
const INERT = { "Content-Security-Policy": "default-src 'none'; sandbox" };

/** After how many seconds one may ask again: who asked too often or was one too many, and when the cloud is away. */
const RETRY_AFTER_S: { readonly [code in ErrorCode]?: number } = { rate_limited: 5, unavailable: 2 };

const MAX_WARNING_CHARACTERS = 2_000;

/** Authorisation is 401 here, as recorded (spec oneflow-api.md 2). */
export const FLOW_STATUS: Readonly<Record<ErrorCode, number>> = { ...HTTP_STATUS, forbidden: 401 };

export function responseOf(
  request: FlowRequest,
  answer: Answer,
  headers: Record<string, string> = {},
): Response {
  const { status, body, etag, warnings = [] } = answer;
  const all: Record<string, string> = {
    "X-Content-Type-Options": "nosniff",
    "X-Request-Id": request.id,
    ...headers,
  };
  if (body !== null) {
    const wantsJson = acceptsJson(request.header("accept"));
    Object.assign(all, RECORDED, INERT, { "Content-Type": wantsJson ? JSON_TYPE : HTML, Vary: "Accept" });
  }
  if (etag !== undefined) all.ETag = etag;
  if (warnings.length > 0) all["X-Gatehouse-Warning"] = headerText(warnings.join("; "));
  return new Response(body, { status, headers: { ...all, ...answer.headers } });
}

/**
 * The answer to an error: its sentence as plain text, or `{"error":{"message"}}`. What was not written for the
 * caller is logged under the request's id.
 */
export function failureResponse(request: FlowRequest, error: unknown, log: Logger): Response {
  const known = isGatehouseError(error);
  if (!known || error.code === "internal") {
    const { id: requestId, method, path } = request;
    log.error({ err: error, requestId, method, path }, "A OneFlow request failed");
  }
  const message = known ? error.message : "Internal server error";
  const wantsJson = acceptsJson(request.header("accept"));
  const headers: Record<string, string> = {
    ...RECORDED,
    ...INERT,
    "Content-Type": wantsJson ? JSON_TYPE : HTML,
    Vary: "Accept",
    "X-Content-Type-Options": "nosniff",
    "X-Request-Id": request.id,
  };
  // The rest of a body that is not read must not be taken for the next request.
  if (known && error.code === "too_large") headers.Connection = "close";
  const retryAfterS = known ? RETRY_AFTER_S[error.code] : undefined;
  if (retryAfterS !== undefined) headers["Retry-After"] = String(retryAfterS);
  const body = wantsJson ? JSON.stringify({ error: { message } }) : message;
  return new Response(body, { status: known ? FLOW_STATUS[error.code] : 500, headers });
}

/** Header values are printable ASCII; everything else is written as JSON escapes it. */
function headerText(text: string): string {
  const printable = text.replaceAll(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return printable.slice(0, MAX_WARNING_CHARACTERS);
}
