/** Serves an app over TCP or a unix socket, with limits that no sender can stretch. */

import { rmSync } from "node:fs";
import { Server } from "node:http";
import { createServer as createSecureServer, Server as SecureServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { promisify } from "node:util";
import { createAdaptorServer, type Http2Bindings, type HttpBindings } from "@hono/node-server";
import type { Clock } from "../../shared/clock.ts";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { CONNECTION_TIMES, PIPELINING } from "../onegate/fairness/connection-times.ts";
import { type BoundConnections, boundConnections, type ConnectionBounds } from "./connections.ts";
import { followTls, readTls, type TlsFiles, type TlsIdentity } from "./tls.ts";

/** A head of more bytes than this, 10,000 headers among them, is answered 431 by Node. */
const MAX_HEADER_BYTES = 16 * 1_024;
/** How often heads and requests are looked at that take too long. */
const TIMEOUT_CHECK_MS = 2_000;
/** Further connections are closed at once; below the usual limit of open files twice over. */
const MAX_CONNECTIONS = 8_192;
const DEFAULT_BOUNDS: ConnectionBounds = { max: MAX_CONNECTIONS, maxPerAddress: MAX_CONNECTIONS };
/** Whoever was refused has so long to read why, and to close. */
const REFUSAL_LINGER_MS = 2_000;
/** Requests under way may finish for so long when the house closes. */
const CLOSE_GRACE_MS = 5_000;

const SERVER_OPTIONS = {
  maxHeaderSize: MAX_HEADER_BYTES,
  headersTimeout: CONNECTION_TIMES.headMs,
  requestTimeout: CONNECTION_TIMES.requestMs,
  connectionsCheckingInterval: TIMEOUT_CHECK_MS,
  keepAliveTimeout: CONNECTION_TIMES.keepAliveMs,
};

/** A handshake takes no longer than a head may. */
const TLS_RULES = { minVersion: "TLSv1.2", handshakeTimeout: CONNECTION_TIMES.headMs } as const;

/** What @hono/node-server calls for a request. */
export interface Fetching {
  fetch(request: Request, bindings: HttpBindings | Http2Bindings): Response | Promise<Response>;
}

export type Endpoint =
  | { readonly host: string; readonly port: number }
  /** Made with mode 0600; one left over by a crash is replaced. */
  | { readonly socketPath: string };

export interface Listening {
  /** The TCP port really taken; 0 on a unix socket. */
  readonly port: number;
  /** Connections that are open now. */
  openConnections(): Promise<number>;
  /** Stops taking connections, and waits for requests under way. */
  close(): Promise<void>;
}

export interface ListenOptions {
  /** For errors and logs: `onegate`. */
  readonly name: string;
  readonly app: Fetching;
  readonly endpoint: Endpoint;
  /** Other than MAX_CONNECTIONS in all. */
  readonly connections?: ConnectionBounds | undefined;
  /** HTTPS, and nothing else, with this certificate, which is read again when its files change. */
  readonly tls?: TlsFiles | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** @throws GatehouseError `conflict` when the address is taken, `unavailable` when it cannot be listened on. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { name, endpoint, clock, log, tls } = options;
  const identity = tls === undefined ? undefined : readTls(tls);
  const server = createServer(options, identity);
  const sockets = socketsOf(server);
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", (error) => reject(cannotListen(name, endpoint, error)));
    bind(server, endpoint);
  });
  server.on("error", (error) =>
    log.error({ err: error, server: name }, "A server failed to take a connection"),
  );
  const unfollow = follow(server, identity, options);
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    openConnections: promisify(server.getConnections.bind(server)),
    close: () => {
      unfollow();
      return close(server, sockets, clock);
    },
  };
}

type AnyServer = Server | SecureServer;

/** Renewals of the certificate reach new connections; the old ones keep what they began with. */
function follow(
  server: AnyServer,
  current: TlsIdentity | undefined,
  { tls, clock, log }: ListenOptions,
): () => void {
  if (tls === undefined || current === undefined || !(server instanceof SecureServer)) return () => undefined;
  const apply = (identity: TlsIdentity): void => server.setSecureContext({ ...identity, ...TLS_RULES });
  return followTls({ files: tls, current, clock, log, apply });
}

function createServer(options: ListenOptions, identity: TlsIdentity | undefined): AnyServer {
  const { app, clock } = options;
  let bound: BoundConnections | undefined;
  const fetch: Fetching["fetch"] = (request, bindings) =>
    bound?.isCut(bindings.incoming.socket) === true
      ? new Response(null, { status: 503 })
      : app.fetch(request, bindings);
  const server =
    identity === undefined
      ? createAdaptorServer({ fetch, serverOptions: SERVER_OPTIONS })
      : createAdaptorServer({
          fetch,
          createServer: createSecureServer,
          serverOptions: { ...SERVER_OPTIONS, ...identity, ...TLS_RULES },
        });
  if (!(server instanceof Server || server instanceof SecureServer))
    throw new GatehouseError("internal", "The adaptor made no HTTP/1.1 server.");
  bound = bounded(server, options);
  server.setTimeout(CONNECTION_TIMES.idleMs);
  server.on("clientError", (error, socket) => refuseClient(error, socket, clock));
  // Before a handshake's end nothing that is written leaves, so its socket would wait to be closed for ever.
  server.on("tlsClientError", (_error, socket: Duplex) => socket.destroy());
  return server;
}

/** Unix sockets have no addresses, and are for those who may open them. */
function bounded(
  server: AnyServer,
  { name, endpoint, connections = DEFAULT_BOUNDS, clock, log }: ListenOptions,
): BoundConnections | undefined {
  if ("socketPath" in endpoint) {
    server.maxConnections = connections.max;
    return undefined;
  }
  const onFlood = (address: string): void =>
    log.warn(
      { server: name, address, ...PIPELINING },
      "An address floods a connection with requests, not waiting for answers, and is shut out for a while",
    );
  return boundConnections(server, connections, { clock, onFlood });
}

/** What was no request yet when it failed: Node's own answers to it say nothing. */
const CLIENT_ERRORS: Readonly<Record<string, readonly [status: string, sentence: string]>> = {
  HPE_HEADER_OVERFLOW: [
    "431 Request Header Fields Too Large",
    `The request's head is too large: at most ${MAX_HEADER_BYTES} bytes are taken.`,
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "The request did not come to its end in time."],
};

function refuseClient(error: Error & { code?: string }, socket: Duplex, clock: Clock): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const known = CLIENT_ERRORS[error.code ?? ""];
  const [status, sentence] = known ?? ["400 Bad Request", "This is not an HTTP/1.1 request."];
  const head = `Content-Type: text/plain;charset=utf-8\r\nContent-Length: ${Buffer.byteLength(sentence)}`;
  socket.end(`HTTP/1.1 ${status}\r\n${head}\r\nConnection: close\r\n\r\n${sentence}`);
  socket.once(
    "close",
    clock.after(REFUSAL_LINGER_MS, () => socket.destroy()),
  );
}

/** Node binds a unix socket before `listen` returns, so the mask is changed for that one call only. */
function bind(server: AnyServer, endpoint: Endpoint): void {
  if (!("socketPath" in endpoint)) {
    server.listen(endpoint.port, endpoint.host);
    return;
  }
  rmSync(endpoint.socketPath, { force: true });
  const mask = process.umask(0o177);
  try {
    server.listen(endpoint.socketPath);
  } finally {
    process.umask(mask);
  }
}

function cannotListen(name: string, endpoint: Endpoint, error: Error): GatehouseError {
  const where = "socketPath" in endpoint ? endpoint.socketPath : `${endpoint.host}:${endpoint.port}`;
  const code = "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") {
    const hint = `set ${name}.port (GATEHOUSE_${name.toUpperCase()}_PORT) to another one, or to 0 for any that is free`;
    return new GatehouseError("conflict", `${name} cannot listen on ${where}, which is taken; ${hint}.`);
  }
  return new GatehouseError("unavailable", `${name} cannot listen on ${where}: ${errorText(error)}.`, {
    cause: error,
  });
}

/** Those that are open, also those that are no HTTP connection yet, of which the server itself knows nothing. */
function socketsOf(server: AnyServer): ReadonlySet<Socket> {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  return open;
}

async function close(server: AnyServer, sockets: ReadonlySet<Socket>, clock: Clock): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cancel = clock.after(CLOSE_GRACE_MS, () => {
    for (const socket of sockets) socket.destroy();
  });
  await closed;
  cancel();
}
