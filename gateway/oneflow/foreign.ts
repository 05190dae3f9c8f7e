/**
 * A OneFlow elsewhere (`onegate.oneflow_server`), asked over HTTP as the original OneGate asks it: as the server's user,
 * for the VM's owner, with a session that soon ends (spec core-xmlrpc.md 5).
 */

import { type Clock, epochSeconds } from "../../shared/clock.ts";
import { type ErrorCode, errorText, GatehouseError } from "../../shared/errors.ts";
import { type ServerCredentials, sessionWriter } from "../cloud/access/server-session.ts";
import type { ServiceScaler } from "./directory.ts";

const SESSION_S = 300;
const TIMEOUT_MS = 10_000;
/** Errors are a sentence; what is longer is not worth reading. */
const MAX_ANSWER_LENGTH = 4_096;

const MEANING: Readonly<Record<number, ErrorCode>> = {
  400: "bad_request",
  401: "forbidden",
  403: "forbidden",
  404: "not_found",
  409: "wrong_state",
  // The original answers a refusal so.
  500: "wrong_state",
};

export interface ForeignOneFlow {
  /** `http://localhost:2474`. */
  readonly url: string;
  /** As OpenNebula's `oneflow_auth` and `onegate_auth` name one. */
  readonly server: ServerCredentials;
  readonly clock: Clock;
}

/** Its calls throw what the other says; `unavailable` when it cannot be asked, and nothing is then known of the scaling. */
export function createForeignScaler({ url, server, clock }: ForeignOneFlow): ServiceScaler {
  const session = sessionWriter(server);
  return {
    async scale(actor, serviceId, role, cardinality) {
      const credentials = Buffer.from(session(actor.name, epochSeconds(clock) + SESSION_S)).toString(
        "base64",
      );
      const response = await ask(clock, `${url.replace(/\/+$/, "")}/service/${serviceId}/scale`, {
        method: "POST",
        headers: { authorization: `Basic ${credentials}`, "content-type": "application/json" },
        body: JSON.stringify({ role_name: role, cardinality, force: false }),
        redirect: "error",
      });
      if (response.status < 300) return;
      throw new GatehouseError(MEANING[response.status] ?? "unavailable", response.text);
    },
  };
}

async function ask(
  clock: Clock,
  url: string,
  request: RequestInit,
): Promise<{ readonly status: number; readonly text: string }> {
  const abort = new AbortController();
  const cancel = clock.after(TIMEOUT_MS, () => abort.abort());
  try {
    const response = await fetch(url, { ...request, signal: abort.signal });
    return { status: response.status, text: await beginningOf(response) };
  } catch (error) {
    throw new GatehouseError("unavailable", `OneFlow cannot be asked: ${errorText(error)}.`, {
      cause: error,
    });
  } finally {
    cancel();
  }
}

async function beginningOf(response: Response): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_ANSWER_LENGTH) break;
  }
  return text.slice(0, MAX_ANSWER_LENGTH);
}
