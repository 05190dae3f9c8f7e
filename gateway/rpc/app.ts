/**
 * The XML-RPC server of the embedded cloud (spec core-xmlrpc.md): what OpenNebula's own commands, servers and
 * libraries speak. A call goes: size, syntax, the method's name, the session, the parameters' types, the work.
 */

import type { X509Certificate } from "node:crypto";
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Clock } from "../../shared/clock.ts";
import { isGatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { createSessions } from "../cloud/access/sessions.ts";
import type { Cloud } from "../cloud/cloud.ts";
import { CORE_CODE, coreCodeOf, resourceIdOf } from "./codes.ts";
import { type Method, notEnough } from "./method.ts";
import { METHODS } from "./methods.ts";
import { FAULT_CODE, MAX_CALL_BYTES, type MethodCall, parseCall, RpcFault } from "./protocol.ts";
import { type Failure, failureResponse, faultResponse, type Result, successResponse } from "./response.ts";

export interface RpcDependencies {
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly log: Logger;
  /** The URL that this server is reached at, once it listens. */
  readonly endpoint: () => string;
  /** Of servers that speak for users (driver server_x509); undefined: none does. */
  readonly certificate?: X509Certificate | undefined;
}

type RpcEnv = { Bindings: HttpBindings };

const XML = { "Content-Type": "text/xml; charset=utf-8" };
/** What the original's HTTP server insists on too. */
const CALL_TYPE = /^\s*text\/xml\s*(?:;|$)/i;

/** The app; `/` is served like `/RPC2`, for a client that was given host and port only. */
export function createRpc(dependencies: RpcDependencies): Hono<RpcEnv> {
  const answer = createAnswer(dependencies);
  const limited = bodyLimit({ maxSize: MAX_CALL_BYTES, onError: tooLarge });
  const app = new Hono<RpcEnv>();
  for (const path of ["/RPC2", "/"]) {
    app.post(path, limited, async (context) => {
      if (!CALL_TYPE.test(context.req.header("content-type") ?? ""))
        return context.text("XML-RPC calls have the Content-Type text/xml.\n", 415);
      const body = new Uint8Array(await context.req.arrayBuffer());
      return context.body(await answer(body, addressOf(context)), 200, XML);
    });
    app.all(path, (context) => context.text("POST is the only method here.\n", 405, { Allow: "POST" }));
  }
  app.notFound((context) => context.text("XML-RPC is served at /RPC2.\n", 404));
  app.onError((error, context) => {
    dependencies.log.error({ err: error }, "An XML-RPC request failed");
    return context.text("Internal server error\n", 500);
  });
  return app;
}

/** The rest of a body that is not read must not be taken for the next call. */
function tooLarge(context: Context): Response {
  const text = `An XML-RPC call has at most ${MAX_CALL_BYTES} bytes.\n`;
  return context.text(text, 413, { Connection: "close" });
}

/** Hono leaves `env` undefined when `app.request()` is called without one, whatever the type says. */
function addressOf(context: Context<RpcEnv>): string {
  const bindings: Partial<HttpBindings> | undefined = context.env;
  return bindings?.incoming?.socket.remoteAddress ?? "unknown";
}

type Answer = (body: Uint8Array, address: string) => Promise<string>;

function createAnswer({ cloud, clock, log, endpoint, certificate }: RpcDependencies): Answer {
  const sessions = createSessions(cloud, clock, certificate);

  async function run(call: MethodCall, method: Method, address: string): Promise<Result | Failure> {
    const [session, ...given] = call.parameters;
    if (session === undefined) throw notEnough();
    if (typeof session !== "string")
      throw new RpcFault(FAULT_CODE.type, "Parameter that is supposed to be a string is not");
    const actor = await sessions.authenticate(session, address);
    if (actor === undefined) return notAuthenticated(call.name);
    log.debug({ method: call.name, uid: actor.uid }, "An XML-RPC call");
    try {
      return await method.invoke({ cloud, clock, actor, endpoint: endpoint() }, given);
    } catch (error) {
      if (error instanceof RpcFault) throw error;
      if (isGatehouseError(error)) return failure(call.name, error.message, error);
      log.error({ err: error, method: call.name }, "An XML-RPC call failed");
      return failure(call.name, "Internal error; the house's log tells why.");
    }
  }

  return async (body, address) => {
    try {
      const call = parseCall(body);
      const method = METHODS.get(call.name);
      if (method === undefined) throw notDefined(call.name);
      const outcome = await run(call, method, address);
      return typeof outcome === "object" ? failureResponse(outcome) : successResponse(outcome);
    } catch (error) {
      if (error instanceof RpcFault) return faultResponse(error);
      throw error;
    }
  };
}

const MAX_SHOWN_NAME = 100;

function notDefined(name: string): RpcFault {
  return new RpcFault(FAULT_CODE.noSuchMethod, `Method '${name.slice(0, MAX_SHOWN_NAME)}' not defined`);
}

function notAuthenticated(method: string): Failure {
  const message = `[${method}] User couldn't be authenticated, aborting call.`;
  return { message, code: CORE_CODE.AUTHENTICATION, resourceId: -1 };
}

function failure(method: string, text: string, error?: Parameters<typeof coreCodeOf>[0]): Failure {
  return {
    message: `[${method}] ${text}`,
    code: error === undefined ? CORE_CODE.INTERNAL : coreCodeOf(error),
    resourceId: error === undefined ? -1 : resourceIdOf(error),
  };
}
