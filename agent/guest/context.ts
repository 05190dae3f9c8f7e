/**
 * Who this machine is to OneGate: endpoint, token and id, from the environment, from the context files in CONTEXT_DIR,
 * or from one_env (spec onegate-cli.md 1). CONTEXT_DIR names a whole context, so one_env is then left alone: the token
 * of one VM must not go to the endpoint of another.
 */

import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { GatehouseError } from "../../shared/errors.ts";
import { parseAssignments, type Variables } from "./shell-assignments.ts";

export const ONE_ENV = "/var/run/one-context/one_env";

const MAX_CONTEXT_BYTES = 1024 * 1024;
const MAX_TOKEN_BYTES = 8192;

export interface Identity {
  readonly endpoint: URL;
  readonly token: string;
  readonly vmId: string;
}

/** The file that the context comes from, beside the environment. */
export interface ContextFile {
  readonly path: string;
  /** Why it gave nothing: the code of the error, EFBIG for what is no file or too large. */
  readonly error: string | undefined;
  readonly variables: Variables;
}

/** All but `variables` and `file` throw GatehouseError `bad_request` that says what is missing and where it comes from. */
export interface Context {
  /** All variables, the nearest source first: the environment, then the files. */
  readonly variables: Variables;
  readonly file: ContextFile;
  endpoint(): URL;
  token(): string;
  vmId(): string;
  identity(): Identity;
}

/** Reads what there is; what is missing is told when it is asked for. */
export function readContext(environment: Variables, oneEnv = ONE_ENV): Context {
  const directory = environment.CONTEXT_DIR || undefined;
  const file = directory === undefined ? oneEnv : join(directory, "context.sh");
  const { text, error } = readSmall(file, MAX_CONTEXT_BYTES);
  const fromFile = text === undefined ? {} : parseAssignments(text);
  const variables = { ...fromFile, ...withoutEmpty(environment) };
  const hint = error === "EACCES" ? ` (${file} cannot be read by this user.)` : "";
  const given = () =>
    tokenOf(environment) ?? tokenOf(fromFile) ?? (directory && tokenIn(join(directory, "token.txt")));
  const endpoint = () => endpointOf(variables.ONEGATE_ENDPOINT, hint);
  const token = () => printableToken(required(given() || undefined, NO_TOKEN + hint));
  const vmId = () => vmIdOf(variables.VMID, hint);
  return {
    variables,
    file: { path: file, error, variables: fromFile },
    ...{ endpoint, token, vmId },
    identity: () => ({ endpoint: endpoint(), token: token(), vmId: vmId() }),
  };
}

const NO_ENDPOINT =
  "ONEGATE_ENDPOINT is not set, so this machine knows no OneGate server: set it, for example to http://192.168.0.5:5030.";
const NO_TOKEN =
  'There is no OneGate token: TOKENTXT is not set and CONTEXT_DIR has no token.txt. The VM\'s template needs CONTEXT = [ TOKEN = "YES" ].';
const NO_VMID = "VMID is not set, so this machine does not know which virtual machine it is.";

/** Sourcing a file cannot tell an empty variable from none, and neither do we. */
function withoutEmpty(variables: Variables): Variables {
  return Object.fromEntries(
    Object.entries(variables).filter(([, value]) => value !== undefined && value !== ""),
  );
}

/** ONEGATE_TOKEN is the token itself, or, as in the sample script of seed 003, the path of its file. */
function tokenOf({ ONEGATE_TOKEN: own, TOKENTXT: text }: Variables): string | undefined {
  const inFile = own?.includes("/") ? tokenIn(own) : undefined;
  return inFile || own?.trim() || text?.trim() || undefined;
}

function tokenIn(file: string): string | undefined {
  return readSmall(file, MAX_TOKEN_BYTES).text?.trim() || undefined;
}

function endpointOf(text: string | undefined, hint: string): URL {
  const given = required(text?.trim(), NO_ENDPOINT + hint);
  try {
    const url = new URL(given);
    if (url.protocol === "http:" || url.protocol === "https:") return url;
  } catch {
    // Told below.
  }
  const shown = JSON.stringify(given.replace(/\/\/[^/@]*@/, "//"));
  throw new GatehouseError(
    "bad_request",
    `ONEGATE_ENDPOINT must be a URL such as http://192.168.0.5:5030, not ${shown}.`,
  );
}

function vmIdOf(text: string | undefined, hint: string): string {
  const id = required(text?.trim(), NO_VMID + hint);
  if (/^\d+$/.test(id)) return id;
  throw new GatehouseError(
    "bad_request",
    `VMID must be the number of a virtual machine, not ${JSON.stringify(id)}.`,
  );
}

/** A header takes no other characters, and an error of node's own might show the token. */
function printableToken(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new GatehouseError("bad_request", "The OneGate token holds blanks or characters that no token has.");
}

function required(value: string | undefined, message: string): string {
  if (value !== undefined && value !== "") return value;
  throw new GatehouseError("bad_request", message);
}

/** The text of a regular file of bounded size, or the code of the error. */
function readSmall(file: string, maxBytes: number): { text?: string; error?: string } {
  try {
    const status = statSync(file);
    if (!status.isFile() || status.size > maxBytes) return { error: "EFBIG" };
    return { text: readFileSync(file, "utf8") };
  } catch (error) {
    return { error: error instanceof Error && "code" in error ? String(error.code) : "EIO" };
  }
}
