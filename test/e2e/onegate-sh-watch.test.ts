/** `onegate.sh`: get, watch, tokens and doctor, in every shell and over every client, as the command for Node has them. */

import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createServer as createSecureServer } from "node:https";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it, vi } from "vitest";
import { type RunningGuest, runGuest } from "../support/guest-command.ts";
import { shownVm, useGuestServers } from "../support/guest-servers.ts";
import { scratchDirectory } from "../support/house.ts";
import { SH_GUESTS, shGuest } from "../support/sh-guest.ts";

const scratch = scratchDirectory("onegate-sh-watch");
const temporary = join(scratch.path, "tmp");
mkdirSync(temporary);
// Whatever it did, it leaves nothing.
const { closers, changing, scripted, serve } = useGuestServers(() =>
  expect(readdirSync(temporary)).toEqual([]),
);
const WAIT = { timeout: 20_000, interval: 20 };
const GUESTS = SH_GUESTS.map((guest) => [guest.name, guest] as const);
let round = 0;

for (const [name, { lacks }] of GUESTS) {
  if (lacks) console.log(`Skipped: onegate.sh watch under ${name}, since ${lacks}.`);
}

afterAll(() => scratch.remove());

describe.each(GUESTS)("onegate.sh under %s", (_, guest) => {
  const lacks = guest.lacks;
  const TOKEN = Buffer.from("sixteen bytes ok").toString("base64");

  function start(
    url: string,
    args: readonly string[],
    changes: Readonly<Record<string, string>> = {},
  ): RunningGuest {
    const context = {
      CONTEXT_DIR: scratch.path,
      ONEGATE_ENDPOINT: url,
      TOKENTXT: TOKEN,
      VMID: "7",
      ...changes,
    };
    const variables = { ...context, TMPDIR: temporary, PATH: guest.path(scratch.path) };
    const running = runGuest([...guest.command, ...args], variables);
    closers.push(async () => {
      running.child.kill("SIGTERM");
      await running.ended;
    });
    return running;
  }
  const run = (url: string, ...args: string[]) => start(url, args).ended;
  const done = (out: string) => ({ code: 0, out, err: "" });

  it.skipIf(lacks)("gets one value, and ends with 1 where there is none", async () => {
    const gate = await changing(shownVm({ READY: "YES", LIST: { A: "b c" } }));
    expect(await run(gate.url, "vm", "get", "USER_TEMPLATE/READY")).toEqual(done("YES\n"));
    expect(await run(gate.url, "vm", "get", "/USER_TEMPLATE/LIST")).toEqual(done('{"A":"b c"}\n'));
    await run(gate.url, "vm", "get", "NAME", "--id", "9");
    await run(gate.url, "service", "get", "roles/a b/state");
    expect(gate.asked.slice(2)).toEqual(["GET /vms/9/NAME", "GET /service/roles/a%20b/state"]);
    const none = { code: 1, out: "", err: "ERROR: \nThere is no such value.\n" };
    expect(await run(gate.url, "vm", "get", "USER_TEMPLATE/NONE")).toEqual(none);
    expect(await run(gate.url, "vm", "get")).toMatchObject({
      code: 255,
      err: "You have to provide a PATH\n",
    });
    expect((await run(gate.url, "vm", "get", "../x")).err).toMatch(/^ERROR: \nPATH must be names/);
  });

  it.skipIf(lacks)("gets it from the document of a server that knows no paths", async () => {
    const nics = [
      { NAME: "NIC0", IP: "10.0.0.1" },
      { NAME: 'é"\\', IP: "10.0.0.2" },
    ];
    const gate = await changing({ VM: { ID: "7", N: 5, TEMPLATE: { NIC: nics } } }, { etags: false });
    expect(await run(gate.url, "vm", "get", "TEMPLATE/NIC/1/IP")).toEqual(done("10.0.0.2\n"));
    expect(await run(gate.url, "vm", "get", "TEMPLATE/NIC/NIC0/IP")).toEqual(done("10.0.0.1\n"));
    expect(await run(gate.url, "vm", "get", "TEMPLATE/NIC/1/NAME")).toEqual(done('é"\\\n'));
    const none = { code: 1, out: "", err: "ERROR: \nThere is nothing at TEMPLATE/NIC/2/IP.\n" };
    expect(await run(gate.url, "vm", "get", "TEMPLATE/NIC/2/IP")).toEqual(none);
    expect((await run(gate.url, "vm", "get", "TEMPLATE")).code).toBe(255);
  });

  it.skipIf(lacks)(
    "watches a value, waits for one that is not there, outlives the server, and ends with 0",
    async () => {
      const gate = await changing(shownVm({}));
      const running = start(gate.url, ["watch", "vm", "USER_TEMPLATE/LEADER"]);
      await gate.holds(1);
      gate.change(shownVm({ LEADER: "a" }));
      await running.prints("a\n");
      await gate.holds(1);
      gate.tire();
      await gate.holds(1);
      gate.cut();
      await running.says("It is asked again until it answers.");
      await gate.holds(1);
      gate.tire();
      await running.says("OneGate answers again.");
      await gate.holds(1);
      gate.change(shownVm({ LEADER: "b" }));
      await running.prints("b\n");
      running.child.kill("SIGTERM");
      expect(await running.ended).toMatchObject({ code: 0, out: "a\nb\n" });
    },
  );

  it.skipIf(lacks)(
    "watches documents and values as JSON, each on one line, or as `show` tells them",
    async () => {
      const gate = await changing(shownVm({ A: 'x"\\\ty' }));
      const json = start(gate.url, ["watch", "--json"]);
      const value = start(gate.url, ["watch", "USER_TEMPLATE/A", "--json"]);
      const text = start(gate.url, ["watch"]);
      await gate.holds(3);
      gate.change(shownVm({ A: "é" }, "eight"));
      await Promise.all([json.prints("eight"), value.prints("é"), text.prints("eight")]);
      for (const each of [json, value, text]) each.child.kill("SIGTERM");
      const both = [shownVm({ A: 'x"\\\ty' }), shownVm({ A: "é" }, "eight")].map(
        (each) => `${JSON.stringify(each)}\n`,
      );
      expect(await json.ended).toEqual(done(both.join("")));
      expect(await value.ended).toEqual(done(`${JSON.stringify('x"\\\ty')}\n"é"\n`));
      const shown = (name: string) => `${"VM 7".padEnd(80)}\n${"NAME".padEnd(20)}: ${name}\n`;
      expect(await text.ended).toEqual(done(shown("seven") + shown("eight")));
    },
  );

  it.skipIf(lacks)(
    "runs a command on each change, one at a time, the newest state after those it missed",
    async () => {
      const gate = await changing(shownVm({ N: "1" }));
      round += 1;
      const [log, go] = [join(scratch.path, `log-${round}`), join(scratch.path, `go-${round}`)];
      const command = `echo "$ONEGATE_VALUE" "$(cat)" >> ${log}; until [ -e ${go} ]; do sleep 0.05; done`;
      const running = start(gate.url, ["watch", "USER_TEMPLATE/N", "--exec", command]);
      const written = () => (existsSync(log) ? readFileSync(log, "utf8") : "");
      await vi.waitFor(() => expect(written()).toBe("1 1\n"), WAIT);
      for (const N of ["2", "3", "4"]) {
        await gate.holds(1);
        gate.change(shownVm({ N }));
      }
      await gate.holds(1);
      expect(written()).toBe("1 1\n");
      await runGuest(["touch", go], {}).ended;
      await vi.waitFor(() => expect(written()).toBe("1 1\n4 4\n"), WAIT);
      running.child.kill("SIGTERM");
      expect(await running.ended).toEqual(done(""));
    },
  );

  it.skipIf(lacks)("waits for the first state and ends, if that is all that is wanted", async () => {
    const gate = await changing(shownVm({}));
    const first = start(gate.url, ["watch", "USER_TEMPLATE/N", "--once"]);
    const command = start(gate.url, [
      "watch",
      "USER_TEMPLATE/N",
      "--once",
      "--exec",
      "sleep 0.2; cat; exit 3",
    ]);
    await gate.holds(2);
    gate.change(shownVm({ N: "1" }));
    expect(await first.ended).toEqual(done("1\n"));
    const err = "onegate watch: The command ended with exit code 3.\n";
    expect(await command.ended).toEqual({ code: 0, out: "1\n", err });
  });

  it.skipIf(lacks)("goes on after a command that fails; polls where it must, and says so", async () => {
    const gate = await changing(shownVm({ N: "1" }), { etags: false });
    const running = start(gate.url, [
      "watch",
      "USER_TEMPLATE/N",
      "--exec",
      'echo "got $ONEGATE_VALUE"; exit 3',
    ]);
    await running.says("onegate watch: The command ended with exit code 3.\n");
    await running.says("This server does not tell changes as they come: it is asked every 5 s.\n");
    running.child.kill("SIGTERM");
    expect(await running.ended).toMatchObject({ code: 0, out: "got 1\n" });
    gate.fail(401);
    const { code, out } = await run(gate.url, "watch");
    expect({ code, out }).toEqual({ code: 255, out: "" });
  });

  it.skipIf(lacks)("waits as long as a limit asks for", async () => {
    const gate = await changing(shownVm({ READY: "YES" }));
    gate.fail(429, { "Retry-After": "1" });
    const running = start(gate.url, ["vm", "get", "USER_TEMPLATE/READY"]);
    await gate.askedTimes(1);
    gate.fail(undefined);
    expect(await running.ended).toEqual(done("YES\n"));
    gate.fail(429, { "Retry-After": "86400" });
    expect(await run(gate.url, "vm", "show")).toMatchObject({ code: 255, err: "ERROR: \nLater.\n" });
  });

  it.skipIf(lacks)("gets tokens", async () => {
    const gate = await scripted();
    gate.script([200, "aaa.bbb.ccc"]);
    const audience = "https://db.example/?a=b";
    expect(await run(gate.url, "identity", "--audience", audience, "--lifetime", "60")).toEqual(
      done("aaa.bbb.ccc\n"),
    );
    expect(gate.asked[0]?.url).toBe("/identity?audience=https%3A%2F%2Fdb.example%2F%3Fa%3Db&lifetime=60");
    const answer = { token: "a.b.c.d.e", token_type: "session", expires_in: 60 };
    gate.script([200, JSON.stringify(answer)]);
    const scope = ["--lifetime", "60", "--scope", "self:read service:read"];
    expect(await run(gate.url, "token", ...scope)).toEqual(done("a.b.c.d.e\n"));
    const body = '{"lifetime_seconds":60,"scope":"self:read service:read"}';
    expect(gate.asked[0]).toMatchObject({ method: "POST", url: "/token", body });
    expect(await run(gate.url, "token", "-j")).toEqual(done(`${JSON.stringify(answer, null, 2)}\n`));
    expect(gate.asked[1]?.body).toBe("{}");
  });

  /** The lines of what is wrong. */
  async function causes(
    url: string,
    changes: Readonly<Record<string, string>> = {},
    timeout = "20",
  ): Promise<string> {
    const { code, out, err } = await start(url, ["doctor", "--timeout", timeout], changes).ended;
    const wrong = out.split("\n").filter((line) => line.startsWith("WRONG"));
    expect({ code, err }).toEqual({ code: wrong.length === 0 ? 0 : 1, err: "" });
    expect(out.match(/^ {20}-> .+$/gm) ?? []).toHaveLength(wrong.length);
    return wrong.map((line) => line.replace(/^WRONG +/, "").replace(/ {2,}/, ": ")).join("\n");
  }

  it.skipIf(lacks)("names what is wrong with the context", async () => {
    const bare = { ONEGATE_ENDPOINT: "", TOKENTXT: "", VMID: "", CONTEXT_DIR: "/nowhere" };
    expect(await causes("", bare)).toMatch(
      /^context: There is no context: \/nowhere\/context\.sh cannot be read\.\n/,
    );
    expect(await causes("")).toMatch(/^endpoint: ONEGATE_ENDPOINT is not set/);
    expect(await causes("gate:5030")).toMatch(/^endpoint: ONEGATE_ENDPOINT must be a URL/);
    expect(await causes("http://127.0.0.1:1", { TOKENTXT: "" })).toMatch(/^token: There is no OneGate token/);
    expect(await causes("http://127.0.0.1:1", { VMID: "" })).toMatch(/^vm id: VMID is not set/);
  });

  it.skipIf(lacks)("names what is wrong on the way, and at the other end", async () => {
    const tokens: unknown[] = [];
    const gate = await serve(({ headers }, response) => {
      const isKnown = headers["x-onegate-token"] === TOKEN && headers["x-onegate-vmid"] === "7";
      response.writeHead(isKnown ? 200 : 401).end(isKnown ? '{"VM":{"ID":"7"}}' : "Not authorized");
    });
    expect(await causes(gate)).toBe("");
    const WRONG = Buffer.alloc(16).toString("base64");
    expect(await causes(gate, { TOKENTXT: WRONG })).toBe("access: OneGate does not take the token for VM 7.");
    expect(await causes(gate, { VMID: "8" })).toBe("access: OneGate does not take the token for VM 8.");
    const page = await serve(({ headers }, response) => {
      tokens.push(headers["x-onegate-token"]);
      response.end("<html>Welcome</html>");
    });
    expect(await causes(page)).toBe(`onegate: ${page} is not a OneGate: it answers 200.`);
    expect(tokens).toEqual([undefined]);
    expect(await causes("http://127.0.0.1:1")).toMatch(/^connection: .*the connection was refused\.$/);
    expect(await causes("http://gate.invalid:5030", {}, "1")).toMatch(
      /^(name|connection): .*(its name is not known|did not answer)/,
    );
    const silent = await serve(() => undefined);
    expect(await causes(silent, {}, "1")).toMatch(/^connection: .*did not answer within 1 s\.$/);
    const tls = (name: string) =>
      readFileSync(fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url)));
    const secure = createSecureServer({ key: tls("key.pem"), cert: tls("good.pem") });
    const url = (await serve((_request, response) => response.end(), secure)).replace("http:", "https:");
    expect(await causes(url)).toMatch(
      guest.client === "nc" ? /^tls: .*needs TLS/ : /^tls: .*certificate .*is not trusted/,
    );
  });
});

const AWKS = ["mawk", "gawk", "original-awk", "busybox"].map((awk) =>
  shGuest({ shell: "dash", client: "curl", awk }),
);

describe.each(AWKS.map((guest) => [guest.name, guest] as const))("onegate.sh under %s", (_, guest) => {
  it.skipIf(guest.lacks)("reads, quotes and waits in words that every awk knows", async () => {
    const odd = 'x"\\\ty é';
    const gate = await changing(shownVm({ ODD: odd, LIST: [{ NAME: "n", V: "v" }] }));
    const variables = {
      CONTEXT_DIR: scratch.path,
      ONEGATE_ENDPOINT: gate.url,
      TOKENTXT: "c2VjcmV0",
      VMID: "7",
    };
    const all = {
      ...variables,
      TMPDIR: temporary,
      PATH: guest.path(scratch.path),
      REPORT_READY: "YES",
      RETRY_COUNT: "1",
    };
    const run = (...args: string[]) => runGuest([...guest.command, ...args], all).ended;
    const value = { code: 0, out: `${JSON.stringify(odd)}\n`, err: "" };
    expect(await run("watch", "USER_TEMPLATE/ODD", "--json", "--once")).toEqual(value);
    const original = await changing(shownVm({ ODD: odd, LIST: [{ NAME: "n", V: "v" }] }), { etags: false });
    const late = await runGuest([...guest.command, "vm", "get", "USER_TEMPLATE/LIST/n/V"], {
      ...all,
      ONEGATE_ENDPOINT: original.url,
    }).ended;
    expect(late).toEqual({ code: 0, out: "v\n", err: "" });
    gate.fail(429, { "Retry-After": "0" });
    expect(await run("vm", "get", "NAME", "--retries", "1")).toMatchObject({
      code: 255,
      err: "ERROR: \nLater.\n",
    });
    gate.fail(503);
    expect(await run("ready", "--file", "/no", "--retries", "1")).toMatchObject({ code: 1, out: "" });
    expect(gate.asked.filter((asked) => asked.startsWith("PUT"))).toHaveLength(2);
  });
});
