/**
 * Keeps secrets out of logs: by the name they stand under, at any depth, in header objects and header lists, and
 * inside texts (templates, JSON, XML, header lines, URLs) that carry such a name beside its value.
 */

export const REDACTED = "[redacted]";

/** More of one record than this is cut: a log line is for reading, and redacting must stay cheap. */
const MAX_DEPTH = 8;
const MAX_NODES = 2_000;
const MAX_TEXT_LENGTH = 8_192;

/** Compared without case and punctuation: X-ONEGATE-TOKEN, TOKEN_PASSWORD, TOKENTXT, passwordHash, one_auth, ... */
const SECRET_NAME =
  /(?:password|passwordhash|passwd|passphrase|token|tokens|tokentxt|authorization|secret|secrets|session|sessions|sessionstring|oneauth|cookie|privatekey|secretkey|credential|credentials)$/;

const NAME = String.raw`[\w.-]*(?:password|passwd|passphrase|token|tokentxt|authorization|secret|session|one_?auth|cookie|private_?key|secret_?key|credential)s?(?:_?hash)?`;

/** `NAME = "value"`, `"NAME":"value"`, the same with its quotes escaped once more, `?name=value`: the value goes. */
const ASSIGNMENT = new RegExp(
  String.raw`(?<![\w.-])(${NAME}(?:\\*["'])?\s{0,4}[:=]\s{0,4})(?!\[redacted\])(?:\\+["'][^"']*["']?|"(?:[^"\\]|\\.)*"?|'[^']*'?|(?:(?:basic|bearer|digest)\s+)?[^\s"',;&<>\]}]+)`,
  "gi",
);
/** These headers' values have parts of their own: the rest of the line goes. */
const HEADER_LINE =
  /(?<![\w.-])((?:proxy-)?authorization|(?:set-)?cookie)(\s{0,4}[:=]\s{0,4})(?=[^\s"'\\])[^\r\n]*/gi;
const ELEMENT = new RegExp(String.raw`(<${NAME}>)(?:<!\[CDATA\[[\s\S]*?(?:\]\]>|$)|[^<]*)`, "gi");
const SCHEME = /\b(basic|bearer)\s+[\w.~+/=-]{8,}/gi;
const URL_PASSWORD = /(\/\/[^\s/:@]{1,256}:)[^\s/@]{1,256}(@)/g;

/** A text without the secrets that stand in it beside their names; long texts are cut. */
export function redactText(text: string): string {
  const cut = text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text;
  return cut
    .replace(HEADER_LINE, `$1$2${REDACTED}`)
    .replace(ASSIGNMENT, `$1${REDACTED}`)
    .replace(ELEMENT, `$1${REDACTED}`)
    .replace(SCHEME, `$1 ${REDACTED}`)
    .replace(URL_PASSWORD, `$1${REDACTED}$2`);
}

/** True when what stands under this name is a secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.toLowerCase().replace(/[^a-z0-9]/g, ""));
}

/** A plain copy, safe to write: secrets replaced, errors and collections made objects, depth and size bounded. */
export function redact(details: { readonly [name: string]: unknown }): { readonly [name: string]: unknown } {
  try {
    return Object.fromEntries(copyEntries(Object.entries(details), { nodes: 0 }, 0));
  } catch {
    return { details: "[unreadable]" };
  }
}

interface Budget {
  nodes: number;
}

function copy(value: unknown, budget: Budget, depth: number): unknown {
  budget.nodes += 1;
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value === "function") return "[function]";
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH || budget.nodes > MAX_NODES) return "[cut]";
  try {
    return copyObject(value, budget, depth);
  } catch {
    return "[unreadable]";
  }
}

function copyObject(value: object, budget: Budget, depth: number): unknown {
  if (value instanceof Error) return copyError(value, budget, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[no date]" : value.toISOString();
  if (value instanceof URL) return redactText(value.href);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return copyArray(value, budget, depth);
  if (value instanceof Map || value instanceof Headers) {
    return Object.fromEntries(
      copyEntries(
        [...value].map(([name, item]) => [String(name), item] as const),
        budget,
        depth,
      ),
    );
  }
  if (value instanceof Set) return copyArray([...value], budget, depth);
  return Object.fromEntries(copyEntries(Object.entries(value), budget, depth));
}

function copyEntries(
  entries: readonly (readonly [string, unknown])[],
  budget: Budget,
  depth: number,
): [string, unknown][] {
  const kept: [string, unknown][] = [];
  for (const [name, value] of entries) {
    if (budget.nodes > MAX_NODES) break;
    kept.push([redactText(name), hides(name, value) ? REDACTED : copy(value, budget, depth + 1)]);
  }
  return kept;
}

/** A yes or no under such a name tells nothing, and is often what one wants to read. */
function hides(name: string, value: unknown): boolean {
  return typeof value !== "boolean" && value !== null && value !== undefined && isSecretName(name);
}

/** Header lists come as `[name, value, name, value]` (rawHeaders) or `[[name, value], ...]`: the next item is hidden. */
function copyArray(items: readonly unknown[], budget: Budget, depth: number): unknown[] {
  const kept: unknown[] = [];
  let previous: unknown;
  for (const item of items) {
    if (budget.nodes > MAX_NODES) break;
    const hidden = typeof previous === "string" && hides(previous, item);
    kept.push(hidden ? REDACTED : copy(item, budget, depth + 1));
    // A hidden value is not itself a name, even when it reads like one.
    previous = hidden ? undefined : item;
  }
  return kept;
}

function copyError(error: Error, budget: Budget, depth: number): unknown {
  const head: [string, unknown][] = [
    ["type", error.name],
    ["message", error.message],
    ["stack", error.stack],
  ];
  if (error.cause !== undefined) head.push(["cause", error.cause]);
  const own = Object.entries(error).filter(([name]) => name !== "name" && name !== "cause");
  return Object.fromEntries(copyEntries([...head, ...own], budget, depth));
}
