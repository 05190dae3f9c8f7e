/** The bundled `onegate doctor` in broken set-ups, each with real sockets: it names the cause, and what to do. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildBundle, GUEST_NODE, runGuest } from "../support/guest-command.ts";
import { useGuestServers } from "../support/guest-servers.ts";
import { scratchDirectory } from "../support/house.ts";

const TOKEN = Buffer.from("sixteen bytes ok").toString("base64");
const VM = '{"VM":{"ID":"7","NAME":"seven"}}';
const scratch = scratchDirectory("doctor");
const { closers, serve } = useGuestServers();
let bundle = "";

beforeAll(async () => {
  bundle = await buildBundle(scratch.path);
});
afterAll(() => scratch.remove());

const tls = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));

async function serveTls(certificate: string): Promise<string> {
  const server = createSecureServer({
    key: readFileSync(tls("key.pem")),
    cert: readFileSync(tls(certificate)),
  });
  return (await serve(healthy, server)).replace("http:", "https:");
}

/** OneGate, as far as the doctor sees it: the token is VM 7's. */
const healthy: RequestListener = ({ headers }, response) => {
  const isKnown = headers["x-onegate-token"] === TOKEN && headers["x-onegate-vmid"] === "7";
  response.writeHead(isKnown ? 200 : 401, { "Content-Type": "application/json;charset=utf-8" });
  response.end(isKnown ? VM : "Not authorized");
};

const page: RequestListener = (_, response) => {
  response.writeHead(200, { "Content-Type": "text/html" }).end("<html>Welcome</html>");
};

interface Finding {
  readonly check: string;
  readonly result: string;
  readonly found: string;
  readonly advice?: string;
}

/** What the doctor finds with this context in the environment, and in no file. */
async function doctor(endpoint: string, changes: Record<string, string> = {}, ...args: string[]) {
  const empty = join(scratch.path, "empty");
  mkdirSync(empty, { recursive: true });
  const context = { CONTEXT_DIR: empty, ONEGATE_ENDPOINT: endpoint, TOKENTXT: TOKEN, VMID: "7", ...changes };
  const command = ["doctor", "--json", "--timeout", "20", ...args];
  const { code, out, err } = await runGuest([GUEST_NODE, bundle, ...command], context).ended;
  const { ok, findings }: { ok: boolean; findings: readonly Finding[] } = JSON.parse(out);
  expect({ ok, err }).toEqual({ ok: code === 0, err: "" });
  return findings;
}

/** The one thing that is wrong; every such finding says what to do. */
async function cause(endpoint: string, changes: Record<string, string> = {}, ...args: string[]) {
  const findings = (await doctor(endpoint, changes, ...args)).filter(({ result }) => result === "wrong");
  expect(findings).toHaveLength(1);
  const [{ check = "", found = "", advice = "" } = {}] = findings;
  expect(advice).not.toBe("");
  return `${check}: ${found}`;
}

describe("onegate doctor finds nothing wrong", () => {
  it("where all is well, and says what it looked at", async () => {
    const url = await serve(healthy);
    const findings = await doctor(url);
    expect(findings.map(({ check, result }) => `${check} ${result}`)).toEqual([
      "context ok",
      "endpoint ok",
      "token ok",
      "vm id ok",
      "name ok",
      "connection ok",
      "onegate ok",
      "access ok",
      "clock ok",
    ]);
    const context = { CONTEXT_DIR: scratch.path, ONEGATE_ENDPOINT: url, TOKENTXT: TOKEN, VMID: "7" };
    const { code, out } = await runGuest([GUEST_NODE, bundle, "doctor"], context).ended;
    expect(code).toBe(0);
    expect(out).toContain(`ok      endpoint    ${url}\n`);
    expect(out).toMatch(/\nNothing is wrong\.\n$/);
    expect(out).not.toContain(TOKEN);
  });

  it("over TLS with an authority of one's own, or any", async () => {
    const url = await serveTls("good.pem");
    const trusted = await doctor(url, { NODE_EXTRA_CA_CERTS: tls("authority.pem") });
    expect(trusted).toContainEqual({ check: "tls", result: "ok", found: "The certificate is trusted." });
    const any = await doctor(url, {}, "--insecure");
    expect(any).toContainEqual(expect.objectContaining({ check: "tls", result: "note" }));
  });

  it("where guests may not read themselves", async () => {
    const url = await serve((request, response) => {
      if (request.url === "/") return void response.end('{"vm_info":""}');
      response.writeHead(403).end("Action (show) on resource (vm) not supported");
    });
    expect(await doctor(url)).toContainEqual(expect.objectContaining({ check: "access", result: "ok" }));
  });
});

describe("onegate doctor names the cause: in the context", () => {
  const bare = { ONEGATE_ENDPOINT: "", TOKENTXT: "", VMID: "" };

  it("no context is mounted", async () => {
    const findings = await doctor("", { ...bare, CONTEXT_DIR: "/nowhere" });
    expect(findings[0]).toMatchObject({
      check: "context",
      result: "wrong",
      found: "There is no context: /nowhere/context.sh cannot be read (ENOENT).",
    });
  });

  it("ONEGATE_ENDPOINT is missing, or no URL", async () => {
    expect(await cause("")).toMatch(/^endpoint: ONEGATE_ENDPOINT is not set/);
    expect(await cause("gate:5030")).toMatch(/^endpoint: ONEGATE_ENDPOINT must be a URL .*"gate:5030"\.$/);
    expect(await cause("http://me:secret@gate :5030")).toMatch(/^(?!.*secret)endpoint: /);
  });

  it("the token is missing, or its file cannot be read", async () => {
    const url = await serve(healthy);
    expect(await cause(url, { TOKENTXT: "" })).toMatch(/^token: There is no OneGate token/);
    const unreadable = await cause(url, { TOKENTXT: "", ONEGATE_TOKEN: "/nowhere/token.txt" });
    expect(unreadable).toBe(
      "token: ONEGATE_TOKEN names /nowhere/token.txt, which cannot be read or is empty.",
    );
    expect(await cause(url, { TOKENTXT: "two words" })).toMatch(/^token: The OneGate token holds blanks/);
  });

  it("VMID is missing, no number, or that of another VM than the context's", async () => {
    const url = await serve(healthy);
    expect(await cause(url, { VMID: "" })).toMatch(/^vm id: VMID is not set/);
    expect(await cause(url, { VMID: "seven" })).toMatch(/^vm id: VMID must be the number/);
    const CONTEXT_DIR = join(scratch.path, "context");
    mkdirSync(CONTEXT_DIR);
    writeFileSync(join(CONTEXT_DIR, "context.sh"), `ONEGATE_ENDPOINT='${url}'\nVMID='7'\n`);
    writeFileSync(join(CONTEXT_DIR, "token.txt"), `${TOKEN}\n`);
    const other = await cause("", { ...bare, CONTEXT_DIR, VMID: "8" });
    expect(other).toBe("vm id: VMID is 8 in the environment, but the context and its token are of VM 7.");
  });
});

describe("onegate doctor names the cause: on the way", () => {
  it("the name does not resolve", async () => {
    expect(await cause("http://gate.invalid:5030")).toMatch(
      /^name: The name gate\.invalid (is not known|cannot be looked up \(\w+\))\.$/,
    );
  });

  it("the connection is refused", async () => {
    expect(await cause("http://127.0.0.1:1")).toBe("connection: 127.0.0.1:1 refuses connections.");
  });

  it("nothing comes back: it is silently dropped", async () => {
    const port = await portThatDrops();
    expect(await cause(`http://127.0.0.1:${port}`, {}, "--timeout=1")).toBe(
      `connection: 127.0.0.1:${port} does not answer at all: nothing came within 1 s.`,
    );
  });

  it("the certificate's authority is unknown", async () => {
    expect(await cause(await serveTls("good.pem"))).toMatch(
      /^tls: The authority of 127.*certificate is unknown/,
    );
  });

  it("the certificate has expired, whoever signed it", async () => {
    const url = await serveTls("expired.pem");
    const expired = /^tls: The certificate of 127\S+ has expired: Jan {2}1 00:00:00 2021 GMT\.$/;
    expect(await cause(url)).toMatch(expired);
    expect(await cause(url, { NODE_EXTRA_CA_CERTS: tls("authority.pem") })).toMatch(expired);
  });

  it("the certificate is another host's", async () => {
    const url = await serveTls("other.pem");
    expect(await cause(url, { NODE_EXTRA_CA_CERTS: tls("authority.pem") })).toBe(
      "tls: The certificate is not for 127.0.0.1, but for DNS:other.example.",
    );
  });

  it("the server speaks no TLS, or nothing but", async () => {
    const plain = await serve(healthy);
    expect(await cause(plain.replace("http:", "https:"))).toMatch(
      /^tls: The TLS handshake with 127.* failed/,
    );
    const secure = await serveTls("good.pem");
    expect(await cause(secure.replace("https:", "http:"))).toMatch(/^onegate: /);
  });

  it("the proxy refuses, or is none", async () => {
    const url = await serve(healthy);
    expect(await cause(url, { http_proxy: "http://127.0.0.1:1" })).toBe(
      "connection: 127.0.0.1:1 refuses connections.",
    );
    expect(await cause(url, { http_proxy: "socks5://p" })).toMatch(/^proxy: http_proxy must be/);
  });
});

describe("onegate doctor names the cause: at the other end", () => {
  const gate = async (status: number, body: string, headers: Record<string, string> = {}) =>
    await cause(await serve((_, response) => response.writeHead(status, headers).end(body)));

  it("it is an ordinary web server, a login page, or a proxy's; and sees no token", async () => {
    const tokens: unknown[] = [];
    const url = await serve((request, response) => {
      tokens.push(request.headers["x-onegate-token"]);
      page(request, response);
    });
    const host = url.slice(7);
    expect(await cause(url)).toBe(`onegate: ${host} is not a OneGate: it answers 200 and a page of HTML.`);
    expect(tokens).toEqual([undefined]);
    expect(await gate(404, "<h1>Not Found</h1>")).toMatch(
      /is not a OneGate: it answers 404 and a page of HTML\.$/,
    );
    expect(await gate(302, "", { Location: "https://login.example/?secret=x" })).toMatch(
      /^(?!.*secret).*is not a OneGate: it sends one to https:\/\/login\.example\.$/,
    );
    expect(await gate(401, "Not authorized", { "WWW-Authenticate": "Basic" })).toMatch(/is not a OneGate/);
    expect(await gate(407, "")).toBe("onegate: The proxy asks for a password.");
  });

  it("it takes connections, and never answers", async () => {
    expect(await cause(await serve(() => undefined), {}, "--timeout=1")).toMatch(
      /^onegate: .* did not answer within 1 s\.$/,
    );
  });

  it("it is in trouble, or limits this VM", async () => {
    expect(await gate(503, "The store is read-only.")).toMatch(
      /^onegate: .* answers 503: The store is read-only\.$/,
    );
    expect(await gate(502, "<html>")).toMatch(/^onegate: .* answers 502: no sentence of OneGate's\.$/);
    expect(await gate(429, "Slower.", { "Retry-After": "9" })).toMatch(/^onegate: OneGate limits/);
  });

  it("the token is wrong, by its content or its form", async () => {
    const url = await serve(healthy);
    const wrong = Buffer.alloc(16).toString("base64");
    expect(await cause(url, { TOKENTXT: wrong })).toBe("access: OneGate does not take the token for VM 7.");
    expect(await cause(url, { TOKENTXT: "YES" })).toBe(
      "access: OneGate does not take the token for VM 7. It has not the form of one.",
    );
  });

  it("the token is that of another VM", async () => {
    const url = await serve((_, response) => response.end('{"VM":{"ID":"9"}}'));
    expect(await cause(url)).toBe("vm id: VMID is 7, but the token is that of VM 9.");
  });

  it("the clock is off by more than five minutes", async () => {
    const off = (minutes: number) =>
      serve((request, response) => {
        response.setHeader("Date", new Date(Date.now() + minutes * 60_000).toUTCString());
        healthy(request, response);
      });
    expect(await cause(await off(6))).toMatch(/^clock: It is 3(5\d|6[01]) s behind OneGate's/);
    expect(await cause(await off(-6))).toMatch(/^clock: It is 3[67]\d s ahead of OneGate's/);
    expect(await doctor(await off(4))).toContainEqual(
      expect.objectContaining({ check: "clock", result: "ok" }),
    );
  });
});

describe("onegate doctor notes", () => {
  it("a context that is older than this boot, where each boot writes it", async () => {
    const { contextFindings } = await import("../../agent/guest/doctor-context.ts");
    const { readContext } = await import("../../agent/guest/context.ts");
    const { hurriedClock } = await import("../support/hurried-clock.ts");
    const oneEnv = join(scratch.path, "one_env");
    writeFileSync(
      oneEnv,
      `export ONEGATE_ENDPOINT="http://gate"\nexport TOKENTXT="${TOKEN}"\nexport VMID="7"\n`,
    );
    writeFileSync(join(scratch.path, "uptime"), "100.00 99.00\n");
    const clock = hurriedClock();
    const world = { variables: {}, tty: false, out: () => {}, err: () => {}, clock, random: () => 0 };
    const findings = (writtenMs: number) => {
      utimesSync(oneEnv, writtenMs / 1000, writtenMs / 1000);
      const context = readContext({}, oneEnv);
      const given = { ...world, stopSignal: () => new AbortController().signal, procRoot: scratch.path };
      return contextFindings(context, given).map(({ check, result }) => `${check} ${result}`);
    };
    const usual = ["context ok", "endpoint ok", "token ok", "vm id ok"];
    expect(findings(clock.now() - 90_000)).toEqual(usual);
    expect(findings(clock.now() - 110_000)).toEqual(["context ok", "freshness note", ...usual.slice(1)]);
  });
});

/** A port whose queue is full and is never served: the kernel drops what knocks. */
async function portThatDrops(): Promise<number> {
  const program =
    'const s = require("net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(s.address().port))';
  const child: ChildProcess = spawn(process.execPath, ["-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  closers.push(() => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    return ended;
  });
  const port = await new Promise<number>((resolve) =>
    child.stdout?.once("data", (text) => resolve(Number(text))),
  );
  child.kill("SIGSTOP");
  await new Promise<void>((resolve) => {
    let queued = 0;
    // Of a backlog of one, Linux completes two; others go on knocking.
    for (let knock = 0; knock < 6; knock += 1) {
      const socket = connect({ host: "127.0.0.1", port });
      socket.on("error", () => undefined);
      socket.once("connect", () => {
        queued += 1;
        if (queued === 2) resolve();
      });
      closers.push(() => socket.destroy());
    }
  });
  return port;
}
