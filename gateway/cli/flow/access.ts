/** Where OneFlow listens and who asks: ONEFLOW_URL, ONEFLOW_USER and ONEFLOW_PASSWORD, or the house that runs here. */

import { GatehouseError } from "../../../shared/errors.ts";
import { houseUrl, nonEmpty, personalEndpoint, type Session, sessionFor } from "../one/access.ts";
import type { OneContext } from "../one/context.ts";

const DEFAULT_ENDPOINT = "http://localhost:2474";

/** Options of every command; they stand above the environment. */
export interface FlowAccessOptions {
  readonly server?: string;
  readonly username?: string;
  readonly password?: string;
}

/** --server, ONEFLOW_URL, the house's run.json, ~/.one/oneflow_endpoint, and OpenNebula's default; no slash at its end. */
export function flowEndpoint(context: OneContext, options: FlowAccessOptions): string {
  const found =
    options.server ??
    nonEmpty(context.env.ONEFLOW_URL) ??
    houseUrl(context, "oneflow") ??
    personalEndpoint(context, "oneflow_endpoint") ??
    DEFAULT_ENDPOINT;
  const url = URL.canParse(found) ? new URL(found) : undefined;
  const isPlain = url !== undefined && url.search === "" && url.hash === "";
  if (isPlain && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "")
    return found.replace(/\/+$/, "");
  const origin = options.server === undefined ? "ONEFLOW_URL" : "--server";
  if (url?.username || url?.password)
    throw new GatehouseError(
      "bad_request",
      `${origin} holds a user or password; give them with ONEFLOW_USER and ONEFLOW_PASSWORD.`,
    );
  throw new GatehouseError(
    "bad_request",
    `${origin} is "${found}", which is no URL of a server; it looks like ${DEFAULT_ENDPOINT}.`,
  );
}

/** --username and --password, ONEFLOW_USER and ONEFLOW_PASSWORD, else the credentials of the admin commands. */
export function flowSession(context: OneContext, options: FlowAccessOptions): Session {
  const user = options.username ?? nonEmpty(context.env.ONEFLOW_USER);
  const password = options.password ?? nonEmpty(context.env.ONEFLOW_PASSWORD);
  if (user === undefined && password === undefined) return sessionFor(context, {});
  const areOptions = options.username !== undefined || options.password !== undefined;
  const [userName, passwordName] = areOptions
    ? ["--username", "--password"]
    : ["ONEFLOW_USER", "ONEFLOW_PASSWORD"];
  if (user === undefined || password === undefined)
    throw new GatehouseError("bad_request", `${userName} and ${passwordName} are only of use together.`);
  if (user.includes(":"))
    throw new GatehouseError("bad_request", `${userName} holds a colon, which no name of a user may.`);
  return { text: `${user}:${password}`, origin: `${userName} and ${passwordName}` };
}
