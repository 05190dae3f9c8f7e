/** `POST /token`: trades a classic token for a session token, which lives for hours at most and may do less. */

import { z } from "zod";
import { GatehouseError } from "../../../shared/errors.ts";
import { shown } from "../../http/ids.ts";
import type { Guest } from "../authenticate.ts";
import { parseJson } from "../json.ts";
import type { GateRequest } from "../request.ts";
import type { GateContext, GuestHandler } from "../route.ts";
import { printOf } from "./previous-passwords.ts";
import { type Grants, parseScopes } from "./scopes.ts";
import { MAX_SESSION_LIFETIME_S } from "./session-keys.ts";
import { requireTrust } from "./trust.ts";

/** Its scope is part of a token, which must fit into a header. */
const MAX_SCOPE_LENGTH = 1_024;

const wanted = z.strictObject({
  lifetime_seconds: z.int().min(1).max(MAX_SESSION_LIFETIME_S).optional(),
  scope: z.string().max(MAX_SCOPE_LENGTH).optional(),
});

export function createToken(gate: GateContext): GuestHandler {
  const { settings } = gate;
  return async function session(request, guest) {
    const { sessions } = requireTrust(gate, settings.sessions.enabled, "Session tokens");
    const { proof } = guest;
    if (proof.kind !== "classic") {
      throw new GatehouseError(
        "forbidden",
        "A session token buys no other; ask with the token of the VM's context.",
      );
    }
    refuseProxied(request, settings.trustedProxies);
    const { lifetimeS = settings.sessions.defaultLifetimeS, scope } = readWanted(await request.text());
    const grants = scope === undefined ? undefined : grantsOf(scope, guest, settings.profile);
    const granted = (grants ?? guest.grants).text;
    request.note = { what: "token", details: [`lifetime ${lifetimeS}`, `scope ${granted}`] };
    const print = printOf(proof.password);
    const { token, expiresAt } = await sessions.issue({ vm: guest.vm, print, lifetimeS, grants });
    const answer = {
      token,
      token_type: "session",
      expires_in: lifetimeS,
      expires_at: new Date(expiresAt).toISOString(),
      scope: granted,
    };
    return {
      status: 200,
      kind: "json",
      body: JSON.stringify(answer),
      headers: { "Cache-Control": "no-store" },
    };
  };
}

/** A proxy in a guest that forwards for others would hand them tokens; such proxies say that they forward. */
function refuseProxied(request: GateRequest, trustedProxies: readonly string[]): void {
  if (trustedProxies.length > 0) return;
  const name = ["X-Forwarded-For", "Forwarded"].find(
    (header) => request.header(header.toLowerCase()) !== undefined,
  );
  if (name === undefined) return;
  throw new GatehouseError(
    "forbidden",
    `This request was forwarded (${name}), and tokens are given to the VM alone; onegate.trusted_proxies names proxies that may stand between.`,
  );
}

function readWanted(text: string): { readonly lifetimeS?: number; readonly scope?: string } {
  if (text.trim() === "") return {};
  const parsed = wanted.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new GatehouseError(
      "bad_request",
      `A session token is asked for with {"lifetime_seconds": 1 to ${MAX_SESSION_LIFETIME_S}, "scope": "at most ${MAX_SCOPE_LENGTH} characters"}, either or none of them.`,
    );
  }
  const { lifetime_seconds: lifetimeS, scope } = parsed.data;
  return { ...(lifetimeS === undefined ? {} : { lifetimeS }), ...(scope === undefined ? {} : { scope }) };
}

/** @throws GatehouseError `bad_request` for words that mean nothing, `forbidden` for more than the VM may do. */
function grantsOf(scope: string, { grants }: Guest, profile: "open" | "hardened"): Grants {
  const { grants: asked, unknown } = parseScopes(scope, profile);
  const [stranger] = unknown;
  if (stranger !== undefined) {
    throw new GatehouseError("bad_request", `There is no scope ${shown(stranger)}.`);
  }
  if (asked.isEmpty())
    throw new GatehouseError("bad_request", "The scope names nothing; leave it out, or name one.");
  if (asked.isWithin(grants)) return asked;
  throw new GatehouseError(
    "forbidden",
    `The scope ${shown(asked.text, MAX_SCOPE_LENGTH)} is wider than the VM's own: ${grants.text}.`,
  );
}
