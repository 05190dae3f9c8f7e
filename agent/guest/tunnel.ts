/** A TLS connection to OneGate through a proxy's CONNECT. */

import { request as httpRequest } from "node:http";
import { isIP, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { Clock } from "../../shared/clock.ts";
import { LostError } from "./lost.ts";
import { bareHost, type HttpProxy } from "./proxy.ts";

export interface TunnelOptions {
  readonly insecure: boolean;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * Opens the way; the function given back starts TLS on it, once.
 * @throws LostError when the proxy cannot be reached in time, or refuses.
 */
export async function tunnel(
  proxy: HttpProxy,
  endpoint: URL,
  options: TunnelOptions,
): Promise<() => TLSSocket> {
  const target = `${endpoint.hostname}:${endpoint.port || "443"}`;
  const socket = await connected(proxy, target, options);
  const host = bareHost(endpoint);
  // An address is no server name (RFC 6066); the certificate is then checked for `host`.
  const servername = isIP(host) === 0 ? host : "";
  return () => connect({ socket, host, servername, rejectUnauthorized: !options.insecure });
}

function connected(proxy: HttpProxy, target: string, { timeoutMs, clock }: TunnelOptions): Promise<Socket> {
  const { connection, url } = proxy;
  return new Promise((resolve, reject) => {
    const headers = { ...connection.headers, Host: target };
    const request = httpRequest({ ...connection, method: "CONNECT", path: target, headers, agent: false });
    const cancel = clock.after(timeoutMs, () => request.destroy(new Error("it did not answer in time")));
    const fail = (reason: string): void => {
      cancel();
      reject(new LostError(`The proxy ${url.host} gives no connection: ${reason}.`, { sent: false }));
    };
    request.on("connect", (response, socket) => {
      if (response.statusCode !== 200) {
        socket.destroy();
        return fail(`it answered ${response.statusCode} ${response.statusMessage}`);
      }
      cancel();
      resolve(socket);
    });
    request.on("response", (response) => {
      response.resume();
      fail(`it answered ${response.statusCode} ${response.statusMessage}`);
    });
    request.on("error", (error) => fail(error.message));
    request.end();
  });
}
