/** What tokens beside the classic one need, as the routes and the authenticator are given it. */

import type { Clock } from "../../../shared/clock.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import { Sessions } from "./sessions.ts";
import type { Vault } from "./vault.ts";

export interface TrustOptions {
  readonly vault: Vault;
  /** Where guests reach OneGate, once it listens. Never taken from a request: what a guest sends must not name the issuer. */
  readonly url: () => string | undefined;
}

export interface Trust extends TrustOptions {
  readonly sessions: Sessions;
}

export function createTrust(options: TrustOptions, clock: Clock): Trust {
  return { ...options, sessions: new Sessions(options.vault, clock) };
}

/** @throws GatehouseError `forbidden` where these tokens are off, `unavailable` where nothing is kept to make them with. */
export function requireTrust(
  { trust }: { readonly trust: Trust | undefined },
  enabled: boolean,
  what: string,
): Trust {
  if (!enabled) throw new GatehouseError("forbidden", `${what} are turned off here.`);
  if (trust === undefined)
    throw new GatehouseError("unavailable", `${what} need a vault, and there is none.`);
  return trust;
}
