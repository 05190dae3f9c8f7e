/** The HTTP proxy that the environment names (spec onegate-cli.md 1: http_proxy is honoured). */

import type { RequestOptions } from "node:http";
import { GatehouseError } from "../../shared/errors.ts";
import type { Variables } from "./shell-assignments.ts";

export interface HttpProxy {
  readonly url: URL;
  /** Host, port and Proxy-Authorization of the proxy, for a request that goes to it. */
  readonly connection: Pick<RequestOptions, "hostname" | "port" | "headers">;
  /** The same request sent through the proxy, with the whole URL in its first line. */
  forward(request: RequestOptions, endpoint: URL): RequestOptions;
}

/**
 * https_proxy for https endpoints, else http_proxy; in capitals too, except HTTP_PROXY, which a CGI's client can set.
 * none where no_proxy names the endpoint's host, a domain of it, or `*`.
 * @throws GatehouseError `bad_request` for a proxy that is no http URL.
 */
export function proxyFor(endpoint: URL, variables: Variables): HttpProxy | undefined {
  const secure = endpoint.protocol === "https:" ? variables.https_proxy || variables.HTTPS_PROXY : undefined;
  const named = secure || variables.http_proxy;
  if (!named || isExempt(endpoint.hostname, variables.no_proxy || variables.NO_PROXY || "")) return undefined;
  const url = proxyUrl(named);
  const connection = {
    hostname: bareHost(url),
    port: url.port || "80",
    headers: url.username === "" ? {} : { "Proxy-Authorization": basic(url) },
  };
  const forward: HttpProxy["forward"] = (request, target) => ({
    ...request,
    ...connection,
    protocol: "http:",
    path: `${target.origin}${request.path ?? "/"}`,
    headers: { ...headersOf(request), ...connection.headers, Host: target.host },
  });
  return { url, connection, forward };
}

/** An IPv6 address without the brackets that a URL has, as node takes it. */
export function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

function headersOf({ headers }: RequestOptions): object {
  return headers === undefined || Array.isArray(headers) ? {} : headers;
}

function basic({ username, password }: URL): string {
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}

function proxyUrl(text: string): URL {
  try {
    const url = new URL(text.includes("://") ? text : `http://${text}`);
    if (url.protocol === "http:") return url;
  } catch {
    // Told below.
  }
  throw new GatehouseError(
    "bad_request",
    "http_proxy must be an http URL such as http://proxy.example:3128.",
  );
}

function isExempt(hostname: string, list: string): boolean {
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => {
      const suffix = entry.replace(/^\*?\./, "").toLowerCase();
      return entry === "*" || hostname === suffix || hostname.endsWith(`.${suffix}`);
    });
}
