/** UDP and TCP on one port. */

import { lookup } from "node:dns/promises";
import { createServer, type Server } from "node:net";
import { DgramAsPromised, type RemoteInfo, type SocketAsPromised } from "dgram-as-promised";
import { errorText, GatehouseError } from "../../shared/errors.ts";

/** Datagrams that the kernel keeps while a slice of work goes on; it may allow less. */
const RECEIVE_BUFFER_BYTES = 4 * 1_024 * 1_024;

/** Of any free port of UDP, somebody may have the same of TCP. */
const TRIES = 20;

export interface Listeners {
  readonly host: string;
  readonly port: number;
  readonly server: Server;
  /** Takes nothing more. */
  close(): Promise<void>;
}

export interface ListenOptions {
  /** An address, or a name that is looked up once. */
  readonly host: string;
  /** 0: any that is free for both. */
  readonly port: number;
  readonly onDatagram: (bytes: Buffer, from: RemoteInfo) => void;
  /** Told of what the sockets report later. */
  readonly onError: (error: Error) => void;
}

/** @throws GatehouseError `conflict` when the port is taken, `unavailable` when it cannot be listened on. */
export async function listenBoth(options: ListenOptions): Promise<Listeners> {
  const { address, family } = await resolved(options.host);
  for (let tries = 1; ; tries += 1) {
    const listeners = await listenOnce(options, address, family);
    if (listeners !== undefined) return listeners;
    if (options.port !== 0 || tries === TRIES) throw taken(options);
  }
}

async function resolved(host: string): Promise<{ address: string; family: number }> {
  try {
    return await lookup(host);
  } catch (cause) {
    throw new GatehouseError("unavailable", `monitor cannot listen on ${host}: ${errorText(cause)}.`, {
      cause,
    });
  }
}

/** Undefined when the port is taken. */
async function listenOnce(
  options: ListenOptions,
  address: string,
  family: number,
): Promise<Listeners | undefined> {
  const { onDatagram, onError } = options;
  const udp = DgramAsPromised.createSocket({ type: family === 6 ? "udp6" : "udp4" }, onDatagram);
  const server = createServer({ allowHalfOpen: true });
  try {
    const { port } = await udp.bind(options.port, address);
    await listening(server, port, address);
    growBuffer(udp);
    udp.socket.on("error", onError);
    server.on("error", onError);
    return { host: options.host, port, server, close: () => closeBoth(udp, server) };
  } catch (cause) {
    udp.socket.close();
    if (codeOf(cause) === "EADDRINUSE") return undefined;
    const text = `monitor cannot listen on ${options.host}:${options.port}: ${errorText(cause)}.`;
    throw new GatehouseError("unavailable", text, { cause });
  }
}

async function listening(server: Server, port: number, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", reject);
    server.listen({ port, host, backlog: 1_024 });
  });
  server.removeAllListeners("error");
}

async function closeBoth(udp: SocketAsPromised, server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  await udp.close();
  await closed;
}

function growBuffer(udp: SocketAsPromised): void {
  try {
    udp.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // Where the kernel refuses, it keeps what it has by default.
  }
}

function taken({ host, port }: ListenOptions): GatehouseError {
  return new GatehouseError(
    "conflict",
    `monitor cannot listen on ${host}:${port}, which is taken for UDP or TCP; set monitor.port (GATEHOUSE_MONITOR_PORT) to another one, or to 0 for any that is free.`,
  );
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
