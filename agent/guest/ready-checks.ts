/**
 * The checks that `onegate ready` has built in: a TCP port answers, an HTTP address gives 2xx, a file exists, a systemd
 * unit is active. Each ends within its time, and says in one clause why it did not pass.
 */

import { existsSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import type { Clock } from "../../shared/clock.ts";
import { GatehouseError } from "../../shared/errors.ts";
import { runChild } from "./child.ts";
import type { Variables } from "./shell-assignments.ts";

export const CHECK_VARIABLES = ["READY_TCP", "READY_HTTP", "READY_FILE", "READY_UNIT"] as const;

export interface CheckWorld {
  readonly env: Variables;
  readonly clock: Clock;
  readonly stop: AbortSignal;
  /** For each check. */
  readonly timeoutMs: number;
}

/** undefined: it passed; else why not: "the file /x does not exist". */
export type ReadyCheck = (world: CheckWorld) => Promise<string | undefined>;

/**
 * The checks that the variables ask for.
 * @throws GatehouseError `bad_request` for a port, an address or a unit that is none.
 */
export function readyChecks(variables: Variables): readonly ReadyCheck[] {
  const file = variables.READY_FILE || undefined;
  return [
    ...words(variables.READY_TCP, /[\s,]+/).map(tcpCheck),
    ...words(variables.READY_HTTP, /\s+/).map(httpCheck),
    ...(file === undefined ? [] : [fileCheck(file)]),
    ...words(variables.READY_UNIT, /[\s,]+/).map(unitCheck),
  ];
}

function words(text: string | undefined, separator: RegExp): readonly string[] {
  return (text ?? "").split(separator).filter((word) => word !== "");
}

/** `80` is a port of this machine, by IPv4 or IPv6; `host:80` and `[::1]:80` one of another. */
function tcpCheck(text: string): ReadyCheck {
  const [, host, port = ""] = /^(?:(\[[^\]\s]+\]|[^:\s]+):)?(\d{1,5})$/.exec(text) ?? [];
  if (Number(port) < 1 || Number(port) > 65_535) {
    throw wrong("READY_TCP must be ports such as 80 or db.example:5432", text);
  }
  const hosts = host === undefined ? ["127.0.0.1", "::1"] : [host.replace(/^\[|\]$/g, "")];
  return async (world) => {
    let reason: string | undefined = "";
    for (const name of hosts) {
      const failed = await connects(name, Number(port), world);
      if (failed === undefined) return undefined;
      reason ||= failed;
    }
    return `TCP port ${text} does not answer: ${reason}`;
  };
}

function connects(
  host: string,
  port: number,
  { clock, stop, timeoutMs }: CheckWorld,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (reason: string | undefined): void => {
      cancel();
      stop.removeEventListener("abort", abort);
      socket.destroy();
      resolve(reason);
    };
    const abort = (): void => end("stopped");
    const cancel = clock.after(timeoutMs, () => end(`no connection within ${timeoutMs / 1000} s`));
    socket.once("connect", () => end(undefined));
    socket.on("error", (error) => end(reasonOf(error)));
    stop.addEventListener("abort", abort);
    if (stop.aborted) abort();
  });
}

/** Whose certificate it is plays no part: the question is whether the application answers. */
function httpCheck(text: string): ReadyCheck {
  const url = httpUrl(text);
  // What follows the path may be a secret.
  const shown = url.origin + url.pathname;
  return async (world) => {
    const outcome = await statusOf(url, world);
    if (typeof outcome === "number" && outcome >= 200 && outcome < 300) return undefined;
    if (typeof outcome === "number") return `${shown} answers ${outcome}`;
    return `${shown} does not answer: ${outcome}`;
  };
}

function statusOf(url: URL, { clock, stop, timeoutMs }: CheckWorld): Promise<number | string> {
  return new Promise((resolve) => {
    const options = {
      agent: false,
      rejectUnauthorized: false,
      headers: { "User-Agent": "gatehouse-onegate" },
    };
    const request = url.protocol === "https:" ? httpsRequest(url, options) : httpRequest(url, options);
    const end = (outcome: number | string): void => {
      cancel();
      stop.removeEventListener("abort", abort);
      request.destroy();
      resolve(outcome);
    };
    const abort = (): void => end("stopped");
    const cancel = clock.after(timeoutMs, () => end(`nothing came within ${timeoutMs / 1000} s`));
    // The body plays no part, and may never end.
    request.once("response", ({ statusCode = 0 }) => end(statusCode));
    request.on("error", (error) => end(reasonOf(error)));
    stop.addEventListener("abort", abort);
    request.end();
    if (stop.aborted) abort();
  });
}

function httpUrl(text: string): URL {
  try {
    const url = new URL(text);
    if (url.protocol === "http:" || url.protocol === "https:") return url;
  } catch {
    // Told below.
  }
  const shown = text.replace(/\/\/[^/@]*@/, "//").replace(/[?#].*$/, "");
  throw wrong("READY_HTTP must be a URL such as http://127.0.0.1/health", shown);
}

function fileCheck(path: string): ReadyCheck {
  return async () => (existsSync(path) ? undefined : `the file ${path} does not exist`);
}

function unitCheck(unit: string): ReadyCheck {
  if (!/^[A-Za-z0-9_.@:\\-]+$/.test(unit))
    throw wrong("READY_UNIT must be systemd units such as nginx.service", unit);
  return async ({ env, clock, stop, timeoutMs }) => {
    const args = ["is-active", "--quiet", "--", unit];
    const result = await runChild("systemctl", args, { env, timeoutMs, maxOutputBytes: 1000, clock, stop });
    if (result.ok) return undefined;
    const isState = /exit code [34]$/.test(result.reason);
    return isState ? `the unit ${unit} is not active` : `systemctl is-active ${unit} ${result.reason}`;
  };
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection lost",
  ENOTFOUND: "unknown name",
  EHOSTUNREACH: "no route",
  ENETUNREACH: "no route",
};

function reasonOf(error: Error): string {
  const code = "code" in error ? String(error.code) : "";
  return REASONS[code] ?? (code || error.message);
}

function wrong(rule: string, text: string): GatehouseError {
  return new GatehouseError("bad_request", `${rule}, not ${JSON.stringify(text)}.`);
}
