/** What `onegate doctor` finds out about the way to OneGate: name, connection, TLS; each with its own cause. */

import { lookup } from "node:dns/promises";
import { connect, isIP } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { type Finding, wrong } from "./doctor-finding.ts";
import { bareHost, type HttpProxy, proxyFor } from "./proxy.ts";
import type { Variables } from "./shell-assignments.ts";

export interface WayOptions {
  readonly endpoint: URL;
  /** Those that name proxies are used. */
  readonly variables: Variables;
  /** Takes any certificate. */
  readonly insecure: boolean;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Up to the first that is wrong. */
export async function networkFindings(options: WayOptions): Promise<readonly Finding[]> {
  const proxy = proxyOf(options);
  if ("check" in proxy) return [proxy];
  const { url } = proxy;
  const host = bareHost(url);
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  const through: readonly Finding[] =
    proxy.http === undefined
      ? []
      : [{ check: "proxy", result: "note", found: `http_proxy is used: all goes to ${url.host}.` }];
  const name = await nameFinding(host, options);
  if (name.result === "wrong") return [...through, name];
  const connection = await connectionFinding(host, port, options);
  const found = [...through, name, connection];
  if (connection.result === "wrong" || options.endpoint.protocol !== "https:") return found;
  return [...found, await tlsFinding(proxy.http, options)];
}

function proxyOf({ endpoint, variables }: WayOptions): { url: URL; http?: HttpProxy } | Finding {
  try {
    const http = proxyFor(endpoint, variables);
    return http === undefined ? { url: endpoint } : { url: http.url, http };
  } catch (error) {
    return wrong("proxy", errorText(error), "Correct http_proxy, or put the endpoint's host into no_proxy.");
  }
}

async function nameFinding(host: string, options: WayOptions): Promise<Finding> {
  const check = "name";
  if (isIP(host) !== 0) return { check, result: "ok", found: `${host} is an address.` };
  const found = await within(lookup(host, { all: true }), options);
  if (!(found instanceof Error)) {
    return { check, result: "ok", found: `${host} is ${found.map(({ address }) => address).join(", ")}.` };
  }
  if (codeOf(found) === "ENOTFOUND") {
    return wrong(
      check,
      `The name ${host} is not known.`,
      "Correct ONEGATE_ENDPOINT, or the name server's records.",
    );
  }
  const servers = "Is the network up, and does /etc/resolv.conf name a server that answers?";
  return wrong(check, `The name ${host} cannot be looked up (${codeOf(found)}).`, servers);
}

async function connectionFinding(host: string, port: number, options: WayOptions): Promise<Finding> {
  const check = "connection";
  const shown = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const socket = connect({ host, port });
  const connected = new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.on("error", reject);
  });
  const failed = await within(connected, options);
  socket.destroy();
  if (!(failed instanceof Error)) return { check, result: "ok", found: `${shown} takes connections.` };
  switch (codeOf(failed)) {
    case "ECONNREFUSED":
      return wrong(
        check,
        `${shown} refuses connections.`,
        "Is OneGate running there, on this port, and listening on more than its own loopback?",
      );
    case LATE:
      return wrong(
        check,
        `${shown} does not answer at all: nothing came within ${options.timeoutMs / 1000} s.`,
        "A firewall or security group drops it, or the address is wrong.",
      );
    case "ENETUNREACH":
    case "EHOSTUNREACH":
      return wrong(
        check,
        `There is no route to ${shown}.`,
        "Does this VM have a NIC in that network, and a gateway?",
      );
    default:
      return wrong(check, `${shown} gives no connection: ${failed.message}.`, "See what lies between.");
  }
}

async function tlsFinding(proxy: HttpProxy | undefined, options: WayOptions): Promise<Finding> {
  const check = "tls";
  const socket = await within(secured(proxy, options), options);
  if (socket instanceof Error) {
    const { message } = socket;
    const found = `The TLS handshake with ${options.endpoint.host} failed: ${message.replace(/\.$/, "")}.`;
    return wrong(
      check,
      found,
      "Does the server speak TLS on this port? If not, ONEGATE_ENDPOINT must begin with http://.",
    );
  }
  const problem = certificateProblem(socket, options);
  socket.destroy();
  if (problem === undefined) return { check, result: "ok", found: "The certificate is trusted." };
  return options.insecure
    ? { check, result: "note", found: `${problem.found} It is taken all the same.` }
    : problem;
}

async function secured(proxy: HttpProxy | undefined, options: WayOptions): Promise<TLSSocket> {
  const { endpoint, timeoutMs, clock } = options;
  const host = bareHost(endpoint);
  const servername = isIP(host) === 0 ? host : "";
  const start =
    proxy === undefined
      ? () => connectTls({ host, port: Number(endpoint.port || 443), servername, rejectUnauthorized: false })
      : await (await import("./tunnel.ts")).tunnel(proxy, endpoint, { insecure: true, timeoutMs, clock });
  const socket = start();
  return await new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () => socket.destroy(late(timeoutMs)));
    socket.once("secureConnect", () => {
      cancel();
      resolve(socket);
    });
    socket.on("error", (error) => {
      cancel();
      reject(error);
    });
  });
}

/** The dates before the authority: of a certificate with both faults, OpenSSL tells only that of the authority. */
function certificateProblem(socket: TLSSocket, { endpoint, clock }: WayOptions): Finding | undefined {
  const code = socket.authorized ? undefined : String(socket.authorizationError);
  if (code === undefined) return undefined;
  const { valid_from: from, valid_to: to, subjectaltname: names } = socket.getPeerCertificate();
  const now = clock.now();
  const own = `now it is ${new Date(now).toISOString()} here`;
  if (Date.parse(to) < now) {
    const advice = `Renew it at the server; or is this machine's clock ahead (${own})?`;
    return wrong("tls", `The certificate of ${endpoint.host} has expired: ${to}.`, advice);
  }
  if (Date.parse(from) > now) {
    const advice = `Set this machine's clock (${own}).`;
    return wrong("tls", `The certificate of ${endpoint.host} is not valid before ${from}.`, advice);
  }
  if (/ALTNAME/.test(code)) {
    const found = `The certificate is not for ${bareHost(endpoint)}, but for ${names ?? "nothing"}.`;
    return wrong(
      "tls",
      found,
      "Put a name of the certificate into ONEGATE_ENDPOINT, or this name into the certificate.",
    );
  }
  const advice =
    "Give its authority with NODE_EXTRA_CA_CERTS=FILE, or take any certificate with ONEGATE_INSECURE=YES.";
  return wrong("tls", `The authority of ${endpoint.host}'s certificate is unknown (${code}).`, advice);
}

const LATE = "LATE";

function late(timeoutMs: number): Error {
  return Object.assign(new Error(`nothing came within ${timeoutMs / 1000} s`), { code: LATE });
}

/** What it gives, or the error it fails with; one of the code LATE when it takes too long. */
function within<T>(work: Promise<T>, { clock, timeoutMs }: WayOptions): Promise<T | Error> {
  return new Promise((resolve) => {
    const cancel = clock.after(timeoutMs, () => resolve(late(timeoutMs)));
    const end = (outcome: T | Error): void => {
      cancel();
      resolve(outcome);
    };
    work.then(end, (error: unknown) => end(error instanceof Error ? error : new Error(errorText(error))));
  });
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : "";
}
