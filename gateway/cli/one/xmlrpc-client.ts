/** Calls of OpenNebula's XML-RPC over HTTP, one session string for all of them. */

import type { Clock } from "../../../shared/clock.ts";
import { errorText, GatehouseError, isGatehouseError } from "../../../shared/errors.ts";
import { MAX_XML_BYTES } from "../../../shared/xml/tree.ts";
import { CoreError } from "./core-error.ts";
import { decodeAnswer, encodeCall, type RpcValue } from "./xmlrpc-encoding.ts";

/** A core may take a while to instantiate hundreds of VMs, and answers only then. */
const CALL_TIMEOUT_MS = 120_000;
const NO_CONNECTION: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was cut",
  UND_ERR_SOCKET: "the connection was cut",
  ENOTFOUND: "the host name is unknown",
  EAI_AGAIN: "the host name cannot be looked up now",
  EHOSTUNREACH: "the host cannot be reached",
  ETIMEDOUT: "nobody answered in time",
  UND_ERR_CONNECT_TIMEOUT: "nobody answered in time",
};

export interface XmlRpcSettings {
  readonly endpoint: string;
  /** `user:password`, or `user:token`. */
  readonly session: string;
  readonly clock: Clock;
}

export class XmlRpcClient {
  readonly #settings: XmlRpcSettings;

  constructor(settings: XmlRpcSettings) {
    this.#settings = settings;
  }

  /**
   * The value of a call: an id, a document's XML, or a boolean.
   * @throws CoreError with the core's own words when it refuses; GatehouseError `unavailable` when nobody answers,
   *   `bad_request` when what answers is no core.
   */
  async call(method: string, ...values: readonly RpcValue[]): Promise<string | number | boolean> {
    const answer = this.#decode(await this.#post(encodeCall(method, [this.#settings.session, ...values])));
    if (answer.kind === "success") return answer.value;
    if (answer.kind === "failure") throw new CoreError(answer.message, answer.code);
    throw new GatehouseError(
      "bad_request",
      `${this.#settings.endpoint} cannot do ${method}: ${answer.message}.`,
    );
  }

  /** The XML that a call returns. */
  async text(method: string, ...values: readonly RpcValue[]): Promise<string> {
    return String(await this.call(method, ...values));
  }

  #decode(body: string) {
    try {
      return decodeAnswer(body);
    } catch (error) {
      throw new GatehouseError(
        "bad_request",
        `${this.#settings.endpoint} is no XML-RPC endpoint of OpenNebula: ${errorText(error)}`,
        { cause: error },
      );
    }
  }

  async #post(body: string): Promise<string> {
    const abort = new AbortController();
    const cancel = this.#settings.clock.after(CALL_TIMEOUT_MS, () => abort.abort());
    try {
      const response = await fetch(this.#settings.endpoint, {
        method: "POST",
        headers: { "content-type": "text/xml; charset=utf-8" },
        body,
        // The body holds the password: it goes where the caller said, and nowhere else.
        redirect: "error",
        signal: abort.signal,
      });
      if (!response.ok)
        throw new GatehouseError(
          "bad_request",
          `${this.#settings.endpoint} answered HTTP ${response.status}; ONE_XMLRPC must name an XML-RPC endpoint, such as http://localhost:2633/RPC2.`,
        );
      return await textOf(response);
    } catch (error) {
      throw isGatehouseError(error) ? error : this.#unreachable(error);
    } finally {
      cancel();
    }
  }

  #unreachable(error: unknown): GatehouseError {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const aborted = error instanceof Error && error.name === "AbortError";
    const reason = aborted ? "nobody answered in time" : (NO_CONNECTION[code] ?? errorText(cause));
    return new GatehouseError(
      "unavailable",
      `Cannot connect to ${this.#settings.endpoint}: ${reason}. Start the house with "gatehouse up", or set ONE_XMLRPC to the endpoint of a running one.`,
      { cause: error },
    );
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_XML_BYTES)
      throw new GatehouseError("too_large", `The answer is larger than the ${MAX_XML_BYTES} bytes allowed.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
