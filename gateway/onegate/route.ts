/**
 * What every resource is given, and the frame of a route. A request goes: permission of the route, who asks, how often,
 * what its token grants, the work, and the answer's headers. Whatever comes of it is told to the observer.
 */

import type { Context, Handler } from "hono";
import type { Clock } from "../../shared/clock.ts";
import { GatehouseError, isGatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { HttpEnv } from "../http/connection.ts";
import { etagOf, matchesAny } from "../http/etag.ts";
import { refuseCondition } from "../http/precondition.ts";
import { waitMsOf } from "../http/wait-time.ts";
import type { Answer } from "./answer.ts";
import { type Authenticator, type Guest, tokenOf } from "./authenticate.ts";
import { createHold } from "./change/hold.ts";
import type { Subject } from "./change/subjects.ts";
import type { Waiters } from "./change/waiters.ts";
import type { HeldBytes } from "./fairness/held-bytes.ts";
import type { Limits, RateState } from "./fairness/limits.ts";
import type { OperationName } from "./openapi/operations.ts";
import type { Relations } from "./relation.ts";
import { GateRequest, type Intake } from "./request.ts";
import { failureOf, responseOf } from "./respond.ts";
import type { OneGateSettings, Permissions } from "./settings.ts";
import type { GateObserver } from "./sight/observer.ts";
import { maskTokens, withoutTokens } from "./sight/token-mask.ts";
import type { Grants, Scope } from "./trust/scopes.ts";
import type { Trust } from "./trust/trust.ts";

export interface GateContext {
  readonly cloud: Cloud;
  readonly settings: OneGateSettings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly trust: Trust | undefined;
  readonly authenticator: Authenticator;
  readonly relations: Relations;
  readonly limits: Limits;
  readonly heldBytes: HeldBytes;
  readonly observer: GateObserver;
  readonly waiters: Waiters;
  /** Aborted when the house closes. */
  readonly closing: AbortSignal | undefined;
  readonly intake: Intake;
}

/**
 * The work of a route, done for a guest that proved itself. An answer given without a promise is also sent without
 * one, which on the hot paths is a fifth of the cost of a request.
 */
export type GuestHandler = (request: GateRequest, guest: Guest) => Answer | Promise<Answer>;

/** The work of a route that asks for no token. */
export type PublicHandler = (request: GateRequest) => Answer | Promise<Answer>;

/** An entry of the permission table, as [resource, action]. */
export type Permission = {
  [Resource in keyof Permissions]: readonly [Resource, keyof Permissions[Resource] & string];
}[keyof Permissions];

interface RouteHead {
  readonly method: "GET" | "PUT" | "POST";
  /** As Hono writes it: `/vms/:id`. */
  readonly path: string;
  /** Its name in the OpenAPI document. */
  readonly operation: OperationName;
  readonly summary: string;
}

export interface GuestRoute extends RouteHead {
  readonly access: "guest";
  /** None for what no permission of the original closes. */
  readonly permission?: Permission;
  /** What the token must grant; none where the handler asks by itself. */
  readonly scope?: Scope | ((request: GateRequest, guest: Guest) => Scope);
  /** The path's `:id` is a VM's, and may stand for a missing VMID header. */
  readonly pathNamesVm?: boolean;
  /** What a GET's answer is made of beside the guest's own VM: a change of it wakes who waits. */
  readonly subjects?: (request: GateRequest, guest: Guest) => readonly Subject[];
  readonly handle: GuestHandler;
}

export interface PublicRoute extends RouteHead {
  readonly access: "public";
  readonly handle: PublicHandler;
}

export type GateRoute = GuestRoute | PublicRoute;

/** A request under way: what the frame learns of it on the way to its answer. */
interface Passage {
  readonly request: GateRequest;
  guest: Guest | undefined;
  rate: RateState | undefined;
  /** ms that it slept until something changed, or that its refusal was held back. */
  waitedMs: number;
}

/** Frames a route. The permission is looked up once, and checked before authentication (spec onegate-api.md 3). */
export function framed(gate: GateContext, route: GateRoute): Handler<HttpEnv> {
  const work = route.access === "guest" ? guestWork(gate, route) : publicWork(gate, route);
  const reads = route.method === "GET";
  return function serve(context) {
    const passage: Passage = {
      request: new GateRequest(context, gate.intake),
      guest: undefined,
      rate: undefined,
      waitedMs: 0,
    };
    const fail = (error: unknown): Response | Promise<Response> =>
      passage.guest === undefined && passage.rate === undefined
        ? unproved(gate, passage, route.path, error)
        : failed(gate, passage, route.path, error);
    const finish = (answer: Answer): Response => finished(gate, passage, route.path, reads, answer);
    try {
      const answer = work(passage);
      return answer instanceof Promise ? answer.then(finish).catch(fail) : finish(answer);
    } catch (error) {
      return fail(error);
    }
  };
}

/** The answer to what is no route, and to an error outside every frame. */
export function refused(gate: GateContext, context: Context<HttpEnv>, error: unknown): Response {
  const request = new GateRequest(context, gate.intake);
  const passage: Passage = { request, guest: undefined, rate: undefined, waitedMs: 0 };
  try {
    passage.rate = gate.limits.admitStranger(request);
  } catch (limited) {
    return failed(gate, passage, undefined, limited);
  }
  return failed(gate, passage, undefined, error);
}

/** What failed before it proved a VM counts for its address; the answer to a wrong token may be late. */
function unproved(
  gate: GateContext,
  passage: Passage,
  route: string,
  error: unknown,
): Response | Promise<Response> {
  const { limits, clock } = gate;
  try {
    passage.rate = limits.admitStranger(passage.request);
    const isWrongToken = isGatehouseError(error) && error.code === "unauthorized";
    const due = isWrongToken ? limits.wrongToken(passage.request) : undefined;
    if (due === undefined) return failed(gate, passage, route, error);
    const since = clock.elapsed();
    return due.then(() => {
      passage.waitedMs += clock.elapsed() - since;
      return failed(gate, passage, route, error);
    });
  } catch (limited) {
    return failed(gate, passage, route, limited);
  }
}

type Work = (passage: Passage) => Answer | Promise<Answer>;

function guestWork(gate: GateContext, route: GuestRoute): Work {
  const { limits, settings } = gate;
  const { authenticate, recognise } = gate.authenticator;
  const { method, scope, handle } = route;
  const pathNamesVm = route.pathNamesVm ?? false;
  const refusal =
    route.permission === undefined ? undefined : refusalOf(settings.permissions, route.permission);
  const granted: GuestHandler = (request, guest) => {
    if (scope !== undefined) requireScope(guest, typeof scope === "string" ? scope : scope(request, guest));
    return handle(request, guest);
  };
  const hold = createHold({ ...gate, pathNamesVm, subjects: route.subjects, work: granted });
  const proved = (passage: Passage, guest: Guest): Answer | Promise<Answer> => {
    const { request } = passage;
    passage.guest = guest;
    passage.rate = limits.admitGuest(request, guest);
    holdBytes(gate, passage, request.bodySize());
    if (method === "POST") refuseCondition(request);
    const waitMs = method === "GET" ? waitMsOf(request) : undefined;
    return waitMs === undefined ? granted(request, guest) : hold(passage, guest, waitMs);
  };
  const afterProof = async (passage: Passage): Promise<Answer> =>
    proved(passage, await authenticate(passage.request, pathNamesVm));
  return function work(passage) {
    if (refusal !== undefined) {
      passage.rate = limits.admitStranger(passage.request);
      throw new GatehouseError("forbidden", refusal);
    }
    const known = recognise(passage.request);
    return known === undefined ? afterProof(passage) : proved(passage, known);
  };
}

function publicWork({ limits }: GateContext, { handle }: PublicRoute): Work {
  return function work(passage) {
    passage.rate = limits.admitStranger(passage.request);
    return handle(passage.request);
  };
}

function requireScope({ grants }: Guest, scope: Scope): void {
  if (!grants.allows(scope)) throw notGranted(scope, grants);
}

/** For a handler that knows only later what is asked. @throws GatehouseError `forbidden`. */
export function requireAction({ grants }: Guest, canonicalName: string): void {
  if (!grants.allowsAction(canonicalName)) throw notGranted(`action:${canonicalName}`, grants);
}

function notGranted(wanted: string, { text }: Grants): GatehouseError {
  return new GatehouseError("forbidden", `This token does not grant ${wanted}; it grants: ${text}.`);
}

function finished(
  gate: GateContext,
  passage: Passage,
  route: string,
  reads: boolean,
  answer: Answer,
): Response {
  const { request, rate } = passage;
  let etag: string | undefined;
  let told = answer;
  if (reads && answer.body !== null) {
    etag = answer.etag ?? etagOf(answer.body);
    const known = request.header("if-none-match");
    if (known !== undefined && matchesAny(known, etag)) told = { ...answer, status: 304, body: null };
  }
  if (request.method !== "HEAD") holdBytes(gate, passage, told.body?.length ?? 0);
  observe(gate, passage, route, told.status, undefined);
  return responseOf(told, { requestId: request.id, rate, etag });
}

/** Of requests through sockets, whose end is known. @throws RateLimitedError when the house holds too much already. */
function holdBytes({ heldBytes }: GateContext, { request, guest }: Passage, bytes: number): void {
  if (guest === undefined || request.incoming === undefined) return;
  heldBytes.hold(guest.vm.id, bytes, (listener) => request.onGone(listener));
}

function failed(gate: GateContext, passage: Passage, route: string | undefined, error: unknown): Response {
  const { request } = passage;
  const { id, method } = request;
  const path = maskTokens(request.path, tokenOf(request));
  const { answer, rate, limit, sentence } = failureOf(
    error,
    { id, method, path, accept: request.header("accept") },
    gate.log,
  );
  observe(gate, passage, route, answer.status, sentence, limit);
  return responseOf(answer, { requestId: id, rate: rate ?? passage.rate, etag: undefined });
}

function observe(
  { observer, clock }: GateContext,
  { request, guest, waitedMs }: Passage,
  route: string | undefined,
  status: number,
  refusal: string | undefined,
  limit?: string,
): void {
  const seen = {
    id: request.id,
    route,
    method: request.method,
    path: request.path,
    address: request.address,
    vmId: guest?.vm.id,
    status,
    durationMs: clock.elapsed() - request.startedAt - waitedMs,
    note: request.note,
    refusal,
    limit,
  };
  observer.seen(withoutTokens(seen, tokenOf(request)));
}

function refusalOf(permissions: Permissions, [resource, action]: Permission): string | undefined {
  const entries: Readonly<Record<string, boolean>> = permissions[resource];
  return entries[action] === true ? undefined : `Action (${action}) on resource (${resource}) not supported`;
}
