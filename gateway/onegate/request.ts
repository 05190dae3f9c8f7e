/** One request as the handlers see it: headers, parameters and body, each read only when someone asks. */

import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Context } from "hono";
import type { Clock } from "../../shared/clock.ts";
import { type BodySource, decodeText, readBody } from "../http/body.ts";
import { type HttpEnv, headerOf, nodeRequest, onGone } from "../http/connection.ts";
import { NO_PARAMETERS, type Parameters, parseParameters } from "../http/parameters.ts";
import { isFormLabelled } from "./body.ts";
import { createAddressReader, NO_PEER } from "./fairness/client-address.ts";
import type { OneGateSettings } from "./settings.ts";
import type { RequestNote } from "./sight/observer.ts";

/** What stands at the door: ids, times and addresses for requests, and how much of a body is taken. */
export interface Intake {
  readonly maxBodyBytes: number;
  readonly clock: Clock;
  nextId(): string;
  /** Whom an address-bound rule means: the peer, or whom a trusted proxy names. */
  addressOf(incoming: IncomingMessage | undefined): string;
}

export type IntakeSettings = Pick<OneGateSettings, "maxBodyBytes" | "trustedProxies">;

/** Ids are a random start and a count: cheap, and unlike those of the last run in the logs. */
export function createIntake(settings: IntakeSettings, clock: Clock): Intake {
  const { maxBodyBytes, trustedProxies } = settings;
  const read = createAddressReader(trustedProxies);
  const run = randomBytes(4).toString("hex");
  let count = 0;
  return {
    maxBodyBytes,
    clock,
    nextId: () => `${run}-${++count}`,
    addressOf: (incoming) =>
      incoming === undefined ? NO_PEER : read(incoming.socket.remoteAddress, forwardedFor(incoming)),
  };
}

/** Lines of it that came more than once are joined by node, in order. */
function forwardedFor({ headers }: IncomingMessage): string | undefined {
  const value = headers["x-forwarded-for"];
  return Array.isArray(value) ? value.join(",") : value;
}

export class GateRequest implements BodySource {
  readonly request: Request;
  readonly incoming: IncomingMessage | undefined;
  readonly #context: Context<HttpEnv>;
  readonly #intake: Intake;
  /** `Clock.elapsed` when it came. */
  readonly startedAt: number;
  /** For the audit; a handler sets it once it knows what is asked. */
  note: RequestNote | undefined;
  #id: string | undefined;
  #address: string | undefined;
  #query: Parameters | undefined;
  #body: Promise<Uint8Array> | undefined;

  constructor(context: Context<HttpEnv>, intake: Intake) {
    this.#context = context;
    this.#intake = intake;
    this.startedAt = intake.clock.elapsed();
    this.request = context.req.raw;
    this.incoming = nodeRequest(context);
  }

  /** Names the request in answers, logs and the audit. */
  get id(): string {
    this.#id ??= this.#intake.nextId();
    return this.#id;
  }

  get address(): string {
    this.#address ??= this.#intake.addressOf(this.incoming);
    return this.#address;
  }

  get method(): string {
    return this.request.method;
  }

  get path(): string {
    return this.#context.req.path;
  }

  /** By lower-case name. */
  header(name: string): string | undefined {
    return headerOf(this.#context, name);
  }

  /** Calls back when the client has its answer, or has gone without it; the returned function ends that. */
  onGone(listener: () => void): () => void {
    return onGone(this.#context, listener);
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

  /** How large its body is, or may become where that is not said; 0: it has none. */
  bodySize(): number {
    const length = this.header("content-length");
    if (length !== undefined) return Math.min(Number(length), this.#intake.maxBodyBytes);
    return this.header("transfer-encoding") === undefined ? 0 : this.#intake.maxBodyBytes;
  }

  /** The body's bytes; who asks first says how many are taken. @throws GatehouseError `too_large` over that bound. */
  body(maxBytes = this.#intake.maxBodyBytes): Promise<Uint8Array> {
    this.#body ??= readBody(this, Math.min(maxBytes, this.#intake.maxBodyBytes));
    return this.#body;
  }

  /** The body as text. @throws GatehouseError `bad_request` when it is not UTF-8. */
  async text(maxBytes?: number): Promise<string> {
    return decodeText(await this.body(maxBytes));
  }

  /** The body's parameters on routes whose body is nothing but a form, or is not read (a GET). */
  async form(maxBytes?: number): Promise<Parameters> {
    return isFormLabelled(this) ? parseParameters(await this.text(maxBytes)) : NO_PARAMETERS;
  }
}
