/** One HTTP exchange with OneGate: authenticated, bounded in time and size, over TLS or a proxy where they are asked for. */

import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import type { Clock } from "../../shared/clock.ts";
import { GatehouseError } from "../../shared/errors.ts";
import type { Identity } from "./context.ts";
import { LostError } from "./lost.ts";
import { bareHost, proxyFor } from "./proxy.ts";
import type { Variables } from "./shell-assignments.ts";

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export interface GateRequest {
  readonly method: "GET" | "PUT" | "POST";
  /** From the root of the endpoint, whose own path is not used (spec onegate-cli.md 1). */
  readonly path: string;
  readonly body?: { readonly type: string; readonly text: string };
  readonly headers?: Readonly<Record<string, string>>;
}

export interface GateAnswer {
  readonly status: number;
  readonly statusText: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** @throws LostError when no whole answer came, in time. */
export type Transport = (request: GateRequest, stop?: AbortSignal) => Promise<GateAnswer>;

/** Knows where OneGate is, and shows no token: what is there may be anything. */
export type Stranger = Pick<Identity, "endpoint">;

export interface TransportOptions {
  readonly identity: Identity | Stranger;
  readonly insecure: boolean;
  readonly timeoutMs: number;
  /** Those that name proxies are used (proxy.ts). */
  readonly variables: Variables;
  readonly clock: Clock;
}

export function httpTransport(options: TransportOptions): Transport {
  return async function exchange(asked, stop) {
    const start = await prepare(asked, options);
    return await finished(start(), asked, options, stop);
  };
}

/**
 * All that must be waited for before the request starts. It starts only when `finished` can listen to it: an error
 * that nobody hears ends the process.
 */
async function prepare(asked: GateRequest, options: TransportOptions): Promise<() => ClientRequest> {
  const { identity, insecure, timeoutMs, clock, variables } = options;
  const { endpoint } = identity;
  const base: RequestOptions = {
    method: asked.method,
    hostname: bareHost(endpoint),
    port: endpoint.port,
    path: asked.path,
    headers: headersOf(asked, identity),
  };
  const proxy = proxyFor(endpoint, variables);
  if (endpoint.protocol === "http:") {
    return () => httpRequest({ ...(proxy?.forward(base, endpoint) ?? base), agent: false });
  }
  const { request: httpsRequest } = await import("node:https");
  if (proxy === undefined) {
    return () => httpsRequest({ ...base, rejectUnauthorized: !insecure, agent: false });
  }
  const { tunnel } = await import("./tunnel.ts");
  const connect = await tunnel(proxy, endpoint, { insecure, timeoutMs, clock });
  // Only without an agent does node take a connection of ours.
  return () => httpsRequest({ ...base, createConnection: connect });
}

function headersOf({ body, headers }: GateRequest, caller: Identity | Stranger): Record<string, string> {
  return {
    Accept: "*/*",
    "User-Agent": "gatehouse-onegate",
    ...("token" in caller ? { "X-ONEGATE-TOKEN": caller.token, "X-ONEGATE-VMID": caller.vmId } : {}),
    ...headers,
    ...(body === undefined
      ? {}
      : { "Content-Type": body.type, "Content-Length": String(Buffer.byteLength(body.text)) }),
  };
}

function finished(
  request: ClientRequest,
  { body }: GateRequest,
  { identity, timeoutMs, clock }: TransportOptions,
  stop: AbortSignal | undefined,
): Promise<GateAnswer> {
  const where = identity.endpoint.origin;
  return new Promise((resolve, reject) => {
    let sent = false;
    const end = (work: () => void): void => {
      cancel();
      stop?.removeEventListener("abort", abort);
      work();
    };
    const fail = (error: Error): void => end(() => reject(error));
    const drop = (message: string): void => {
      fail(new LostError(message, { sent }));
      request.destroy();
    };
    const abort = (): void => drop("Stopped before OneGate answered.");
    const cancel = clock.after(timeoutMs, () =>
      drop(`OneGate at ${where} did not answer within ${timeoutMs / 1000} s.`),
    );
    stop?.addEventListener("abort", abort);
    request.once("socket", (socket) => {
      const connected = (): void => {
        sent = true;
      };
      if (socket.connecting) socket.once("connect", connected);
      else connected();
    });
    request.on("error", (error) => fail(lost(error, where, sent)));
    request.on("response", (response) => {
      readAnswer(response).then(
        (answer) => end(() => resolve(answer)),
        (error: Error) => {
          fail(error instanceof GatehouseError ? error : lost(error, where, true));
          request.destroy();
        },
      );
    });
    request.end(body?.text);
    if (stop?.aborted) abort();
  });
}

function readAnswer(response: IncomingMessage): Promise<GateAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on("data", (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > MAX_ANSWER_BYTES) reject(tooLarge());
    });
    response.on("error", reject);
    response.on("end", () =>
      resolve({
        status: response.statusCode ?? 0,
        statusText: response.statusMessage ?? "",
        headers: singleHeaders(response),
        body: Buffer.concat(chunks).toString("utf8"),
      }),
    );
  });
}

function singleHeaders({ headers }: IncomingMessage): Record<string, string> {
  const all = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
  return Object.fromEntries(all);
}

function tooLarge(): GatehouseError {
  return new GatehouseError("too_large", `The answer is larger than the ${MAX_ANSWER_BYTES} bytes allowed.`);
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was lost",
  ENOTFOUND: "its name is not known",
  EAI_AGAIN: "its name cannot be looked up now",
  EHOSTUNREACH: "there is no route to it",
  ENETUNREACH: "there is no route to it",
  ETIMEDOUT: "the connection timed out",
};

/** Codes of certificates that are not trusted: the next try would meet the same one. */
const UNTRUSTED = /CERT|SELF_SIGNED|VERIFY|ALTNAME|ISSUER/;

function lost(error: Error, where: string, sent: boolean): LostError {
  if (error instanceof LostError) return error;
  const code = "code" in error ? String(error.code) : "";
  if (UNTRUSTED.test(code)) {
    const advice = "add its authority with NODE_EXTRA_CA_CERTS, or take any with --insecure";
    const message = `The TLS certificate of ${where} is not trusted (${code}): ${advice}.`;
    return new LostError(message, { sent: false, lasting: true });
  }
  const reason = REASONS[code] ?? (error.message || "the connection failed");
  return new LostError(`OneGate at ${where} cannot be reached: ${reason}${code && ` (${code})`}.`, { sent });
}
