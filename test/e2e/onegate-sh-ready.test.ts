/** `onegate.sh ready` at the end of a boot: when it reports, what it checks first, how often it tries (spec onegate-cli.md 4). */

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { runGuest } from "../support/guest-command.ts";
import { scratchDirectory } from "../support/house.ts";
import { listening, type ScriptedGate, scriptedGate } from "../support/scripted-gate.ts";
import { SH_GUESTS } from "../support/sh-guest.ts";

const scratch = scratchDirectory("onegate-sh-ready");
const REPORT = "data=READY%3DYES&type=1";
let gate: ScriptedGate;
let round = 0;

beforeEach(async () => {
  gate = await scriptedGate();
  gate.script([200, ""]);
  round += 1;
});
afterEach(() => gate.close());
afterAll(() => scratch.remove());

/** A file that no test has had yet. */
const fresh = (name: string) => join(scratch.path, `${round}-${name}`);

/** Succeeds at the so-manieth time it is run, and counts them. */
const counting = (file: string, succeedsAt: number) =>
  `echo tried >> ${file}; [ $(wc -l < ${file}) -ge ${succeedsAt} ]`;

/** Where the client plays no part, one will do. */
const GUESTS = SH_GUESTS.filter(({ client }) => client === "nc").map((guest) => [guest.name, guest] as const);

for (const [name, { lacks }] of GUESTS) {
  if (lacks) console.log(`Skipped: onegate.sh ready under ${name}, since ${lacks}.`);
}

describe.each(GUESTS)("onegate.sh ready under %s", (_, guest) => {
  /** With the context in a file, as a guest has it. */
  function start(
    context: Readonly<Record<string, string>>,
    environment: Readonly<Record<string, string>> = {},
  ) {
    const CONTEXT_DIR = fresh("context");
    mkdirSync(CONTEXT_DIR, { recursive: true });
    const all = {
      ONEGATE_ENDPOINT: gate.url,
      VMID: "7",
      REPORT_READY: "YES",
      RETRY_WAIT_PERIOD: "0",
      ...context,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'\n`);
    writeFileSync(join(CONTEXT_DIR, "context.sh"), lines.join(""));
    writeFileSync(join(CONTEXT_DIR, "token.txt"), "c2VjcmV0\n");
    const PATH = guest.path(scratch.path);
    return runGuest([...guest.command, "ready"], { CONTEXT_DIR, PATH, ...environment });
  }
  const ready = (context: Readonly<Record<string, string>>, environment?: Readonly<Record<string, string>>) =>
    start(context, environment).ended;
  const reported = { code: 0, out: "Reported READY\n", err: "" };
  const bodies = () => gate.asked.map(({ method, url, body }) => `${method} ${url} ${body}`);

  it.skipIf(guest.lacks).each(["NO", "yes", "", "YES "])(
    "does nothing when REPORT_READY is %j",
    async (REPORT_READY) => {
      expect(await ready({ REPORT_READY })).toEqual({ code: 0, out: "", err: "" });
      expect(gate.asked).toEqual([]);
    },
  );

  it.skipIf(guest.lacks)("reports once and says so", async () => {
    expect(await ready({})).toEqual(reported);
    expect(bodies()).toEqual([`PUT /vm ${REPORT}`]);
  });

  it.skipIf(guest.lacks)("tries three times, or RETRY_COUNT times, the environment's first", async () => {
    gate.script([503, "later"], [401, "Not authorized"], [200, ""]);
    const failed = (text: string) => `ERROR: \n${text}\nFailed to report READY\n`;
    expect(await ready({})).toEqual({ ...reported, err: failed("later") + failed("Not authorized") });
    gate.script([503, "later"]);
    expect(await ready({})).toEqual({ code: 1, out: "", err: failed("later").repeat(3) });
    gate.script([503, "later"]);
    expect(await ready({ RETRY_COUNT: "9" }, { RETRY_COUNT: "2" })).toMatchObject({ code: 1 });
    expect(gate.asked).toHaveLength(2);
    expect(await ready({ RETRY_COUNT: "many" })).toEqual({
      code: 255,
      out: "",
      err: 'ERROR: \nRETRY_COUNT must be a number from 1 to 1000, not "many".\n',
    });
    expect((await ready({ ONEGATE_ENDPOINT: "", RETRY_COUNT: "1" })).err).toMatch(
      /^ERROR: \nONEGATE_ENDPOINT is not set.*\nFailed to report READY\n$/,
    );
  });

  it.skipIf(guest.lacks)("reports only after READY_SCRIPT succeeds, in plain text or base64", async () => {
    const failed = "The ready script ended with exit code 1\n";
    expect(await ready({ READY_SCRIPT: counting(fresh("plain"), 2) })).toEqual({ ...reported, err: failed });
    const text = `# dé€😀\n${counting(fresh("packed"), 1)}\n`;
    const packed = Buffer.from(text).toString("base64");
    const wrapped = `${packed.slice(0, 20)}\n${packed.slice(20)}\n`;
    expect(await ready({ READY_SCRIPT: packed })).toEqual(reported);
    expect(await ready({ READY_SCRIPT: wrapped })).toEqual(reported);
    expect(readFileSync(fresh("packed"), "utf8")).toBe("tried\ntried\n");
    expect(bodies()).toHaveLength(3);
    expect(await ready({ READY_SCRIPT: "true" })).toEqual(reported);
    expect(await ready({ READY_SCRIPT: "false", RETRY_COUNT: "1" })).toEqual({
      code: 1,
      out: "",
      err: failed,
    });
    expect((await ready({ READY_SCRIPT: "kill -9 $$", RETRY_COUNT: "1" })).err).toBe(
      "The ready script was killed by SIGKILL\n",
    );
    expect(bodies()).toHaveLength(4);
  });

  it.skipIf(guest.lacks)(
    "gives the script the variables of the context, but none too large to be carried",
    async () => {
      const READY_SCRIPT =
        '[ "$(env | grep -c ^WORD=hello)$MINE" = 1yes ] && ! env | grep -q ^HUGE && [ -z "$LC_ALL" ]';
      const context = { WORD: "hello", HUGE: "x".repeat(200_000), READY_SCRIPT, RETRY_COUNT: "1" };
      expect(
        await ready(context, { MINE: "yes", PATH: `${guest.path(scratch.path)}:${process.env.PATH}` }),
      ).toEqual(reported);
    },
  );

  it.skipIf(guest.lacks)(
    "prefers READY_SCRIPT_PATH, executable or not, and ends at once where it is missing",
    async () => {
      const READY_SCRIPT_PATH = fresh("check");
      writeFileSync(READY_SCRIPT_PATH, "#!/bin/sh\necho checked\n");
      const checked = { ...reported, out: "checked\nReported READY\n" };
      expect(await ready({ READY_SCRIPT_PATH, READY_SCRIPT: "false" })).toEqual(checked);
      chmodSync(READY_SCRIPT_PATH, 0o755);
      expect(await ready({ READY_SCRIPT_PATH })).toEqual(checked);
      expect(await ready({ READY_SCRIPT_PATH: fresh("no") })).toEqual({
        code: 1,
        out: "",
        err: `${fresh("no")} does not exist\n`,
      });
    },
  );

  it.skipIf(guest.lacks)("stops when it is told to, with all that the script started", async () => {
    const READY_SCRIPT = "echo begun >&2; sleep 1000; echo ended";
    const { child, ended, says } = start({ READY_SCRIPT });
    await says("begun");
    child.kill("SIGTERM");
    // Its output ends only when nothing is left that could write to it.
    expect(await ended).toEqual({ code: 1, out: "", err: "begun\n" });
    expect(gate.asked).toEqual([]);
  });
});

/** Each client has its own way to look at ports and addresses. */
const CLIENTS = SH_GUESTS.map((guest) => [guest.name, guest] as const);

describe.each(CLIENTS)("the checks of onegate.sh ready under %s", (_, guest) => {
  const bodies = () => gate.asked.filter(({ method }) => method === "PUT").map(({ body }) => body);
  const YES = "data=READY%3DYES%0AREADY_REASON%3D%5B%5D&type=1";
  const no = (reason: string) =>
    `data=${new URLSearchParams({ "": `READY=NO\nREADY_REASON="${reason}"` }).toString().slice(1).replaceAll("%7E", "~")}&type=1`;
  const once = async (context: Readonly<Record<string, string>>, ...args: string[]) => {
    gate.script([200, ""]);
    const variables = { ONEGATE_ENDPOINT: gate.url, TOKENTXT: "c2VjcmV0", VMID: "7", REPORT_READY: "YES" };
    const command = [...guest.command, "ready", ...args] as const;
    const all = { ...variables, RETRY_COUNT: "1", CONTEXT_DIR: scratch.path, ...context };
    const { code, err } = await runGuest(command, { PATH: guest.path(scratch.path), ...all }).ended;
    return { code, err, sent: bodies() };
  };
  const port = () => new URL(gate.url).port;

  it.skipIf(guest.lacks)("a TCP port answers, here or elsewhere, and all of several", async () => {
    expect(await once({ READY_TCP: `${port()}, 127.0.0.1:${port()}` })).toEqual({
      code: 0,
      err: "",
      sent: [YES],
    });
    const refused = "TCP port 127.0.0.1:1 does not answer: connection refused";
    expect(await once({ READY_TCP: port() }, "--tcp", "127.0.0.1:1")).toEqual({
      code: 1,
      err: `${refused}\n`,
      sent: [no(`${refused}.`)],
    });
  });

  it.skipIf(guest.lacks)("an HTTP address gives 2xx, and sees no token", async () => {
    const seen: unknown[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers["x-onegate-token"]);
      response.writeHead(Number(request.url?.slice(1, 4)), { Location: "/200" }).end("body");
    });
    const host = `127.0.0.1:${(await listening(server)).port}`;
    try {
      expect(await once({ READY_HTTP: `http://${host}/200?key=s3cret` })).toEqual({
        code: 0,
        err: "",
        sent: [YES],
      });
      expect(await once({ READY_HTTP: `http://${host}/204 http://${host}/302?key=s3cret` })).toMatchObject({
        code: 1,
        sent: [no(`http://${host}/302 answers 302.`)],
      });
      expect(new Set(seen)).toEqual(new Set([undefined]));
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    expect(await once({ READY_HTTP: "http://127.0.0.1:1/" })).toMatchObject({
      code: 1,
      sent: [no("http://127.0.0.1:1/ does not answer: connection refused.")],
    });
  });
});

describe.each(GUESTS)("the other checks of onegate.sh ready under %s", (_, guest) => {
  const once = async (context: Readonly<Record<string, string>>, path = guest.path(scratch.path)) => {
    gate.script([200, ""]);
    const variables = { ONEGATE_ENDPOINT: gate.url, TOKENTXT: "c2VjcmV0", VMID: "7", REPORT_READY: "YES" };
    const all = { ...variables, RETRY_COUNT: "1", CONTEXT_DIR: scratch.path, ...context };
    const { code, err } = await runGuest([...guest.command, "ready"], { PATH: path, ...all }).ended;
    return { code, err, told: gate.asked.map(({ body }) => new URLSearchParams(body).get("data")) };
  };
  const no = (reason: string) => ({ code: 1, told: [`READY=NO\nREADY_REASON="${reason}"`] });
  const YES = { code: 0, err: "", told: ["READY=YES\nREADY_REASON=[]"] };

  it.skipIf(guest.lacks)("a file exists", async () => {
    const READY_FILE = fresh("a file");
    expect(await once({ READY_FILE })).toMatchObject(no(`The file ${READY_FILE} does not exist.`));
    writeFileSync(READY_FILE, "");
    expect(await once({ READY_FILE })).toEqual(YES);
  });

  it.skipIf(guest.lacks)("a systemd unit is active", async () => {
    const bin = fresh("bin");
    mkdirSync(bin);
    const script = '#!/bin/sh\n[ "$*" = "is-active --quiet -- nginx.service" ] || exit 3\n';
    writeFileSync(join(bin, "systemctl"), script, { mode: 0o755 });
    const path = `${bin}:${guest.path(scratch.path)}`;
    expect(await once({ READY_UNIT: "nginx.service" }, path)).toEqual(YES);
    expect(await once({ READY_UNIT: "nginx.service,other" }, path)).toMatchObject(
      no("The unit other is not active."),
    );
    expect((await once({ READY_UNIT: "nginx" })).told[0]).toContain("there is no systemctl");
  });

  it.skipIf(guest.lacks)(
    "READY=NO is told only of checks that the original does not know, or when told to",
    async () => {
      expect(await once({ READY_SCRIPT: "false" })).toMatchObject({ code: 1, told: [] });
      expect(await once({ READY_SCRIPT: "exit 4", REPORT_READY_FAILURE: "YES" })).toMatchObject(
        no("The ready script ended with exit code 4."),
      );
      expect(await once({ READY_FILE: "/no, [x]=", REPORT_READY_FAILURE: "NO" })).toMatchObject({
        code: 1,
        told: [],
      });
      expect(await once({ READY_FILE: "/no, [x]=" })).toMatchObject(no("The file /no; (x): does not exist."));
      expect(await once({ READY_SCRIPT_PATH: "/no", REPORT_READY_FAILURE: "yes" })).toMatchObject(
        no("/no does not exist."),
      );
      const long = await once({ READY_FILE: `/${"é".repeat(300)}` });
      expect(long.told[0]).toMatch(/^READY=NO\nREADY_REASON="The file \/é+\.\.\."$/);
    },
  );

  it.skipIf(guest.lacks).each([
    ["READY_TCP", "http"],
    ["READY_TCP", "host:99999"],
    ["READY_HTTP", "ftp://me:s3cret@h/"],
    ["READY_UNIT", "a;b"],
  ])("%s=%j is refused, and the cloud told", async (name, value) => {
    const { code, err, told } = await once({ [name]: value });
    expect(code).toBe(255);
    expect(err).toMatch(new RegExp(`^ERROR: \n(?!.*s3cret)${name} must be`));
    expect(told).toEqual([expect.stringMatching(new RegExp(`^READY=NO\nREADY_REASON="${name} must be`))]);
  });
});
