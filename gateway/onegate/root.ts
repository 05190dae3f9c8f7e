/** `GET /`: where the other resources are (spec onegate-api.md 4). */

import { GatehouseError } from "../../shared/errors.ts";
import { jsonText } from "./answer.ts";
import type { GateRequest } from "./request.ts";
import type { GuestHandler } from "./route.ts";
import type { OneGateSettings } from "./settings.ts";

type RootSettings = Pick<OneGateSettings, "sslServer">;

/** Names, IPv4 and bracketed IPv6 addresses with a port: what may stand in a URL that we hand back. */
const HOST = /^[A-Za-z0-9._~[\]:-]{1,255}$/;

export function showRoot(settings: RootSettings): GuestHandler {
  return async function root(request) {
    const base = settings.sslServer ?? `${schemeOf(request)}://${hostOf(request)}`;
    return jsonText(JSON.stringify({ vm_info: `${base}/vm`, service_info: `${base}/service` }));
  };
}

/** A guest that forges the header deceives only itself: the answer goes to nobody else (recorded: root-xff-proto). */
function schemeOf(request: GateRequest): string {
  const forwarded = request.header("x-forwarded-proto")?.split(",", 1)[0]?.trim().toLowerCase();
  if (forwarded === "https" || forwarded === "http") return forwarded;
  return request.url.startsWith("https:") ? "https" : "http";
}

function hostOf(request: GateRequest): string {
  const host = request.header("host") ?? new URL(request.url).host;
  if (!HOST.test(host)) throw new GatehouseError("bad_request", "The Host header is not the name of a host.");
  return host;
}
