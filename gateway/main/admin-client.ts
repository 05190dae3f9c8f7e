/** `HomeCommands` of a house that runs: the other end of its admin socket. */

import { request } from "node:http";
import { z } from "zod";
import { ERROR_CODES, errorText, GatehouseError } from "../../shared/errors.ts";
import type { HomeCommands } from "../admin/commands.ts";
import { rotated, tokenStanding } from "../admin/token-messages.ts";

/** A house that says nothing for so long hangs. */
const SILENCE_TIMEOUT_MS = 300_000;

const failure = z.object({ error: z.object({ code: z.enum(ERROR_CODES), message: z.string() }) });
const tokenAnswer = z.object({ token: z.string() });
const allowAnswer = z.object({ changed: z.boolean() });

/** Undefined when no house answers at this socket. */
export async function connectAdmin(socketPath: string): Promise<HomeCommands | undefined> {
  const call = await callAdmin(socketPath);
  if (call === undefined) return undefined;
  return {
    ...tokenCommandsOver(call),
    importWorld: async (text) => {
      await call("POST", "/import", text);
    },
    exportWorld: () => call("GET", "/export"),
  };
}

/** Sends one request; its answer's body. @throws GatehouseError as the house threw it, `unavailable`. */
type Call = (method: string, path: string, body?: string) => Promise<string>;

/** Undefined when no house answers at this socket. */
export async function callAdmin(socketPath: string): Promise<Call | undefined> {
  const call: Call = (method, path, body) => ask(socketPath, method, path, body);
  try {
    await call("GET", "/healthz");
    return call;
  } catch (error) {
    if (isNobodyThere(error)) return undefined;
    throw error;
  }
}

function tokenCommandsOver(call: Call): Omit<HomeCommands, "importWorld" | "exportWorld"> {
  return {
    token: async (vmId) => tokenAnswer.parse(JSON.parse(await call("GET", `/token/${vmId}`))).token,
    revokeTokens: async (vmId, classic) => {
      await call("POST", `/token/${vmId}/revoke`, JSON.stringify({ classic }));
    },
    allowToken: async (vmId) =>
      allowAnswer.parse(JSON.parse(await call("POST", `/token/${vmId}/allow`))).changed,
    rotateTokenPassword: async (user, graceMs) =>
      rotated.parse(JSON.parse(await call("POST", "/token-password", JSON.stringify({ user, graceMs })))),
    tokenStanding: async () => tokenStanding.parse(JSON.parse(await call("GET", "/tokens"))),
  };
}

/** The body of a 200. @throws GatehouseError as the house threw it, `unavailable` when it does not answer. */
async function ask(socketPath: string, method: string, path: string, body = ""): Promise<string> {
  const { status, text } = await exchange(socketPath, method, path, body).catch((error: unknown) => {
    throw new GatehouseError(
      "unavailable",
      `The house at ${socketPath} does not answer: ${errorText(error)}.`,
      {
        cause: error,
      },
    );
  });
  if (status === 200) return text;
  throw failureOf(status, text);
}

function exchange(
  socketPath: string,
  method: string,
  path: string,
  body: string,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const bytes = Buffer.from(body);
    const headers = { Host: "gatehouse", "Content-Length": bytes.length };
    const sent = request({ socketPath, method, path, headers, timeout: SILENCE_TIMEOUT_MS }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("error", reject);
      answer.on("end", () =>
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") }),
      );
    });
    sent.on("timeout", () => sent.destroy(new Error(`silent for ${SILENCE_TIMEOUT_MS} ms`)));
    sent.on("error", reject);
    sent.end(bytes);
  });
}

function failureOf(status: number, text: string): GatehouseError {
  const parsed = failure.safeParse(parsedJson(text));
  if (parsed.success) return new GatehouseError(parsed.data.error.code, parsed.data.error.message);
  return new GatehouseError("unavailable", `The house answered its admin socket with status ${status}.`);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** No socket, or one that a house left behind when it was killed. */
function isNobodyThere(error: unknown): boolean {
  const cause = error instanceof GatehouseError ? error.cause : undefined;
  return (
    cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ECONNREFUSED")
  );
}
