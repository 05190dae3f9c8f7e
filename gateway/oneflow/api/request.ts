/** One request as the handlers see it: path, query and body, each read only when someone asks. */

import { randomBytes } from "node:crypto";
import type { Context } from "hono";
import type { JsonValue } from "../../cloud/model.ts";
import { decodeText, readBody } from "../../http/body.ts";
import { type HttpEnv, headerOf, nodeRequest, onGone } from "../../http/connection.ts";
import { NO_PARAMETERS, type Parameters, parseParameters } from "../../http/parameters.ts";
import { parseJsonText } from "../schema/json-text.ts";

/** What stands at the door: ids for requests, and how much of a body is taken. */
export interface Intake {
  readonly maxBodyBytes: number;
  nextId(): string;
}

/** Ids are a random start and a count: cheap, and unlike those of the last run in the logs. */
export function createIntake(maxBodyBytes: number): Intake {
  const run = randomBytes(4).toString("hex");
  let count = 0;
  return { maxBodyBytes, nextId: () => `${run}-${++count}` };
}

export class FlowRequest {
  /** Names the request in answers and logs. */
  readonly id: string;
  readonly #context: Context<HttpEnv>;
  readonly #intake: Intake;
  #query: Parameters | undefined;

  constructor(context: Context<HttpEnv>, intake: Intake) {
    this.#context = context;
    this.#intake = intake;
    this.id = intake.nextId();
  }

  get method(): string {
    return this.#context.req.method;
  }

  get path(): string {
    return this.#context.req.path;
  }

  get url(): string {
    return this.#context.req.url;
  }

  get address(): string {
    return nodeRequest(this.#context)?.socket.remoteAddress ?? "unknown";
  }

  /** By lower-case name. */
  header(name: string): string | undefined {
    return headerOf(this.#context, name);
  }

  /** A part of the path, percent-decoded. The routes' own table says which there are. */
  pathParameter(name: string): string {
    return this.#context.req.param(name) ?? "";
  }

  /** @throws GatehouseError `bad_request` for a malformed query. */
  query(): Parameters {
    if (this.#query === undefined) {
      const start = this.url.indexOf("?");
      this.#query = start < 0 ? NO_PARAMETERS : parseParameters(this.url.slice(start + 1));
    }
    return this.#query;
  }

  /** Calls back once the client has gone; the returned function ends that. */
  onGone(listener: () => void): () => void {
    return onGone(this.#context, listener);
  }

  /**
   * The body, whatever type it is labelled with: curl says it is a form.
   * @throws GatehouseError `too_large`, `bad_request` for what is not UTF-8
   */
  async text(): Promise<string> {
    const { req } = this.#context;
    const source = {
      incoming: nodeRequest(this.#context),
      request: req.raw,
      header: (name: string) => this.header(name),
    };
    return decodeText(await readBody(source, this.#intake.maxBodyBytes));
  }

  /** @throws GatehouseError as `text`, and `bad_request` ("unexpected token at '...'") for what is no JSON. */
  async json(): Promise<JsonValue> {
    return parseJsonText(await this.text());
  }
}
