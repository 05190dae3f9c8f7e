/** `GET /identity`, and what third parties verify its tokens with (RFC 7517, OpenID Connect Discovery 1.0). */

import { GatehouseError } from "../../../shared/errors.ts";
import { singleParameter } from "../../http/parameters.ts";
import { type Answer, jsonText } from "../answer.ts";
import type { GateRequest } from "../request.ts";
import type { GateContext, GuestHandler, PublicHandler } from "../route.ts";
import { publicJwk, signIdentity } from "./identity.ts";
import { PUBLISH_AHEAD_MS } from "./identity-schedule.ts";
import { requireTrust, type Trust } from "./trust.ts";

const AUDIENCE = /^[\x20-\x7e]{1,256}$/;

/** Whoever fetched the keys knows the next one well before it signs. */
const KEYS_MAX_AGE_S = PUBLISH_AHEAD_MS / 4 / 1_000;

const CLAIMS = [
  "iss",
  "sub",
  "aud",
  "iat",
  "exp",
  "jti",
  "vm_id",
  "vm_name",
  "owner",
  "owner_id",
  "service_id",
  "service_name",
  "role",
];

export function showIdentity(gate: GateContext): GuestHandler {
  const { identity } = gate.settings;
  return async function identityToken(request, guest) {
    const trust = trustOf(gate);
    const audience = audienceOf(request);
    const lifetimeS = lifetimeOf(request, identity.lifetimeS);
    request.note = { what: "identity", details: [`audience ${audience}`, `lifetime ${lifetimeS}`] };
    const issuer = issuerOf(gate, trust);
    const key = await trust.vault.identityKeys.signer(identity.rotationS * 1_000);
    const body = await signIdentity({ guest, issuer, audience, lifetimeS }, key, gate);
    return { status: 200, kind: "jwt", body, headers: { "Cache-Control": "no-store" } };
  };
}

export function showKeys(gate: GateContext): PublicHandler {
  return async function keys() {
    const shown = await publicTrustOf(gate).vault.identityKeys.shown(
      gate.settings.identity.rotationS * 1_000,
    );
    return cacheable({ keys: shown.map(publicJwk) });
  };
}

export function showIssuer(gate: GateContext): PublicHandler {
  return function configuration() {
    const trust = publicTrustOf(gate);
    return cacheable({
      issuer: issuerOf(gate, trust),
      jwks_uri: `${baseOf(gate, trust).replace(/\/+$/, "")}/.well-known/jwks.json`,
      response_types_supported: ["id_token"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["EdDSA"],
      claims_supported: CLAIMS,
    });
  };
}

function trustOf(gate: GateContext): Trust {
  return requireTrust(gate, gate.settings.identity.enabled, "Identity tokens");
}

/** To verifiers, keys that sign nothing are not there. */
function publicTrustOf(gate: GateContext): Trust {
  if (gate.settings.identity.enabled) return trustOf(gate);
  throw new GatehouseError("not_found", "Identity tokens are turned off here.");
}

function issuerOf(gate: GateContext, trust: Trust): string {
  return gate.settings.identity.issuer ?? baseOf(gate, trust);
}

/** Where OneGate is reached. */
function baseOf({ settings }: GateContext, trust: Trust): string {
  const base = settings.sslServer ?? trust.url();
  if (base === undefined) throw new GatehouseError("unavailable", "OneGate does not listen yet.");
  return base;
}

function audienceOf(request: GateRequest): string {
  const audience = singleParameter(request.query(), "audience") ?? "";
  if (AUDIENCE.test(audience)) return audience;
  throw new GatehouseError(
    "bad_request",
    "Name whom the identity is for: ?audience= and 1 to 256 printable ASCII characters.",
  );
}

function lifetimeOf(request: GateRequest, most: number): number {
  const text = singleParameter(request.query(), "lifetime");
  if (text === undefined) return most;
  const lifetimeS = /^[1-9][0-9]{0,5}$/.test(text) ? Number(text) : 0;
  if (lifetimeS >= 1 && lifetimeS <= most) return lifetimeS;
  throw new GatehouseError("bad_request", `The lifetime of an identity is 1 to ${most} seconds.`);
}

function cacheable(document: object): Answer {
  const headers = { "Cache-Control": `public, max-age=${KEYS_MAX_AGE_S}` };
  return { ...jsonText(JSON.stringify(document)), headers };
}
