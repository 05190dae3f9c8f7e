/**
 * `onegate doctor`: looks at each thing between this machine and its OneGate, in the order in which they depend on each
 * other, and says what is wrong and what to do. It shows the token only to what has answered like a OneGate.
 */

import { errorText } from "../../shared/errors.ts";
import type { Access, World } from "./access.ts";
import type { Arguments } from "./arguments.ts";
import type { Context } from "./context.ts";
import { contextFindings } from "./doctor-context.ts";
import type { Finding } from "./doctor-finding.ts";
import { clockFinding, gateFinding, guestFindings } from "./doctor-gate.ts";
import { networkFindings } from "./doctor-network.ts";
import type { GateAnswer } from "./transport.ts";

const DEFAULT_TIMEOUT_S = "5";
/** Exit code when something is wrong. */
const WRONG = 1;

/** Prints a line for each finding, or all as JSON; the exit code, 1 when something is wrong. */
export async function startDoctor(args: Arguments, world: World, access: Access): Promise<number> {
  const findings = await examine(world, access);
  const ok = findings.every(({ result }) => result !== "wrong");
  if (args.flags.has("json")) world.out(`${JSON.stringify({ ok, findings }, null, 2)}\n`);
  else world.out(findings.map(findingText).join("") + (ok ? "Nothing is wrong.\n" : ""));
  return ok ? 0 : WRONG;
}

const RESULT_COLUMNS = 8;
const CHECK_COLUMNS = 12;

function findingText({ check, result, found, advice }: Finding): string {
  const indent = " ".repeat(RESULT_COLUMNS + CHECK_COLUMNS);
  const shown = result === "wrong" ? "WRONG" : result;
  const first = `${shown.padEnd(RESULT_COLUMNS)}${check.padEnd(CHECK_COLUMNS)}${found}\n`;
  return advice === undefined ? first : `${first}${indent}-> ${advice}\n`;
}

async function examine(world: World, access: Access): Promise<readonly Finding[]> {
  const context = access.context();
  const timeoutMs = access.timeoutMs(context.variables, DEFAULT_TIMEOUT_S);
  const own = contextFindings(context, world);
  const endpoint = endpointOf(context);
  if (endpoint === undefined) return own;
  const { variables } = context;
  const insecure = access.insecure(variables);
  const network = await networkFindings({ endpoint, variables, insecure, timeoutMs, clock: world.clock });
  if (isWrong(network)) return [...own, ...network];
  const stranger = access.transport({ context, timeoutMs, stranger: { endpoint } });
  const path = { method: "GET", path: "/vm" } as const;
  const first = await stranger(path).catch((error: unknown) => errorText(error));
  const gate = gateFinding(first, endpoint);
  const findings = [...own, ...network, gate];
  if (typeof first === "string" || gate.result === "wrong") return [...findings, ...clockOf(first, world)];
  if (isWrong(own)) return [...findings, ...clockOf(first, world)];
  const known = access.transport({ context, timeoutMs });
  const second = await known(path).catch((error: unknown) => errorText(error));
  // Where guests may not read themselves, the first page still tells whether the token is taken.
  const isClosed = typeof second !== "string" && second.status === 403;
  const root = isClosed
    ? await known({ ...path, path: "/" }).catch((error: unknown) => errorText(error))
    : undefined;
  return [...findings, ...guestFindings(second, root, context), ...clockOf(first, world)];
}

function clockOf(answer: GateAnswer | string, { clock }: World): readonly Finding[] {
  return typeof answer === "string" ? [] : clockFinding(answer.headers.date, clock.now());
}

function endpointOf(context: Context): URL | undefined {
  try {
    return context.endpoint();
  } catch {
    return undefined;
  }
}

function isWrong(findings: readonly Finding[]): boolean {
  return findings.some(({ result }) => result === "wrong");
}
