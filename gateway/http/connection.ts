/** What stands behind a request: node's own objects, where there are any. */

import type { IncomingMessage } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";

/** node's request and response are there behind @hono/node-server, not behind `app.request()`. */
export interface HttpEnv {
  Bindings: Partial<HttpBindings>;
}

export function nodeRequest(context: Context<HttpEnv>): IncomingMessage | undefined {
  return bindingsOf(context)?.incoming;
}

/** A header by its lower-case name. From node's own table when there is one: a Headers object costs more than the lookup. */
export function headerOf(context: Context<HttpEnv>, name: string): string | undefined {
  const incoming = nodeRequest(context);
  if (incoming === undefined) return context.req.raw.headers.get(name) ?? undefined;
  const value = incoming.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

/** Calls back when the client has its answer, or has gone without it; the returned function ends that. */
export function onGone(context: Context<HttpEnv>, listener: () => void): () => void {
  const { incoming, outgoing } = bindingsOf(context) ?? {};
  if (outgoing === undefined || incoming === undefined) return () => undefined;
  if (incoming.socket.destroyed) queueMicrotask(listener);
  // Of pipelined requests only the first has its response on the socket, so the others learn it from the request.
  const onRequestClosed = (): void => {
    if (incoming.socket.destroyed) listener();
  };
  outgoing.once("close", listener);
  incoming.once("close", onRequestClosed);
  return () => {
    outgoing.off("close", listener);
    incoming.off("close", onRequestClosed);
  };
}

/** Hono leaves `env` undefined when `app.request()` is called without one, whatever the type says. */
function bindingsOf(context: Context<HttpEnv>): Partial<HttpBindings> | undefined {
  return context.env;
}
