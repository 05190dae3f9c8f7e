/** A OneGate that tells changes: one document with an ETag, paths into it, and answers held until it changes. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { valueOfPath } from "../../agent/guest/document-path.ts";
import { listening } from "./scripted-gate.ts";

export interface ChangingGate {
  readonly url: string;
  /** Method and URL of each request so far. */
  readonly asked: readonly string[];
  /** The document from now on; who waits is told. */
  change(document: object): void;
  /** Ends every held answer as at the end of its time: nothing has changed. */
  tire(): void;
  /** Every answer from now on is this status, until told otherwise with undefined. */
  fail(status: number | undefined, headers?: Readonly<Record<string, string>>): void;
  /** Cuts every connection. */
  cut(): void;
  /** Resolves when so many answers are held. */
  holds(count: number): Promise<void>;
  /** Resolves when so many requests have come. */
  askedTimes(count: number): Promise<void>;
  close(): Promise<void>;
}

/** `etags: false`: the original, which has no ETags and no paths. */
export async function changingGate(first: object, { etags = true } = {}): Promise<ChangingGate> {
  let document = first;
  let failure: { status: number; headers: Readonly<Record<string, string>> } | undefined;
  const asked: string[] = [];
  let held: (() => void)[] = [];
  let version = 0;

  function answer(request: IncomingMessage, response: ServerResponse, mayHold: boolean): void {
    const url = new URL(request.url ?? "", "http://gate");
    const segments = url.pathname.split("/").slice(2).map(decodeURIComponent);
    if (failure !== undefined) return void response.writeHead(failure.status, failure.headers).end("Later.");
    const found =
      segments.length === 0
        ? { text: JSON.stringify(document), isText: false }
        : etags
          ? valueOfPath(document, segments)
          : undefined;
    if (found === undefined) {
      const [status, text] = etags ? [404, "There is no such value."] : [400, UNSUPPORTED];
      return void response.writeHead(status).end(text);
    }
    const etag = `"${Buffer.from(found.text).toString("base64url").slice(-40)}"`;
    const isKnown = request.headers["if-none-match"] === etag;
    if (isKnown && url.searchParams.has("wait") && mayHold) {
      const seen = version;
      held.push(() => answer(request, response, seen !== version));
      server.emit("held");
      return;
    }
    const tag = etags ? { ETag: etag } : {};
    if (isKnown) return void response.writeHead(304, tag).end();
    const type = found.isText ? "text/plain;charset=utf-8" : "application/json;charset=utf-8";
    response.writeHead(200, { ...tag, "Content-Type": type }).end(found.text);
  }

  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    server.emit("asked");
    answer(request, response, true);
  });
  const release = (): void => {
    const waiting = held;
    held = [];
    for (const look of waiting) look();
  };
  const until = async (event: string, reached: () => boolean): Promise<void> => {
    while (!reached()) await new Promise<void>((resolve) => server.once(event, () => resolve()));
  };
  const { port } = await listening(server);
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    change(next) {
      document = next;
      version += 1;
      release();
    },
    tire: release,
    fail(status, headers = {}) {
      failure = status === undefined ? undefined : { status, headers };
      version += 1;
      release();
    },
    cut() {
      held = [];
      server.closeAllConnections();
    },
    holds: (count) => until("held", () => held.length >= count),
    askedTimes: (count) => until("asked", () => asked.length >= count),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const UNSUPPORTED = "OneGate server doesn't support this feature";
