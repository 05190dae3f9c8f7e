/** Runs a command of OneFlow in this process, on a context of the test's own, beside a server that replays recordings. */

import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type FlowCommandName, runFlowCommand } from "../../gateway/cli/flow/commands.ts";
import type { FlowContext } from "../../gateway/cli/flow/context.ts";
import { systemClock } from "../../shared/clock.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures");

/** The body that was recorded of an exchange of OneFlow. */
export function recordedFlow(name: string): string {
  for (const line of readFileSync(join(FIXTURES, "oneflow.jsonl"), "utf8").trimEnd().split("\n")) {
    const exchange = JSON.parse(line);
    if (exchange.name === name) return String(exchange.response.body);
  }
  throw new Error(`no exchange ${name} was recorded`);
}

export interface FlowReply {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Reply = FlowReply | string | ((request: IncomingMessage) => FlowReply | Promise<FlowReply>);

export interface ScriptedFlow {
  readonly url: string;
  /** Method, path, and the body: parsed where it is JSON. */
  readonly asked: (readonly [string, string, unknown?])[];
  readonly heads: IncomingMessage["headers"][];
  close(): Promise<void>;
}

/** Answers by `GET /service/5`; a string is the body of a 200, and what is not there gets 404. */
export async function startScriptedFlow(replies: Readonly<Record<string, Reply>>): Promise<ScriptedFlow> {
  const asked: (readonly [string, string, unknown?])[] = [];
  const heads: IncomingMessage["headers"][] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = "", url = "" } = request;
    const text = Buffer.concat(chunks).toString("utf8");
    asked.push(text === "" ? [method, url] : [method, url, jsonOf(text)]);
    heads.push(request.headers);
    const scripted = replies[`${method} ${url}`] ?? { status: 404, body: `no ${method} ${url}` };
    const reply = typeof scripted === "function" ? await scripted(request) : scripted;
    const { status = 200, body = "", headers = {} } = typeof reply === "string" ? { body: reply } : reply;
    response.writeHead(status, { "content-type": "text/html;charset=utf-8", ...headers });
    response.end(body);
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    heads,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export interface FlowResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** As alice, by the environment; `more` changes the context. */
export async function runFlow(
  url: string,
  line: readonly string[],
  more: Partial<FlowContext> & { readonly input?: string } = {},
): Promise<FlowResult> {
  const out: string[] = [];
  const err: string[] = [];
  const { input, ...context } = more;
  const [name, ...args] = line;
  const code = await runFlowCommand(name as FlowCommandName, args, {
    env: { ONEFLOW_URL: url, ONEFLOW_USER: "alice", ONEFLOW_PASSWORD: "alicepw" },
    cwd: "/",
    clock: systemClock,
    columns: undefined,
    person: undefined,
    readInput: async () => input,
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    ...context,
  });
  return { code, out: out.join(""), err: err.join("") };
}
