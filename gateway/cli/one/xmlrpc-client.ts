/** Calls of OpenNebula's XML-RPC over HTTP, one session string for all of them. */

import type { Clock } from "../../../shared/clock.ts";
import { errorText, GatehouseError, isGatehouseError } from "../../../shared/errors.ts";
import { MAX_XML_BYTES } from "../../../shared/xml/tree.ts";
import { CoreError } from "../../../shared/xmlrpc/core-error.ts";
import { decodeAnswer, encodeCall, type RpcValue } from "../../../shared/xmlrpc/encoding.ts";
import { boundedText, unreachable } from "./connection.ts";

/** A core may take a while to instantiate hundreds of VMs, and answers only then. */
const CALL_TIMEOUT_MS = 120_000;
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
      return await boundedText(response, MAX_XML_BYTES);
    } catch (error) {
      throw isGatehouseError(error)
        ? error
        : unreachable(this.#settings.endpoint, error, "ONE_XMLRPC to the endpoint");
    } finally {
      cancel();
    }
  }
}
