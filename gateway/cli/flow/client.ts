/** Requests to OneFlow's REST API, with the credentials of one user. */

import type { Clock } from "../../../shared/clock.ts";
import { isGatehouseError } from "../../../shared/errors.ts";
import { boundedText, unreachable } from "../one/connection.ts";

/** An instantiation, or a list of ten thousand services, may take a while. */
const ANSWER_TIMEOUT_MS = 120_000;
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
/** As OpenNebula's own commands name themselves (spec oneflow-api.md 7); the release whose API these speak. */
const USER_AGENT = "OpenNebula 7.0.0 (CLI)";

export interface FlowSettings {
  readonly endpoint: string;
  /** `user:password`, or `user:token`. */
  readonly session: string;
  readonly clock: Clock;
}

export interface FlowCall {
  /** Text as it is; anything else becomes JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the wait for an answer. */
  readonly signal?: AbortSignal;
}

export interface FlowAnswer {
  readonly status: number;
  readonly text: string;
  /** Of what was answered, where the server tells one. */
  readonly etag: string | undefined;
  /** What the server did not understand of what it took. */
  readonly warning: string | undefined;
}

/** The server's refusal; the message is its own, word for word. */
export class FlowRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "FlowRefusal";
    this.status = status;
  }

  /** OpenNebula's commands end with the status modulo 256. */
  get exitCode(): number {
    return this.status % 256 || 255;
  }

  /** The user was not recognised; an authorisation that fails is headed by the core's call. */
  get isUnknownUser(): boolean {
    return this.status === 401 && !this.message.startsWith("[");
  }
}

export class FlowClient {
  readonly #settings: FlowSettings;

  constructor(settings: FlowSettings) {
    this.#settings = settings;
  }

  /**
   * Asks, and gives an answer below 400.
   * @param path from the server's root, percent-encoded
   * @throws FlowRefusal; GatehouseError `unavailable` when nobody answers
   */
  async send(method: string, path: string, call: FlowCall = {}): Promise<FlowAnswer> {
    const { status, text, headers } = await this.#fetch(method, path, call);
    if (status >= 400) throw new FlowRefusal(status, text.trim() === "" ? `HTTP ${status}` : text.trim());
    return {
      status,
      text,
      etag: headers.get("etag") ?? undefined,
      warning: headers.get("x-gatehouse-warning") ?? undefined,
    };
  }

  async #fetch(method: string, path: string, { body, headers, signal }: FlowCall) {
    const { endpoint, session, clock } = this.#settings;
    const deadline = new AbortController();
    const cancel = clock.after(ANSWER_TIMEOUT_MS, () => deadline.abort());
    try {
      const response = await fetch(`${endpoint}${path}`, {
        method,
        headers: {
          authorization: `Basic ${Buffer.from(session, "utf8").toString("base64")}`,
          "user-agent": USER_AGENT,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
        // The password goes where the caller said, and nowhere else.
        redirect: "error",
        signal: signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal]),
      });
      const text = await boundedText(response, MAX_ANSWER_BYTES);
      return { status: response.status, text, headers: response.headers };
    } catch (error) {
      throw isGatehouseError(error)
        ? error
        : unreachable(this.#settings.endpoint, error, "ONEFLOW_URL (or --server) to the URL");
    } finally {
      cancel();
    }
  }
}
