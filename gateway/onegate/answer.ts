/** What a route answers, as a value: the frame makes the Response of it, so that headers are put together in one place. */

export type ContentKind = "json" | "text" | "jwt";

export interface Answer {
  readonly status: number;
  /** null: none, and no content type either. */
  readonly body: string | null;
  /** The body's bytes, where many are told the same: sent as they are, without a copy for each. */
  readonly bytes?: Uint8Array<ArrayBuffer> | undefined;
  readonly kind: ContentKind;
  /** Strong, of the body; the frame computes it for a GET that brings none. Documents that are kept bring theirs. */
  readonly etag?: string | undefined;
  /** What only this answer needs: Cache-Control, Retry-After. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** 200 with a body that is JSON text already. */
export function jsonText(body: string, etag?: string): Answer {
  return { status: 200, body, kind: "json", etag };
}

/** 200 with one value, as a shell reads it: no line break, no quotes. */
export function plainText(body: string): Answer {
  return { status: 200, body, kind: "text" };
}

/** 200 with an empty body: a write that was taken. */
export const EMPTY_OK: Answer = { status: 200, body: "", kind: "json" };

/** 204, without a content type, as recorded. */
export const NO_CONTENT: Answer = { status: 204, body: null, kind: "json" };
