/** One request as the handlers see it: headers, parameters and body, each read only when someone asks. */

import type { IncomingMessage } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { type BodySource, decodeText, isFormLabelled, readBody } from "./body.ts";
import { NO_PARAMETERS, type Parameters, parseParameters } from "./parameters.ts";

/** node's request and response are there behind @hono/node-server, not behind `app.request()`. */
export interface GateEnv {
  Bindings: Partial<HttpBindings>;
}

export class GateRequest implements BodySource {
  readonly request: Request;
  readonly incoming: IncomingMessage | undefined;
  readonly #context: Context<GateEnv>;
  readonly #maxBodyBytes: number;
  #query: Parameters | undefined;
  #body: Promise<Uint8Array> | undefined;

  constructor(context: Context<GateEnv>, maxBodyBytes: number) {
    this.#context = context;
    this.#maxBodyBytes = maxBodyBytes;
    this.request = context.req.raw;
    this.incoming = nodeRequest(context);
  }

  /** By lower-case name. From node's own table when there is one: a Headers object costs more than the lookup. */
  header(name: string): string | undefined {
    return headerOf(this.#context, name);
  }

  /** A part of the path, percent-decoded; undefined when the route has none of that name. */
  pathParameter(name: string): string | undefined {
    return this.#context.req.param(name);
  }

  get url(): string {
    return this.request.url;
  }

  /** @throws GatehouseError `bad_request` for a malformed query. */
  query(): Parameters {
    if (this.#query === undefined) {
      const start = this.url.indexOf("?");
      this.#query = start < 0 ? NO_PARAMETERS : parseParameters(this.url.slice(start + 1));
    }
    return this.#query;
  }

  /** True when there is neither a query nor a body. */
  isPlain(): boolean {
    return (
      !this.url.includes("?") &&
      this.header("content-length") === undefined &&
      this.header("transfer-encoding") === undefined
    );
  }

  /** The body's bytes. @throws GatehouseError `too_large` over the configured bound. */
  body(): Promise<Uint8Array> {
    this.#body ??= readBody(this, this.#maxBodyBytes);
    return this.#body;
  }

  /** The body as text. @throws GatehouseError `bad_request` when it is not UTF-8. */
  async text(): Promise<string> {
    return decodeText(await this.body());
  }

  /** The body's parameters on routes whose body is nothing but a form, or is not read (a GET). */
  async form(): Promise<Parameters> {
    return isFormLabelled(this) ? parseParameters(await this.text()) : NO_PARAMETERS;
  }
}

/** A header without making a GateRequest of it, for errors. */
export function headerOf(context: Context<GateEnv>, name: string): string | undefined {
  const incoming = nodeRequest(context);
  if (incoming === undefined) return context.req.raw.headers.get(name) ?? undefined;
  const value = incoming.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

function nodeRequest(context: Context<GateEnv>): IncomingMessage | undefined {
  // Hono leaves `env` undefined when `app.request()` is called without one, whatever the type says.
  const bindings: Partial<HttpBindings> | undefined = context.env;
  return bindings?.incoming;
}
