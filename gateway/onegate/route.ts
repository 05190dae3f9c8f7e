/** What every resource is given, and the frame of a route: permission first, then who asks, then the work. */

import type { Handler } from "hono";
import { GatehouseError } from "../../shared/errors.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { Authenticator, Guest } from "./authenticate.ts";
import type { Relations } from "./relation.ts";
import { type GateEnv, GateRequest } from "./request.ts";
import type { OneGateSettings, Permissions } from "./settings.ts";

export interface GateContext {
  readonly cloud: Cloud;
  readonly settings: OneGateSettings;
  readonly authenticator: Authenticator;
  readonly relations: Relations;
}

/**
 * The work of a route, done for a guest that proved itself. An answer given without a promise is also sent without
 * one, which on the hot paths is a fifth of the cost of a request.
 */
export type GuestHandler = (request: GateRequest, guest: Guest) => Response | Promise<Response>;

/** An entry of the permission table, as [resource, action]. */
export type Permission = {
  [Resource in keyof Permissions]: readonly [Resource, keyof Permissions[Resource] & string];
}[keyof Permissions];

export interface RouteOptions {
  /** None for `GET /`, which no permission closes. */
  readonly permission?: Permission;
  /** The path's `:id` is a VM's. */
  readonly pathNamesVm?: boolean;
}

/** Frames a handler. The permission is looked up once, and checked before authentication (spec onegate-api.md 3). */
export function guestRoute(gate: GateContext, options: RouteOptions, handle: GuestHandler): Handler<GateEnv> {
  const { maxBodyBytes, permissions } = gate.settings;
  const pathNamesVm = options.pathNamesVm ?? false;
  const refusal = options.permission === undefined ? undefined : refusalOf(permissions, options.permission);
  const { authenticate, recognise } = gate.authenticator;
  const afterProof = async (request: GateRequest): Promise<Response> =>
    handle(request, await authenticate(request, pathNamesVm));
  return function guest(context) {
    if (refusal !== undefined) throw new GatehouseError("forbidden", refusal);
    const request = new GateRequest(context, maxBodyBytes);
    const known = recognise(request);
    return known === undefined ? afterProof(request) : handle(request, known);
  };
}

function refusalOf(permissions: Permissions, [resource, action]: Permission): string | undefined {
  const entries: Readonly<Record<string, boolean>> = permissions[resource];
  return entries[action] === true ? undefined : `Action (${action}) on resource (${resource}) not supported`;
}
