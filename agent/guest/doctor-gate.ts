/** What `onegate doctor` reads from answers: is this a OneGate, does it know this VM, what time is it there; pure. */

import { at, textAt, visible } from "./answer.ts";
import type { Context } from "./context.ts";
import { looksLikeToken } from "./doctor-context.ts";
import { type Finding, wrong } from "./doctor-finding.ts";
import type { GateAnswer } from "./transport.ts";

const MAX_CLOCK_DIFFERENCE_MS = 300_000;
const MAX_SHOWN_CHARACTERS = 120;

/** Judges the answer to a `GET /vm` without a token, or what stood in its way. */
export function gateFinding(answer: GateAnswer | string, endpoint: URL): Finding {
  const check = "onegate";
  if (typeof answer === "string") {
    const scheme =
      endpoint.protocol === "http:" ? " If it speaks TLS, ONEGATE_ENDPOINT must begin with https://." : "";
    return wrong(check, answer, `Is it OneGate that listens there, and is it well?${scheme}`);
  }
  const { status, headers, body } = answer;
  if (status === 429) return limited(check, answer);
  if (status === 407)
    return wrong(
      check,
      "The proxy asks for a password.",
      "Put it into http_proxy, or the host into no_proxy.",
    );
  if (status >= 500) {
    const found = `${endpoint.host} answers ${status}: ${sentence(body)}`;
    return wrong(
      check,
      found,
      "OneGate, or a proxy before it, is in trouble: see its log; nothing in this VM will help.",
    );
  }
  const { location } = headers;
  if (location !== undefined) {
    const found = `${endpoint.host} is not a OneGate: it sends one to ${originOf(location, endpoint)}.`;
    return wrong(
      check,
      found,
      "A login page or another scheme: correct ONEGATE_ENDPOINT, or put the host into no_proxy.",
    );
  }
  const isRefusal =
    status === 401 && body.trim() === "Not authorized" && headers["www-authenticate"] === undefined;
  const isClosed = status === 403 && /^Action \(\w+\) on resource \(\w+\) not supported$/.test(body.trim());
  if (isRefusal || isClosed || isVm(answer))
    return { check, result: "ok", found: `${endpoint.host} is a OneGate.` };
  const found = `${endpoint.host} is not a OneGate: it answers ${status} and ${kindOf(answer)}.`;
  return wrong(
    check,
    found,
    "A web server, or a proxy's login page: correct ONEGATE_ENDPOINT, or put the host into no_proxy.",
  );
}

/** Judges the answer to a `GET /vm` with the token; `root` is that to `GET /` where /vm is closed to guests. */
export function guestFindings(
  answer: GateAnswer | string,
  root: GateAnswer | string | undefined,
  context: Context,
): readonly Finding[] {
  const check = "access";
  const { token, vmId } = context.identity();
  if (typeof answer === "string") return [wrong(check, answer, "It answered a moment ago: try again.")];
  if (answer.status === 200 && isVm(answer)) {
    const told = textAt(parsed(answer.body), "VM", "ID");
    if (told === undefined || told === vmId)
      return [{ check, result: "ok", found: `The token is taken, for VM ${vmId}.` }];
    return [wrong("vm id", `VMID is ${vmId}, but the token is that of VM ${told}.`, `Set VMID=${told}.`)];
  }
  if (answer.status === 401) return [refused(token, vmId)];
  if (answer.status === 429) return [limited(check, answer)];
  if (answer.status === 403 && typeof root === "object") {
    if (root.status === 401) return [refused(token, vmId)];
    if (root.status === 200) {
      return [{ check, result: "ok", found: "The token is taken; it may not read the VM itself." }];
    }
  }
  const found = `OneGate answers ${answer.status}: ${sentence(answer.body)}`;
  return [wrong(check, found, "Ask who runs the cloud.")];
}

/** Tokens of its own kinds bear times: beyond five minutes they are refused. */
export function clockFinding(date: string | undefined, now: number): readonly Finding[] {
  const check = "clock";
  const there = Date.parse(date ?? "");
  if (Number.isNaN(there)) return [];
  const ahead = Math.round((now - there) / 1000);
  if (Math.abs(now - there) <= MAX_CLOCK_DIFFERENCE_MS) {
    return [{ check, result: "ok", found: `It differs from OneGate's by ${Math.abs(ahead)} s.` }];
  }
  const found = `It is ${Math.abs(ahead)} s ${ahead > 0 ? "ahead of" : "behind"} OneGate's, which says ${new Date(there).toISOString()}.`;
  return [wrong(check, found, "Set it: is chrony or systemd-timesyncd running, and reaching its server?")];
}

function refused(token: string, vmId: string): Finding {
  const found = `OneGate does not take the token for VM ${vmId}.`;
  if (!looksLikeToken(token)) {
    return wrong(
      "access",
      `${found} It has not the form of one.`,
      "TOKENTXT must be the content of token.txt in the context.",
    );
  }
  const advice =
    "Token or VMID is of another VM, or the TOKEN_PASSWORD of the VM's creator has changed: power the VM off and on to get a new token. Where tokens are bound to addresses, this VM must ask from one it has leased.";
  return wrong("access", found, advice);
}

function limited(check: string, { headers }: GateAnswer): Finding {
  const after = headers["retry-after"];
  const when = after !== undefined && /^\d{1,6}$/.test(after) ? `in ${after} s` : "later";
  return wrong(
    check,
    "OneGate limits how often this VM may ask (429).",
    `Try again ${when}; what in this VM asks so often?`,
  );
}

function isVm({ status, body }: GateAnswer): boolean {
  return status === 200 && typeof at(parsed(body), "VM") === "object";
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function kindOf({ headers, body }: GateAnswer): string {
  const type = headers["content-type"] ?? "";
  if (/html/i.test(type) || /^\s*</.test(body)) return "a page of HTML";
  return type === "" ? "something else" : visible(type);
}

function originOf(location: string, endpoint: URL): string {
  try {
    return new URL(location, endpoint).origin;
  } catch {
    return "another place";
  }
}

function sentence(body: string): string {
  const text = visible(body.trim().split("\n")[0] ?? "");
  if (text === "" || text.startsWith("<")) return "no sentence of OneGate's.";
  return text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}...` : text;
}
