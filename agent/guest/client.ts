/** OneGate's requests as the in-VM command sends them (spec onegate-cli.md 2), tried again where that is safe. */

import type { Clock } from "../../shared/clock.ts";
import { GatehouseError } from "../../shared/errors.ts";
import { wait } from "./clock.ts";
import { LostError } from "./lost.ts";
import type { GateAnswer, GateRequest, Transport } from "./transport.ts";

const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 10_000;
/** A server that wants one to wait for longer is told of at once. */
const MAX_RETRY_AFTER_MS = 300_000;
export const MAX_RETRIES = 20;

const FORM = "application/x-www-form-urlencoded";
const JSON_TYPE = "application/json";

/** OneGate's own answer to a request that failed: its body is the text to show. */
export class RefusedError extends Error {
  readonly answer: GateAnswer;

  constructor(answer: GateAnswer) {
    const { status, statusText, body } = answer;
    const { location } = answer.headers;
    const moved =
      location === undefined ? "" : ` The server points to ${location}: correct ONEGATE_ENDPOINT.`;
    super(status < 400 || body.trim() === "" ? `${status} ${statusText}.${moved}` : body.trimEnd());
    this.name = "RefusedError";
    this.answer = answer;
  }

  get status(): number {
    return this.answer.status;
  }
}

export interface Update {
  /** 1: add or replace; 2: erase. */
  readonly type: 1 | 2;
  /** Attribute text, or the name of the attribute to erase. */
  readonly data: string;
}

/** Every method gives the answer's body. @throws RefusedError, LostError */
export interface GateClient {
  showVm(id: string | undefined): Promise<string>;
  updateVm(id: string | undefined, update: Update): Promise<string>;
  actOnVm(id: string, action: { perform: string; hard: boolean }): Promise<string>;
  showService(extended: boolean): Promise<string>;
  /** `cardinality` travels as a string, as in OpenNebula's client. */
  scaleRole(role: string, cardinality: string): Promise<string>;
  showRouter(extended: boolean): Promise<string>;
  showNetwork(id: string, extended: boolean): Promise<string>;
  /** A signed identity token for a third party. */
  identity(query: Readonly<Record<string, string>>): Promise<string>;
  /** A short-lived session token, as JSON that tells how long it lives. */
  sessionToken(wishes: object): Promise<string>;
  /** Whatever lies at a path of OneGate. */
  read(path: string): Promise<string>;
}

export interface ClientOptions {
  readonly transport: Transport;
  readonly retries: number;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly stop?: AbortSignal | undefined;
}

export function gateClient(options: ClientOptions): GateClient {
  const ask = async (request: GateRequest) => (await withRetries(request, options)).body;
  const get = (path: string, extended = false) =>
    ask({ method: "GET", path, ...(extended ? { body: form({ extended: "true" }) } : {}) });
  const vm = (id: string | undefined) => (id === undefined ? "/vm" : `/vms/${encodeURIComponent(id)}`);
  return {
    showVm: (id) => get(vm(id)),
    updateVm: (id, { type, data }) =>
      ask({ method: "PUT", path: vm(id), body: form({ data, type: String(type) }) }),
    actOnVm: (id, { perform, hard }) => {
      const action = { perform, ...(hard ? { params: true } : {}) };
      return ask({ method: "POST", path: `${vm(id)}/action`, body: json({ action }) });
    },
    showService: (extended) => get("/service", extended),
    scaleRole: (role, cardinality) =>
      ask({ method: "PUT", path: `/service/role/${encodeURIComponent(role)}`, body: json({ cardinality }) }),
    showRouter: (extended) => get("/vrouter", extended),
    showNetwork: (id, extended) => get(`/vnet/${encodeURIComponent(id)}`, extended),
    identity: (query) => get(`/identity?${new URLSearchParams(query)}`),
    sessionToken: (wishes) => ask({ method: "POST", path: "/token", body: json(wishes) }),
    read: (path) => get(path),
  };
}

function form(fields: Record<string, string>): { type: string; text: string } {
  return { type: FORM, text: new URLSearchParams(fields).toString() };
}

function json(value: object): { type: string; text: string } {
  return { type: JSON_TYPE, text: JSON.stringify(value) };
}

async function withRetries(
  request: GateRequest,
  { transport, retries, clock, random, stop }: ClientOptions,
): Promise<GateAnswer> {
  for (let tries = 1; ; tries += 1) {
    const outcome = await transport(request, stop).catch(lostOnly);
    if (!(outcome instanceof LostError) && isSuccess(outcome)) return outcome;
    if (tries > retries || !mayRetry(request, outcome) || stop?.aborted) throw failure(outcome, tries);
    const pauseMs = retryPause(outcome, tries, random());
    if (pauseMs > MAX_RETRY_AFTER_MS) throw failure(outcome, tries);
    await wait(clock, pauseMs, stop);
  }
}

/**
 * How long to wait after so many tries, in ms: what the server asks for, and a little more, so that those who were
 * turned away together do not come back together; else longer each time, up to ten seconds. `random` is from 0 up to 1.
 */
export function retryPause(outcome: GateAnswer | LostError, tries: number, random: number): number {
  const asked = outcome instanceof LostError ? undefined : outcome.headers["retry-after"];
  if (asked !== undefined && /^\d{1,6}$/.test(asked.trim())) return Number(asked) * 1000 * (1 + random / 10);
  return Math.min(FIRST_WAIT_MS * 2 ** (tries - 1), MAX_WAIT_MS) * (0.5 + random / 2);
}

function isSuccess({ status }: GateAnswer): boolean {
  return status >= 200 && status < 300;
}

function lostOnly(error: unknown): LostError {
  if (error instanceof LostError) return error;
  throw error;
}

/**
 * Reads and updates may be sent twice; an action only when the first one was surely not carried out. What was limited
 * (429) was not.
 */
function mayRetry({ method }: GateRequest, outcome: GateAnswer | LostError): boolean {
  if (outcome instanceof LostError) return !outcome.lasting && (method !== "POST" || !outcome.sent);
  if (outcome.status === 429) return true;
  const unsure = outcome.status === 502 || outcome.status === 504;
  return outcome.status >= 500 && !(method === "POST" && unsure);
}

function failure(outcome: GateAnswer | LostError, tries: number): Error {
  if (!(outcome instanceof LostError)) return new RefusedError(outcome);
  const times = tries > 1 ? ` Tried ${tries} times.` : "";
  return new GatehouseError("unavailable", outcome.message + times, { cause: outcome });
}
