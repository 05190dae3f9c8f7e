/** What a route answers, as a value; the frame makes the Response of it. */

export interface Answer {
  readonly status: 200 | 201 | 204 | 304 | 499;
  /** null: none, and no content type either. */
  readonly body: string | null;
  /** Strong, of the body; the frame computes it for a GET that brings none. */
  readonly etag?: string | undefined;
  /** What was taken as it came, and is perhaps a mistake. */
  readonly warnings?: readonly string[] | undefined;
  /** What only this answer needs. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** 204, without a content type, as recorded. */
export const NO_CONTENT: Answer = { status: 204, body: null };

/** 200 with an empty body. */
export const EMPTY_OK: Answer = { status: 200, body: "" };
