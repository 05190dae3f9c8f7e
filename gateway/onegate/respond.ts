/** Answers and errors as HTTP responses: recorded headers, plain-text errors, and JSON errors for those who ask. */

import { type ErrorCode, HTTP_STATUS, isGatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { acceptsJson } from "../http/accept.ts";
import type { Answer, ContentKind } from "./answer.ts";
import { RateLimitedError, type RateState } from "./fairness/limits.ts";

/** Errors carry JSON's type, too, although they are plain text: so recorded, and so clients expect it. */
const CONTENT_TYPE = {
  json: "application/json;charset=utf-8",
  text: "text/plain;charset=utf-8",
  jwt: "application/jwt",
} as const satisfies Record<ContentKind, string>;

/** What the frame adds to an answer. */
export interface Framing {
  readonly requestId: string;
  readonly rate: RateState | undefined;
  readonly etag: string | undefined;
}

/** Every header put together at once: on the hot path each further step costs a microsecond. */
export function responseOf(answer: Answer, framing: Framing): Response {
  const { status, body, bytes, kind, headers } = answer;
  const all: Record<string, string> = {
    "X-Content-Type-Options": "nosniff",
    "X-Request-Id": framing.requestId,
  };
  if (body !== null) all["Content-Type"] = CONTENT_TYPE[kind];
  if (framing.etag !== undefined) all.ETag = framing.etag;
  if (framing.rate !== undefined) {
    all.RateLimit = framing.rate.limit;
    all["RateLimit-Policy"] = framing.rate.policy;
  }
  return new Response(body === null ? null : (bytes ?? body), {
    status,
    headers: headers === undefined ? all : { ...all, ...headers },
  });
}

/** What an error's answer needs of the request. */
export interface FailedRequest {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly accept: string | undefined;
}

/** A cloud that is away for a moment is asked again after as many seconds. */
const RETRY_UNAVAILABLE_S = "2";

const HEADERS_OF: Partial<Record<ErrorCode, Readonly<Record<string, string>>>> = {
  // The rest of a body that is not read must not be taken for the next request.
  too_large: { Connection: "close" },
  unavailable: { "Retry-After": RETRY_UNAVAILABLE_S },
};

/** What failed, as the asker may know it: the sentence is undefined when it was not written for the asker. */
export interface Failure {
  readonly answer: Answer;
  readonly rate: RateState | undefined;
  /** The limit that refused, by its name. */
  readonly limit: string | undefined;
  readonly sentence: string | undefined;
}

/**
 * The answer to an error: its sentence as plain text, or `{"error":{"message"}}` when `accept` names
 * application/json. What was not written for the caller is logged under the request's id, and masked.
 */
export function failureOf(error: unknown, { id, method, path, accept }: FailedRequest, log: Logger): Failure {
  if (!isGatehouseError(error)) {
    log.error({ err: error, requestId: id, method, path }, "A OneGate request failed");
    return {
      answer: errorAnswer(500, "Internal server error", accept),
      rate: undefined,
      limit: undefined,
      sentence: undefined,
    };
  }
  const answer = errorAnswer(HTTP_STATUS[error.code], error.message, accept);
  if (error instanceof RateLimitedError) {
    const headers = { "Retry-After": String(error.retryAfterS) };
    const { state: rate, limit, message: sentence } = error;
    return { answer: { ...answer, headers }, rate, limit, sentence };
  }
  return {
    answer: { ...answer, headers: HEADERS_OF[error.code] },
    rate: undefined,
    limit: undefined,
    sentence: error.message,
  };
}

function errorAnswer(status: number, message: string, accept: string | undefined): Answer {
  return {
    status,
    kind: "json",
    body: acceptsJson(accept) ? JSON.stringify({ error: { message } }) : message,
  };
}
