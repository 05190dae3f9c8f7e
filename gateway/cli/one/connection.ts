/** What the commands share about HTTP: why nobody answered, and answers of bounded size. */

import { errorText, GatehouseError } from "../../../shared/errors.ts";

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

/** Nobody answers at `endpoint`; `setting` says what names it and what it must name: "ONE_XMLRPC to the endpoint". */
export function unreachable(endpoint: string, error: unknown, setting: string): GatehouseError {
  const why = connectionFailure(error);
  return new GatehouseError(
    "unavailable",
    `Cannot connect to ${endpoint}: ${why}. Start the house with "gatehouse up", or set ${setting} of a running one.`,
    { cause: error },
  );
}

/** What made `fetch` fail: "the connection was refused". */
function connectionFailure(error: unknown): string {
  if (error instanceof Error && error.name === "AbortError") return "nobody answered in time";
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return NO_CONNECTION[code] ?? errorText(cause);
}

/** The text of an answer. @throws GatehouseError `too_large` above `maxBytes`. */
export async function boundedText(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes)
      throw new GatehouseError("too_large", `The answer is larger than the ${maxBytes} bytes allowed.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
