/** `onegate.sh` against a running house, in every shell and over every client: the same words as the TypeScript command. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ended, runGuest } from "../support/guest-command.ts";
import { gatehouse, type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { SCRIPT, SH_GUESTS, type ShGuest } from "../support/sh-guest.ts";

const WORLD = fileURLToPath(new URL("../fixtures/onegate-world.json", import.meta.url));
const TYPESCRIPT = fileURLToPath(new URL("../../agent/guest/main.ts", import.meta.url));
/** In the recorded world: a node of service 292, a VM alone, and one of router 0. */
const [NODE, ALONE, ROUTER] = [249, 0, 1];
const GATE_OFF = "http://127.0.0.1:1";

type Words = readonly string[];

const SHOWN: readonly (readonly [number, Words])[] = [
  [NODE, ["vm", "show"]],
  [NODE, ["vm", "show", "251"]],
  [ALONE, ["vm", "show", "--json"]],
  [ALONE, ["-j", "vm", "show"]],
  [NODE, ["service", "show"]],
  [NODE, ["--json", "service", "show"]],
  [NODE, ["service", "show", "-j", "--extended"]],
  [ROUTER, ["vrouter", "show"]],
  [ROUTER, ["vrouter", "--ext", "-j", "show"]],
  [ROUTER, ["vnet", "show", "0"]],
  [ROUTER, ["vnet", "show", "0", "-j"]],
  [ROUTER, ["vnet", "show", "-j", "--extended", "--", "0"]],
];

const REFUSED: readonly (readonly [number, Words])[] = [
  [NODE, ["vm", "show", "0"]],
  [NODE, ["vm", "show", "x/../9 ?#é"]],
  [ALONE, ["vm", "show", "249"]],
  [ROUTER, ["vm", "show", "249"]],
  [ALONE, ["service", "show"]],
  [NODE, ["vrouter", "show"]],
  [NODE, ["vnet", "show", "0"]],
  [ROUTER, ["vnet", "show", "99999"]],
  [ROUTER, ["vnet", "show", "abc"]],
  [NODE, ["vm", "update", "-d", "ROLE_NAME=x"]],
  [NODE, ["vm", "update", "-d", "KEY"]],
  [NODE, ["vm", "update", "--data="]],
  [NODE, ["vm", "update", "-eSERVICE_ID"]],
  [NODE, ["vm", "update", "--erase", "NOTHING"]],
  [NODE, ["vm", "update", "0", "-d", "A=1"]],
  [NODE, ["vm", "reboot", "250"]],
  [NODE, ["vm", "terminate", "-hard", "0"]],
  [NODE, ["vm", "release", "251"]],
  [NODE, ["service", "scale", "--role", "no such/röle", "-c", "2", "--retries=0"]],
];

const MISUSED: readonly Words[] = [
  ["vm", "resume"],
  ["vm", "update"],
  ["vnet", "show"],
  ["service", "scale", "-c", "2"],
  ["service", "scale", "-r", "worker", "-c", "two"],
  ["vm", "show", "--colour"],
  ["vm", "show", "-jx"],
  ["vm", "show", "--e"],
  ["vm", "show", "--json=yes"],
  ["vm", "update", "--data"],
  ["vm", "update", "-d"],
  ["vm", "show", "--retries", "x\ny"],
  ["vm", "show", "--timeout", "0"],
];

const WRONG_CONTEXTS: readonly Readonly<Record<string, string>>[] = [
  { ONEGATE_ENDPOINT: "" },
  { ONEGATE_ENDPOINT: 'gate "here":5030' },
  { ONEGATE_ENDPOINT: "http://user:secret@:5030" },
  { ONEGATE_ENDPOINT: "http://gate:70000" },
  { TOKENTXT: "" },
  { TOKENTXT: "two\nlines" },
  { TOKENTXT: "eHh4eHh4eHh4eHh4eHh4eA==" },
  { VMID: "" },
  { VMID: "nine" },
  { VMID: "250" },
];

const scratch = scratchDirectory("onegate-sh");
const tokens = new Map<number, string>();
let house: HouseProcess;

beforeAll(async () => {
  const home = join(scratch.path, "home");
  house = await startHouse(home, ["--world", WORLD, "--dummy"]);
  for (const id of [NODE, ALONE, ROUTER]) {
    tokens.set(id, (await gatehouse(["token", String(id), "--home", home])).trim());
  }
});

afterAll(async () => {
  await stopHouse(house);
  scratch.remove();
});

/** CONTEXT_DIR keeps a one_env of this machine out of it. */
const contextOf = (vmId: number, changes: Readonly<Record<string, string>> = {}) => ({
  CONTEXT_DIR: scratch.path,
  ONEGATE_ENDPOINT: house.onegate,
  TOKENTXT: tokens.get(vmId) ?? "",
  VMID: String(vmId),
  ...changes,
});

/** What the TypeScript command says. */
const expected = (variables: Readonly<Record<string, string>>, args: Words): Promise<Ended> =>
  runGuest([process.execPath, TYPESCRIPT, ...args], variables).ended;

const refusals = new Map<string, Promise<Ended>>();

/** The same, asked once for all guests: refusals do not change with what the tests write. */
function refusal(variables: Readonly<Record<string, string>>, args: Words): Promise<Ended> {
  const key = JSON.stringify([variables, args]);
  const known = refusals.get(key) ?? expected(variables, args);
  refusals.set(key, known);
  return known;
}

for (const guest of SH_GUESTS) {
  if (guest.lacks) console.log(`Skipped: onegate.sh under ${guest.name}, since ${guest.lacks}.`);
}

const byName = (guests: readonly ShGuest[]) => guests.map((guest) => [guest.name, guest] as const);

const runIn = (guest: ShGuest, variables: Readonly<Record<string, string>>, args: Words): Promise<Ended> =>
  runGuest([...guest.command, ...args], { ...variables, PATH: guest.path(scratch.path) }).ended;

describe.each(byName(SH_GUESTS))("onegate.sh under %s", (_, guest) => {
  const as = (vmId: number, ...args: string[]) => runIn(guest, contextOf(vmId), args);
  const done = { code: 0, out: "", err: "" };

  it.skipIf(guest.lacks).each(SHOWN)("shows as VM %i: %j", async (vmId, args) => {
    const answer = await as(vmId, ...args);
    expect(answer).toMatchObject({ code: 0, err: "" });
    expect(answer).toEqual(await expected(contextOf(vmId), args));
  });

  it.skipIf(guest.lacks).each(REFUSED)("is refused as VM %i: %j", async (vmId, args) => {
    expect(await as(vmId, ...args)).toEqual(await refusal(contextOf(vmId), args));
  });

  it.skipIf(guest.lacks)("updates and erases: any value, several at once, its own and a peer's", async () => {
    const TEXT = "a b & c=d + e%41 'f' \\d é€😀";
    const values = { TEXT, KEY: "aGVsbG8=", LIST: "a,b", LINES: "one\ntwo", URL: "http://h/?a=1&type=2" };
    const { KEY, LIST, LINES, URL } = values;
    const data = `TEXT="${TEXT}"\\nKEY=${KEY}\nLIST=${LIST}\nLINES="${LINES}"\nURL=${URL}`;
    expect(await as(NODE, "vm", "update", "--data", data)).toEqual(done);
    const own = JSON.parse((await as(NODE, "vm", "show", "-j")).out);
    expect(own.VM.USER_TEMPLATE).toMatchObject(values);
    for (const name of Object.keys(values)) expect(await as(NODE, "vm", "update", "-e", name)).toEqual(done);
    expect(await as(NODE, "vm", "update", "251", "-dACTIVE=YES")).toEqual(done);
    const peer = await as(NODE, "vm", "show", "251", "-j");
    expect(JSON.parse(peer.out).VM.USER_TEMPLATE).toMatchObject({ ACTIVE: "YES" });
    expect(await as(NODE, "vm", "update", "251", "--erase=ACTIVE")).toEqual(done);
    const bare = JSON.parse((await as(NODE, "vm", "show", "-j")).out).VM.USER_TEMPLATE;
    for (const name of Object.keys(values)) expect(bare).not.toHaveProperty(name);
  });

  it.skipIf(guest.lacks)("acts on a peer, gently and hard", async () => {
    const state = async () => /^STATE {15}: (.*)$/m.exec((await as(NODE, "vm", "show", "250")).out)?.[1];
    expect(await as(NODE, "vm", "suspend", "250")).toEqual(done);
    expect(await state()).toBe("SUSPENDED");
    expect(await as(NODE, "vm", "resume", "250")).toEqual(done);
    expect(await as(NODE, "vm", "--hard", "poweroff", "250")).toEqual(done);
    expect(await state()).toBe("POWEROFF");
    expect(await as(NODE, "vm", "resume", "250")).toEqual(done);
  });

  it.skipIf(guest.lacks)("says that the endpoint is down, after as many tries as asked", async () => {
    const at = (endpoint: string, reason: string, tries: string) =>
      new RegExp(`^ERROR: \nOneGate at ${endpoint} cannot be reached: ${reason}\\.${tries}\n$`);
    const down = contextOf(NODE, { ONEGATE_ENDPOINT: GATE_OFF, ONEGATE_RETRIES: "1" });
    const failed = "the connection (was refused|failed)";
    const twice = await runIn(guest, down, ["vm", "show"]);
    expect(twice).toMatchObject({ code: 255, out: "" });
    expect(twice.err).toMatch(at(GATE_OFF, failed, " Tried 2 times\\."));
    const once = await runIn(guest, down, ["vm", "resume", "9", "--retries", "0"]);
    expect(once.err).toMatch(at(GATE_OFF, failed, ""));
    const unknown = { ...down, ONEGATE_ENDPOINT: "http://gate.invalid:5030", ONEGATE_RETRIES: "0" };
    const lost = await runIn(guest, unknown, ["vm", "show"]);
    expect(lost.err).toMatch(at(unknown.ONEGATE_ENDPOINT, "its name is not known", ""));
  });
});

/** Where the client plays no part, one will do. */
const SHELLS = SH_GUESTS.filter(({ client }) => client === "nc");

describe.each(byName(SHELLS))("onegate.sh by itself, under %s", (_, guest) => {
  const run = (variables: Readonly<Record<string, string>>, ...args: string[]) =>
    runIn(guest, variables, args);

  it.skipIf(guest.lacks).each(MISUSED.map((args) => [args]))("explains the misuse of %j", async (args) => {
    const answer = await run(contextOf(NODE), ...args);
    expect(answer.code).toBe(255);
    expect(answer).toEqual(await refusal(contextOf(NODE), args));
  });

  it.skipIf(guest.lacks).each(WRONG_CONTEXTS.map((changes) => [changes]))("explains %j", async (changes) => {
    const answer = await run(contextOf(NODE, changes), "vm", "show");
    expect(answer).toMatchObject({ code: 255, out: "", err: expect.stringMatching(/^ERROR: \n.+\n$/) });
    expect(answer).toEqual(await refusal(contextOf(NODE, changes), ["vm", "show"]));
  });

  it.skipIf(guest.lacks)("helps, and names every command", async () => {
    const help = await run({}, "vm", "--help");
    const reference = await expected({}, ["--help"]);
    const commands = (text: string) =>
      text.match(/^onegate (vm|service|vrouter|vnet|ready|watch|identity|token|doctor).*$/gm);
    expect(help).toMatchObject({ code: 0, out: "" });
    expect(commands(help.err)).toEqual(commands(reference.err));
    expect(await run({})).toEqual({ ...help, code: 255 });
    expect(await run({}, "image", "show")).toEqual({ ...help, code: 255 });
    for (const resource of ["vm", "service", "vrouter", "vnet"]) {
      const err = `${help.err}\nAction explode not supported\n`;
      expect(await run({}, resource, "explode")).toEqual({ code: 255, out: "", err });
    }
  });

  it.skipIf(guest.lacks)("finds its context in context.sh and token.txt, the environment first", async () => {
    const CONTEXT_DIR = join(scratch.path, "it's a context");
    writeContext(CONTEXT_DIR, `ONEGATE_ENDPOINT='${house.onegate}/ignored'\nTOKEN='YES'\nVMID="${NODE}"\n`);
    const shown = await run(contextOf(NODE), "vm", "show");
    expect(shown.code).toBe(0);
    expect(await run({ CONTEXT_DIR }, "vm", "show")).toEqual(shown);
    expect(await run({ CONTEXT_DIR, VMID: "nine" }, "vm", "show")).toMatchObject({ code: 255 });
    // Seed 003's sample script has the token's file in ONEGATE_TOKEN.
    const file = { ...contextOf(NODE), TOKENTXT: "", ONEGATE_TOKEN: join(CONTEXT_DIR, "token.txt") };
    expect(await run(file, "vm", "show")).toEqual(shown);
    writeContext(CONTEXT_DIR, "ONEGATE_ENDPOINT='unclosed\n");
    expect((await run({ CONTEXT_DIR }, "vm", "show")).err).toMatch(/^ERROR: \nONEGATE_ENDPOINT is not set/);
  });

  it.skipIf(guest.lacks)("finds its context in one_env, unless CONTEXT_DIR names another", async () => {
    const directory = join(scratch.path, `one-context-${guest.name}`);
    writeContext(
      directory,
      `export ONEGATE_ENDPOINT="${house.onegate}"\nexport TOKENTXT="${tokens.get(NODE)}"\nexport VMID="${NODE}"\n`,
    );
    const copy = join(directory, "onegate.sh");
    const oneEnv = join(directory, "context.sh");
    const script = readFileSync(SCRIPT, "utf8");
    writeFileSync(copy, script.replace("/var/run/one-context/one_env", `'${oneEnv}'`));
    const [shell, ...rest] = guest.command;
    const command = [shell, ...rest.map((word) => (word === SCRIPT ? copy : word))] as const;
    const show = (variables: Readonly<Record<string, string>>) =>
      runGuest([...command, "vm", "show"], { ...variables, PATH: guest.path(scratch.path) }).ended;
    expect(await show({})).toEqual(await run(contextOf(NODE), "vm", "show"));
    expect((await show({ CONTEXT_DIR: scratch.path })).err).toMatch(/^ERROR: \nONEGATE_ENDPOINT is not set/);
  });
});

function writeContext(directory: string, text: string): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "context.sh"), text);
  writeFileSync(join(directory, "token.txt"), `${tokens.get(NODE)}\n`);
}
