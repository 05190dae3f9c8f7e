/** Identity tokens: signed JWTs that tell third parties which VM shows them, and to whom it meant to. */

import { createPrivateKey, type KeyObject, randomUUID } from "node:crypto";
import { SignJWT } from "jose";
import type { Clock } from "../../../shared/clock.ts";
import { epochSeconds } from "../../../shared/clock.ts";
import { isGatehouseError } from "../../../shared/errors.ts";
import type { Guest } from "../authenticate.ts";
import type { Relations } from "../relation.ts";
import type { IdentityKey } from "./identity-keys.ts";

/** As RFC 9068 does for access tokens: a verifier may insist on it, so that no other JWT is taken for one. */
const TYPE = "gatehouse-identity+jwt";

export interface IdentityRequest {
  readonly guest: Guest;
  readonly issuer: string;
  readonly audience: string;
  readonly lifetimeS: number;
}

export interface IdentitySource {
  readonly clock: Clock;
  readonly relations: Relations;
}

/** The token, signed with `key`. */
export async function signIdentity(
  asked: IdentityRequest,
  key: IdentityKey,
  { clock, relations }: IdentitySource,
): Promise<string> {
  const { guest, issuer, audience, lifetimeS } = asked;
  const { vm, owner } = guest;
  const iat = epochSeconds(clock);
  const claims = {
    iss: issuer,
    sub: `vm:${vm.id}`,
    aud: audience,
    iat,
    exp: iat + lifetimeS,
    jti: randomUUID(),
    vm_id: vm.id,
    vm_name: vm.name,
    owner: owner.name,
    owner_id: owner.uid,
    ...(await membershipOf(guest, relations)),
  };
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: "EdDSA", kid: key.kid, typ: TYPE })
    .sign(privateKeyOf(key));
}

/** What `/.well-known/jwks.json` shows of a key. */
export function publicJwk({ kid, x }: IdentityKey): object {
  return { kty: "OKP", crv: "Ed25519", x, kid, use: "sig", alg: "EdDSA" };
}

interface Membership {
  readonly service_id: number;
  readonly service_name: string;
  readonly role?: string;
}

/** Only of a service that itself says to hold the VM: what the VM's own template says may be anybody's text. */
async function membershipOf(guest: Guest, relations: Relations): Promise<Membership | undefined> {
  if (guest.vm.userTemplate.SERVICE_ID === undefined) return undefined;
  try {
    const { id, name, roles } = await relations.serviceOf(guest);
    const role = roles.find(({ vmIds }) => vmIds.includes(guest.vm.id));
    return { service_id: id, service_name: name, ...(role === undefined ? {} : { role: role.name }) };
  } catch (error) {
    if (isGatehouseError(error) && (error.code === "bad_request" || error.code === "not_found")) {
      return undefined;
    }
    throw error;
  }
}

function privateKeyOf({ x, d }: IdentityKey): KeyObject {
  return createPrivateKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x, d } });
}
