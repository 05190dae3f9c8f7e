/** `onegate.sh` before servers that answer as told: what it sends, what it takes, when it tries again, what it leaves. */

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { type Ended, runGuest } from "../support/guest-command.ts";
import { scratchDirectory } from "../support/house.ts";
import { listening, scriptedGate } from "../support/scripted-gate.ts";
import { processesWith, programPath, SH_GUESTS, type ShGuest } from "../support/sh-guest.ts";

const TOKEN = "c2VjcmV0\"\\'$(id)/+==";
const scratch = scratchDirectory("onegate-sh-wire");
const temporary = join(scratch.path, "tmp");
mkdirSync(temporary);
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  // Whatever it did, it leaves nothing.
  expect(readdirSync(temporary)).toEqual([]);
});
afterAll(() => scratch.remove());

const contextOf = (endpoint: string) => ({
  CONTEXT_DIR: scratch.path,
  ONEGATE_ENDPOINT: endpoint,
  TOKENTXT: TOKEN,
  VMID: "7",
  TMPDIR: temporary,
});

const start = (guest: ShGuest, variables: Readonly<Record<string, string>>, args: readonly string[]) =>
  runGuest([...guest.command, ...args], { ...variables, PATH: guest.path(scratch.path) });

const run = (guest: ShGuest, endpoint: string, ...args: string[]): Promise<Ended> =>
  start(guest, contextOf(endpoint), args).ended;

async function gate() {
  const scripted = await scriptedGate();
  closers.push(() => scripted.close());
  return scripted;
}

async function serve(listener: RequestListener, server: Server = createServer()): Promise<string> {
  server.on("request", listener);
  const { port } = await listening(server);
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${port}`;
}

const byName = (guests: readonly ShGuest[]) => guests.map((guest) => [guest.name, guest] as const);
const VM = '{"VM":{"ID":"7","NAME":"seven"}}';
const SEVEN = `${"VM 7".padEnd(80)}\n${"NAME".padEnd(20)}: seven\n`;

for (const guest of SH_GUESTS) {
  if (guest.lacks)
    console.log(`Skipped: the requests of onegate.sh under ${guest.name}, since ${guest.lacks}.`);
}

describe.each(byName(SH_GUESTS))("onegate.sh under %s", (_, guest) => {
  const { lacks, client } = guest;

  it.skipIf(lacks)("sends what the original sends", async () => {
    const { url, asked, script } = await gate();
    script([200, VM]);
    for (const args of [
      ["vm", "update", "9", "-d", "A=b c&d=é\\nE=*-._~"],
      ["vm", "update", "-e", "KEY"],
      ["vm", "terminate", "9", "--hard"],
      ["vm", "hold", "a b/..?"],
      ["service", "scale", "-r", "ro le", "-c", "2"],
    ]) {
      expect(await run(guest, `${url}/some/path`, ...args)).toEqual({ code: 0, out: "", err: "" });
    }
    expect((await run(guest, url, "vnet", "show", "3", "--extended")).code).toBe(0);
    expect((await run(guest, url, "vm", "show")).out).toBe(SEVEN);
    const form = "application/x-www-form-urlencoded";
    expect(
      asked.map(({ method, url: path, headers, body }) => [method, path, headers["content-type"], body]),
    ).toEqual([
      ["PUT", "/vms/9", form, "data=A%3Db+c%26d%3D%C3%A9%5CnE%3D*-._%7E&type=1"],
      ["PUT", "/vm", form, "data=KEY&type=2"],
      ["POST", "/vms/9/action", "application/json", '{"action":{"perform":"terminate","params":true}}'],
      ["POST", "/vms/a%20b%2F..%3F/action", "application/json", '{"action":{"perform":"hold"}}'],
      ["PUT", "/service/role/ro%20le", "application/json", '{"cardinality":"2"}'],
      ["GET", "/vnet/3", form, "extended=true"],
      ["GET", "/vm", undefined, ""],
    ]);
    for (const { headers } of asked) {
      expect(headers).toMatchObject({ "x-onegate-token": TOKEN, "x-onegate-vmid": "7", host: url.slice(7) });
      expect(headers["user-agent"]).toBe(`gatehouse-onegate.sh (${client})`);
    }
  });

  it.skipIf(lacks)("shows the token to no one: not in ps, nor in a file that others can read", async () => {
    const seen: unknown[] = [];
    const url = await serve((_request, response) => {
      const [directory = ""] = readdirSync(temporary);
      seen.push([processesWith("cmdline", "c2VjcmV0"), statSync(join(temporary, directory)).mode & 0o777]);
      response.end(VM);
    });
    expect((await run(guest, url, "vm", "show")).code).toBe(0);
    expect(seen).toEqual([[[], 0o700]]);
  });

  it.skipIf(lacks)("takes an answer in pieces, and whole ones only", async () => {
    const vm = JSON.stringify({ VM: { ID: "7", NAME: "é€😀", BIG: "x\\\n".repeat(30_000) } });
    const bytes = Buffer.from(vm);
    const url = await serve(async (_request, response) => {
      // A piece that ends with its line, too.
      response.write("\n\n");
      for (let at = 0; at < bytes.length; at += 997) response.write(bytes.subarray(at, at + 997));
      response.end();
    });
    expect(await run(guest, url, "vm", "show", "-j")).toEqual({
      code: 0,
      out: `${JSON.stringify(JSON.parse(vm), null, 2)}\n`,
      err: "",
    });
    const cut = await serve((_request, response) => {
      response.writeHead(200, { "Content-Length": 1000 }).write(VM, () => response.destroy());
    });
    const { code, err } = await run(guest, cut, "vm", "show", "--retries=0");
    expect({ code, err }).toEqual({
      code: 255,
      err: `ERROR: \nOneGate at ${cut} cannot be reached: the connection was lost.\n`,
    });
  });

  it.skipIf(lacks)(
    "tries again after 5xx and lost connections, never after 4xx, nor an action that may be done",
    async () => {
      const { url, asked, script } = await gate();
      script([503, "later"], "drop", [200, VM]);
      expect(await run(guest, url, "vm", "show")).toMatchObject({ code: 0, out: SEVEN });
      script([503, "later"], [204, ""]);
      expect((await run(guest, url, "vm", "hold", "9")).code).toBe(0);
      const once = async (args: string[], err: RegExp) => {
        const answer = await run(guest, url, ...args);
        expect(answer).toMatchObject({ code: 255, err: expect.stringMatching(err) });
        expect(asked).toHaveLength(1);
      };
      script([404, "  not here \n"]);
      await once(["vm", "show"], /^ERROR: \n {2}not here\n$/);
      script([400, ""]);
      await once(["vm", "show"], /^ERROR: \n400 Bad Request\.\n$/);
      script([502, "who knows"]);
      await once(["vm", "hold", "9"], /^ERROR: \nwho knows\n$/);
      script("drop");
      await once(["vm", "hold", "9"], /the connection was lost\.\n$/);
      script([500, "still not"]);
      expect(await run(guest, url, "vm", "show", "--retries", "1")).toEqual({
        code: 255,
        out: "",
        err: "ERROR: \nstill not\n",
      });
      expect(asked).toHaveLength(2);
    },
  );

  it.skipIf(lacks)("follows no redirect, and tells where it points", async () => {
    const { url: other, asked } = await gate();
    const url = await serve((_request, response) => {
      response.writeHead(302, { Location: `${other}/vm` }).end();
    });
    const { code, err } = await run(guest, url, "vm", "show");
    expect(code).toBe(255);
    expect(err).toBe(`ERROR: \n302 Found. The server points to ${other}/vm: correct ONEGATE_ENDPOINT.\n`);
    expect(asked).toEqual([]);
  });

  it.skipIf(lacks)("ends in time, and at once when told to, with all that it started", async () => {
    const { url, script, askedTimes } = await gate();
    script("hang");
    const late = await run(guest, url, "vm", "show", "--timeout", "0.5", "--retries", "0");
    expect(late.err).toBe(`ERROR: \nOneGate at ${url} did not answer within 0.5 s.\n`);
    script("hang");
    const MARK = `${scratch.path}/told-to-end;`;
    const { child, ended } = start(guest, { ...contextOf(url), MARK }, ["vm", "show"]);
    await askedTimes(1);
    child.kill("SIGTERM");
    expect(await ended).toEqual({ code: 143, out: "", err: "" });
    // What was killed goes in its own time.
    await vi.waitFor(() => expect(processesWith("environ", `MARK=${MARK}`)).toEqual([]), 20_000);
  });

  it.skipIf(lacks)("goes through a proxy, except to hosts in no_proxy", async () => {
    const { url: proxy, asked, script } = await gate();
    script([200, VM]);
    const variables = { ...contextOf("http://gate.invalid:5030"), http_proxy: proxy };
    expect((await start(guest, variables, ["vm", "show"]).ended).out).toBe(SEVEN);
    expect(asked.map(({ url, headers }) => [url, headers.host])).toEqual([
      ["http://gate.invalid:5030/vm", "gate.invalid:5030"],
    ]);
    const direct = await gate();
    direct.script([200, VM]);
    const exempt = { ...contextOf(direct.url), http_proxy: proxy, no_proxy: "example.org, .0.0.1" };
    expect((await start(guest, exempt, ["vm", "show"]).ended).out).toBe(SEVEN);
    expect(asked).toHaveLength(1);
  });

  it.skipIf(lacks)("speaks to an IPv6 address", async (context) => {
    const server = createServer((_request, response) => response.end(VM));
    closers.push(() => new Promise((resolve) => server.close(resolve)));
    const port = await new Promise<number | undefined>((resolve) => {
      server.once("error", () => resolve(undefined));
      server.listen(0, "::1", () => {
        const address = server.address();
        resolve(typeof address === "object" ? address?.port : undefined);
      });
    });
    if (port === undefined) return context.skip("this machine has no IPv6");
    expect(await run(guest, `http://[::1]:${port}`, "vm", "show")).toEqual({ code: 0, out: SEVEN, err: "" });
  });

  const openssl = programPath("openssl");
  it.skipIf(lacks ?? openssl === undefined)(
    "verifies TLS unless --insecure; nc says that it cannot",
    async () => {
      const url = await serveTls(openssl ?? "");
      const refused = await run(guest, url, "vm", "show", "--retries", "0");
      const trusting = await run(guest, url, "vm", "show", "--insecure");
      if (client === "nc") {
        const sentence = `The endpoint ${url} needs TLS, which nc cannot do, and busybox's wget cannot PUT: install curl or GNU wget.`;
        expect(refused).toEqual({ code: 255, out: "", err: `ERROR: \n${sentence}\n` });
        expect(trusting).toEqual(refused);
      } else {
        expect(refused.err).toMatch(
          /^ERROR: \nThe TLS certificate of https:.* is not trusted: .*--insecure\.\n$/,
        );
        expect(trusting).toEqual({ code: 0, out: SEVEN, err: "" });
      }
    },
  );
});

async function serveTls(openssl: string): Promise<string> {
  const directory = join(scratch.path, "tls");
  mkdirSync(directory, { recursive: true });
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const made = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const named = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync(openssl, ["req", ...made, ...named, "-keyout", key, "-out", cert], { stdio: "ignore" });
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) });
  return (await serve((_request, response) => response.end(VM), server)).replace("http:", "https:");
}
