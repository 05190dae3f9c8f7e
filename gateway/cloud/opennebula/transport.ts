/** One HTTP request to the core, bounded in time and size; what fails tells whether the core may have seen it. */

import * as http from "node:http";
import * as https from "node:https";
import type { Clock } from "../../../shared/clock.ts";
import { errorText } from "../../../shared/errors.ts";

/** The core closes connections that are idle for 15 s; one that is taken up again must be younger. */
const IDLE_MS = 4_000;

const CUT = "the connection was cut";

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: CUT,
  EPIPE: CUT,
  ENOTFOUND: "the host name is unknown",
  EAI_AGAIN: "the host name cannot be looked up now",
  EHOSTUNREACH: "the host cannot be reached",
  ETIMEDOUT: "nobody answered in time",
};

/** There is no answer, or none that is whole. */
export class NoAnswer extends Error {
  /** False: the core cannot have seen the call. */
  readonly sent: boolean;
  /** The other side closed the connection. */
  readonly wasCut: boolean;

  constructor(reason: string, sent: boolean, cause?: unknown) {
    super(reason, { cause });
    this.name = "NoAnswer";
    this.sent = sent;
    this.wasCut = reason === CUT;
  }
}

/** There is an answer, and more of it than was agreed; the rest was not read. */
export class TooMuch extends Error {}

export interface TransportOptions {
  readonly endpoint: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
}

export interface Transport {
  /**
   * The bytes of the answer. `fresh`: over a connection of its own, since one that was idle may be closed by the core in
   * the very moment it is used, and then nobody knows what became of the call. `maxBytes`: less than is agreed for all.
   * @throws NoAnswer, TooMuch
   */
  post(
    body: string,
    options: { readonly fresh: boolean; readonly maxBytes?: number | undefined },
  ): Promise<Buffer>;
  /** Cuts what is asked for; what changes something may end. Calls after it fail. */
  close(): void;
}

export function openTransport({ endpoint, clock, timeoutMs, maxAnswerBytes }: TransportOptions): Transport {
  const url = new URL(endpoint);
  const { Agent, request } = url.protocol === "https:" ? https : http;
  const agent = new Agent({ keepAlive: true, timeout: IDLE_MS + timeoutMs });
  agent.on("free", (socket) => socket.setTimeout(IDLE_MS));
  let isClosed = false;
  return {
    async post(body, { fresh, maxBytes = maxAnswerBytes }) {
      if (isClosed) throw new NoAnswer("the house closes", false);
      const headers = {
        "content-type": "text/xml; charset=utf-8",
        "content-length": Buffer.byteLength(body),
      };
      const send = (own: boolean) => {
        const sending = request(url, { method: "POST", headers, agent: own ? false : agent });
        return { sending, answer: answerTo(sending, body, { clock, timeoutMs, maxAnswerBytes: maxBytes }) };
      };
      const { sending, answer } = send(fresh);
      return await answer.catch((error: unknown) => {
        if (isClosed || !sending.reusedSocket || !(error instanceof NoAnswer) || !error.wasCut) throw error;
        return send(true).answer;
      });
    },
    close() {
      isClosed = true;
      agent.destroy();
    },
  };
}

type Bounds = Pick<TransportOptions, "clock" | "timeoutMs" | "maxAnswerBytes">;

function answerTo(sending: http.ClientRequest, body: string, bounds: Bounds): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  let connected = false;
  const fail = (reason: string, cause?: unknown) => {
    reject(cause instanceof TooMuch ? cause : new NoAnswer(reason, connected, cause));
    sending.destroy();
  };
  const cancel = bounds.clock.after(bounds.timeoutMs, () =>
    fail(`nobody answered within ${bounds.timeoutMs / 1_000} s`),
  );
  sending.once("socket", (socket) => {
    const mark = () => {
      connected = true;
    };
    if (socket.connecting) socket.once("connect", mark);
    else mark();
  });
  sending.on("error", (error) => fail(reasonOf(error), error));
  sending.once("response", (response) => {
    readAll(response, bounds.maxAnswerBytes).then(resolve, (error: unknown) => fail(reasonOf(error), error));
  });
  sending.end(body);
  return promise.finally(cancel);
}

async function readAll(response: http.IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`it answered HTTP ${response.statusCode}`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size > maxBytes) throw new TooMuch(`its answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return REASONS[code] ?? errorText(error);
}
