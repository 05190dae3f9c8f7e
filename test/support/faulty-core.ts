/** A core that fails on demand: it stands before a real one, and does to single calls what networks and restarts do. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What becomes of a call. */
export type Fault =
  /** It is read, and nobody ever answers; the core does not see it. */
  | "silent"
  /** It is done, and the connection is cut before the answer. */
  | "done_and_cut"
  /** It is not done, and the connection is cut. */
  | "cut"
  /** It is done and answered, and of all that comes after it nothing is, until it is healed. */
  | "done_and_out_of_order"
  /** It is done, and half of the answer comes. */
  | "half"
  /** What answers is no core. */
  | "garbage"
  | "http_500"
  /** An answer without end. */
  | "endless";

export interface FaultyCore {
  readonly endpoint: string;
  /** Methods that came in, in order. */
  readonly calls: readonly string[];
  /** The most calls that were there at the same time. */
  peak(): number;
  /** Calls whose answer never comes, or never ends, and whose caller still waits for it. */
  unanswered(): number;
  /** What becomes of the next `times` calls of a method, or of any. */
  fail(fault: Fault, times?: number, method?: string): void;
  /** What is done to every answer from now on. */
  rewrite(change: (answer: string) => string): void;
  /** No faults any more. */
  heal(): void;
  /** Closes its port and cuts every connection, as when the core ends. */
  stop(): Promise<void>;
  /** Opens the same port again. */
  start(): Promise<void>;
  close(): Promise<void>;
}

interface Planned {
  readonly fault: Fault;
  readonly method: string | undefined;
  left: number;
}

export async function startFaultyCore(core: { readonly endpoint: string }): Promise<FaultyCore> {
  const calls: string[] = [];
  let planned: Planned[] = [];
  let port = 0;
  let server: Server | undefined;
  let rewritten = (answer: string) => answer;
  let there = 0;
  let peak = 0;
  let unanswered = 0;

  const faultOf = (method: string): Fault | undefined => {
    const plan = planned.find((one) => one.left > 0 && (one.method ?? method) === method);
    if (plan !== undefined) plan.left -= 1;
    return plan?.fault;
  };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await textOf(request);
    const method = /<methodName>([^<]*)/.exec(body)?.[1] ?? "";
    calls.push(method);
    const fault = faultOf(method);
    if (fault === "silent" || fault === "endless") {
      unanswered += 1;
      response.once("close", () => {
        unanswered -= 1;
      });
    }
    if (fault === "silent") return;
    if (fault === "cut") return void request.socket.destroy();
    if (fault === "http_500") return void response.writeHead(500).end("out of order");
    if (fault === "garbage") return void response.end("<html><body>Welcome!</body></html>");
    if (fault === "endless") return void pour(response);
    const asked = { method: "POST", headers: { "content-type": "text/xml" }, body };
    const answer = rewritten(await (await fetch(core.endpoint, asked)).text());
    if (fault === "done_and_cut") return void request.socket.destroy();
    if (fault === "done_and_out_of_order")
      planned = [{ fault: "http_500", method: undefined, left: Number.POSITIVE_INFINITY }];
    if (fault !== "half") return void response.setHeader("content-type", "text/xml").end(answer);
    response.setHeader("content-length", Buffer.byteLength(answer));
    response.write(answer.slice(0, answer.length / 2), () => request.socket.destroy());
  };
  const start = async (): Promise<void> => {
    const opened = createServer((request, response) => {
      there += 1;
      peak = Math.max(peak, there);
      response.once("close", () => {
        there -= 1;
      });
      handle(request, response).catch(() => request.socket.destroy());
    });
    server = opened;
    await new Promise<void>((resolve) => opened.listen(port, "127.0.0.1", resolve));
    port = (opened.address() as AddressInfo).port;
  };
  const stop = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    await new Promise<void>((resolve) => {
      if (closing === undefined) return resolve();
      closing.close(() => resolve());
      closing.closeAllConnections();
    });
  };
  await start();
  return {
    endpoint: `http://127.0.0.1:${port}/RPC2`,
    calls,
    peak: () => peak,
    unanswered: () => unanswered,
    fail(fault, times = 1, method) {
      planned.push({ fault, method, left: times });
    },
    rewrite(change) {
      rewritten = change;
    },
    heal() {
      planned = [];
    },
    stop,
    start,
    close: stop,
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** Until the reader has had enough. */
function pour(response: ServerResponse): void {
  const mebibyte = Buffer.alloc(1_048_576, " ");
  const more = () => {
    if (!response.destroyed && response.write(mebibyte)) setImmediate(more);
  };
  response.on("drain", more);
  more();
}
