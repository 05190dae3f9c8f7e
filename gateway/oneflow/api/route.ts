/**
 * What every resource is given, and the frame of a route: who asks, the work (held until something changes, where that
 * is asked for), and the answer's headers.
 */

import type { Context, Handler } from "hono";
import { GatehouseError } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import type { Actor } from "../../cloud/actor.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import type { Right } from "../../cloud/permissions.ts";
import type { HttpEnv } from "../../http/connection.ts";
import { etagOf, matchesAny } from "../../http/etag.ts";
import { waitMsOf } from "../../http/wait-time.ts";
import type { ScalingSight } from "../autoscaler/sight.ts";
import type { OneFlow } from "../engine/oneflow.ts";
import type { Answer } from "./answer.ts";
import type { FlowDocuments } from "./documents.ts";
import { holdAnswer } from "./hold.ts";
import type { OperationName } from "./openapi/operations.ts";
import { refuseCondition } from "./precondition.ts";
import { FlowRequest, type Intake } from "./request.ts";
import { failureResponse, responseOf } from "./respond.ts";
import type { FlowWaiters, Watched } from "./waiters.ts";
import type { WriteTurns } from "./write-turns.ts";

export interface FlowApi {
  readonly cloud: Cloud;
  readonly flow: OneFlow;
  readonly scaling: ScalingSight | undefined;
  readonly documents: FlowDocuments;
  readonly turns: WriteTurns;
  readonly waiters: FlowWaiters;
  readonly intake: Intake;
  readonly log: Logger;
  /** Seconds since the epoch. */
  readonly now: () => number;
  readonly closing: AbortSignal | undefined;
  /** @throws GatehouseError `unauthorized` */
  authenticate(request: FlowRequest): Promise<Actor>;
}

/** The work of a route, for a user that proved itself. */
export type UserHandler = (request: FlowRequest, actor: Actor) => Promise<Answer>;

interface RouteHead {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** As Hono writes it: `/service/:id`. */
  readonly path: string;
  /** Its name in the OpenAPI document. */
  readonly operation: OperationName;
  readonly summary: string;
}

export interface UserRoute extends RouteHead {
  readonly access: "user";
  /** On the document that the path names; some actions take more. None: nothing is named. */
  readonly right: Right | undefined;
  /** It takes If-Match. */
  readonly conditional?: boolean;
  /** What a GET's answer is made of: a change of it wakes who waits. */
  readonly watched?: (request: FlowRequest) => Watched;
  readonly handle: UserHandler;
}

export interface PublicRoute extends RouteHead {
  readonly access: "public";
  readonly handle: () => Answer;
}

export type FlowRoute = UserRoute | PublicRoute;

export function framed(api: FlowApi, route: FlowRoute): Handler<HttpEnv> {
  const reads = route.method === "GET";
  return async function serve(context) {
    const request = new FlowRequest(context, api.intake);
    try {
      const answer = route.access === "public" ? route.handle() : await userWork(api, route, request);
      return responseOf(request, reads ? conditional(request, answer) : answer, closingHeaders(api));
    } catch (error) {
      return failureResponse(request, error, api.log);
    }
  };
}

/** Every other path and verb, once it is known who asks: so recorded. */
export async function unknownRoute(api: FlowApi, context: Context<HttpEnv>): Promise<Response> {
  const request = new FlowRequest(context, api.intake);
  try {
    await api.authenticate(request);
    throw new GatehouseError("not_found", "OneFlow has no such route; GET /openapi.json tells those it has.");
  } catch (error) {
    return failureResponse(request, error, api.log);
  }
}

async function userWork(api: FlowApi, route: UserRoute, request: FlowRequest): Promise<Answer> {
  const { method, watched, handle } = route;
  const actor = await api.authenticate(request);
  if (method !== "GET" && route.conditional !== true) refuseCondition(request);
  const waitMs = watched === undefined ? undefined : waitMsOf(request);
  if (watched === undefined || waitMs === undefined) return await handle(request, actor);
  return await holdAnswer(api.waiters, {
    request,
    uid: actor.uid,
    waitMs,
    watched: watched(request),
    prove: () => api.authenticate(request),
    look: (proved) => handle(request, proved),
  });
}

function conditional(request: FlowRequest, answer: Answer): Answer {
  if (answer.body === null) return answer;
  const etag = answer.etag ?? etagOf(answer.body);
  const known = request.header("if-none-match");
  const isKnown = known !== undefined && matchesAny(known, etag);
  return isKnown ? { ...answer, etag, status: 304, body: null } : { ...answer, etag };
}

/** Whoever is answered while the house closes shall not wait for it on this connection. */
function closingHeaders({ closing }: FlowApi): Record<string, string> {
  return closing?.aborted ? { Connection: "close" } : {};
}
