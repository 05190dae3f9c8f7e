/** Where the core listens and who asks: ONE_XMLRPC and ONE_AUTH, or the house that runs here. */

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { errorText, GatehouseError } from "../../../shared/errors.ts";
import type { OneContext } from "./context.ts";
import { XmlRpcClient } from "./xmlrpc-client.ts";

const DEFAULT_ENDPOINT = "http://localhost:2633/RPC2";
const DEFAULT_HOME = "var";

/** Options of every command; they stand above the environment. */
export interface AccessOptions {
  readonly endpoint?: string;
  readonly user?: string;
  readonly password?: string;
}

export interface Session {
  /** `user:password`. */
  readonly text: string;
  /** Where it came from, for messages. */
  readonly origin: string;
}

/** @throws GatehouseError `bad_request` for a bad URL, or when no credentials are found. */
export function connect(context: OneContext, options: AccessOptions): XmlRpcClient {
  const endpoint = endpointFor(context, options);
  return new XmlRpcClient({ endpoint, session: sessionFor(context, options).text, clock: context.clock });
}

/** --endpoint, ONE_XMLRPC, the house's run.json, ~/.one/one_endpoint, and OpenNebula's default. */
export function endpointFor(context: OneContext, options: AccessOptions): string {
  const named = options.endpoint ?? nonEmpty(context.env.ONE_XMLRPC);
  const house = houseUrl(context, "rpc");
  const found =
    named ??
    (house === undefined ? undefined : withRpcPath(house)) ??
    personalEndpoint(context, "one_endpoint") ??
    DEFAULT_ENDPOINT;
  if (z.url({ protocol: /^https?$/ }).safeParse(found).success) return found;
  const origin = options.endpoint === undefined ? "ONE_XMLRPC" : "--endpoint";
  throw new GatehouseError(
    "bad_request",
    `${origin} is "${found}", which is no URL; it looks like ${DEFAULT_ENDPOINT}.`,
  );
}

/** --user and --password, the file of ONE_AUTH, ~/.one/one_auth, or the house's own one_auth. */
export function sessionFor(context: OneContext, options: AccessOptions): Session {
  if (options.user !== undefined || options.password !== undefined) {
    if (options.user !== undefined && options.password !== undefined)
      return { text: `${options.user}:${options.password}`, origin: "--user and --password" };
    throw new GatehouseError("bad_request", "--user and --password are only of use together.");
  }
  const named = nonEmpty(context.env.ONE_AUTH);
  if (named !== undefined) return readSession(resolve(context.cwd, named), "ONE_AUTH");
  const candidates = [personalAuthFile(context), join(homeOf(context), "one_auth")];
  const found = candidates.find((file) => file !== undefined && existsSync(file));
  if (found !== undefined) return readSession(found, "found without ONE_AUTH");
  throw new GatehouseError(
    "bad_request",
    `No credentials: there is no file ${candidates.filter((file) => file !== undefined).join(" and no ")}; ` +
      "set ONE_AUTH to a file that holds user:password.",
  );
}

/** ~/.one/one_auth; undefined without a HOME. */
export function personalAuthFile(context: OneContext): string | undefined {
  const home = nonEmpty(context.env.HOME);
  return home === undefined ? undefined : join(home, ".one", "one_auth");
}

function readSession(file: string, origin: string): Session {
  const text = readOrRefuse(file, origin).trim();
  if (/^[^\s:]+:\S/.test(text) && !text.includes("\n")) return { text, origin: `${file} (${origin})` };
  throw new GatehouseError("bad_request", `${file} (${origin}) must hold one line, user:password.`);
}

function readOrRefuse(file: string, origin: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new GatehouseError(
      "bad_request",
      `The credentials ${file} (${origin}) cannot be read: ${errorText(error)}.`,
    );
  }
}

const runFile = z.object({ rpc: z.url().optional(), oneflow: z.url().optional() });

/** A URL that the running house wrote into its run.json; undefined without one. */
export function houseUrl(context: OneContext, server: "rpc" | "oneflow"): string | undefined {
  try {
    return runFile.parse(JSON.parse(readFileSync(join(homeOf(context), "run.json"), "utf8")))[server];
  } catch {
    // No house runs here: the next place may know better.
    return undefined;
  }
}

function withRpcPath(text: string): string {
  const url = new URL(text);
  return url.pathname === "/" ? new URL("/RPC2", url).href : text;
}

/** The one line of a file in ~/.one; undefined without one. */
export function personalEndpoint(context: OneContext, name: string): string | undefined {
  const home = nonEmpty(context.env.HOME);
  if (home === undefined) return undefined;
  try {
    return nonEmpty(readFileSync(join(home, ".one", name), "utf8").trim());
  } catch {
    return undefined;
  }
}

function homeOf(context: OneContext): string {
  return resolve(context.cwd, nonEmpty(context.env.GATEHOUSE_HOME) ?? DEFAULT_HOME);
}

/** An empty variable or file says nothing. */
export function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text;
}
