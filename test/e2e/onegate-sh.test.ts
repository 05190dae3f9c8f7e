/** `onegate.sh` against a running house, in every shell and over every client: the same words as the TypeScript command. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ended, runGuest } from "../support/guest-command.ts";
import { gatehouse, type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { SH_GUESTS } from "../support/sh-guest.ts";

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
const said = new Map<string, Ended>();
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

/** What the TypeScript command says; asked once, since nothing here changes what is asked for. */
async function expected(variables: Readonly<Record<string, string>>, args: Words): Promise<Ended> {
  const key = JSON.stringify([variables, args]);
  const known = said.get(key) ?? (await runGuest([process.execPath, TYPESCRIPT, ...args], variables).ended);
  said.set(key, known);
  return known;
}

for (const guest of SH_GUESTS) {
  if (guest.lacks) console.log(`Skipped: onegate.sh under ${guest.name}, since ${guest.lacks}.`);
}

describe.each(SH_GUESTS.map((guest) => [guest.name, guest] as const))("onegate.sh under %s", (_, guest) => {
  let path = "";
  const run = (variables: Readonly<Record<string, string>>, args: Words) =>
    runGuest([...guest.command, ...args], { ...variables, PATH: path }).ended;
  const as = (vmId: number, ...args: string[]) => run(contextOf(vmId), args);
  const done = { code: 0, out: "", err: "" };

  beforeAll(() => {
    if (guest.lacks === undefined) path = guest.path(scratch.path);
  });

  it.skipIf(guest.lacks).each(SHOWN)("shows as VM %i: %j", async (vmId, args) => {
    const answer = await run(contextOf(vmId), args);
    expect(answer).toMatchObject({ code: 0, err: "" });
    expect(answer).toEqual(await expected(contextOf(vmId), args));
  });

  it.skipIf(guest.lacks).each(REFUSED)("is refused as VM %i: %j", async (vmId, args) => {
    const answer = await run(contextOf(vmId), args);
    expect(answer).toEqual(await expected(contextOf(vmId), args));
  });

  it.skipIf(guest.lacks).each(MISUSED.map((args) => [args]))("explains the misuse of %j", async (args) => {
    const answer = await run(contextOf(NODE), args);
    expect(answer.code).toBe(255);
    expect(answer).toEqual(await expected(contextOf(NODE), args));
  });

  it.skipIf(guest.lacks).each(WRONG_CONTEXTS.map((changes) => [changes]))("explains %j", async (changes) => {
    const answer = await run(contextOf(NODE, changes), ["vm", "show"]);
    expect(answer).toMatchObject({ code: 255, out: "", err: expect.stringMatching(/^ERROR: \n.+\n$/) });
    expect(answer).toEqual(await expected(contextOf(NODE, changes), ["vm", "show"]));
  });

  it.skipIf(guest.lacks)(
    "updates and erases: any value, several at once, of itself and of a peer",
    async () => {
      const values = {
        TEXT: "a b & c=d + e%41 'f' \\d é€😀",
        KEY: "aGVsbG8=",
        LIST: "a,b",
        LINES: "one\ntwo",
        URL: "http://h/?a=1&type=2",
      };
      const escaped = values.TEXT.replaceAll("\\", "\\\\");
      const data = `TEXT="${escaped}"\\nKEY=${values.KEY}\nLIST=${values.LIST}\nLINES="${values.LINES}"\nURL=${values.URL}`;
      expect(await as(NODE, "vm", "update", "--data", data)).toEqual(done);
      const own = JSON.parse((await as(NODE, "vm", "show", "-j")).out);
      expect(own.VM.USER_TEMPLATE).toMatchObject(values);
      for (const name of Object.keys(values))
        expect(await as(NODE, "vm", "update", "-e", name)).toEqual(done);
      expect(await as(NODE, "vm", "update", "251", "-dACTIVE=YES")).toEqual(done);
      const peer = await as(NODE, "vm", "show", "251", "-j");
      expect(JSON.parse(peer.out).VM.USER_TEMPLATE).toMatchObject({ ACTIVE: "YES" });
      expect(await as(NODE, "vm", "update", "251", "--erase=ACTIVE")).toEqual(done);
      const bare = JSON.parse((await as(NODE, "vm", "show", "-j")).out).VM.USER_TEMPLATE;
      for (const name of Object.keys(values)) expect(bare).not.toHaveProperty(name);
    },
  );

  it.skipIf(guest.lacks)("acts on a peer, gently and hard", async () => {
    expect(await as(NODE, "vm", "suspend", "250")).toEqual(done);
    expect((await as(NODE, "vm", "show", "250")).out).toMatch(/^STATE {15}: SUSPENDED$/m);
    expect(await as(NODE, "vm", "resume", "250")).toEqual(done);
    expect(await as(NODE, "vm", "--hard", "poweroff", "250")).toEqual(done);
    expect((await as(NODE, "vm", "show", "250")).out).toMatch(/^STATE {15}: POWEROFF$/m);
    expect(await as(NODE, "vm", "resume", "250")).toEqual(done);
  });

  it.skipIf(guest.lacks)("says that the endpoint is down, after as many tries as asked", async () => {
    const down = contextOf(NODE, { ONEGATE_ENDPOINT: GATE_OFF, ONEGATE_RETRIES: "1" });
    const sentence = (reason: string, tries: string) =>
      new RegExp(`^ERROR: \nOneGate at ${GATE_OFF} cannot be reached: ${reason}\\.${tries}\n$`);
    const refused = "the connection (was refused|failed)";
    const twice = await run(down, ["vm", "show"]);
    expect(twice).toMatchObject({
      code: 255,
      out: "",
      err: expect.stringMatching(sentence(refused, " Tried 2 times\\.")),
    });
    const once = await run(down, ["vm", "resume", "9", "--retries", "0"]);
    expect(once.err).toMatch(sentence(refused, ""));
    const unknown = await run({ ...down, ONEGATE_ENDPOINT: "http://gate.invalid:5030" }, ["vm", "show"]);
    expect(unknown.err).toMatch(
      /^ERROR: \nOneGate at http:\/\/gate\.invalid:5030 cannot be reached: its name is not known\./,
    );
  });

  it.skipIf(guest.lacks)("helps, and names every command", async () => {
    const help = await run({}, ["vm", "--help"]);
    const reference = await expected({}, ["--help"]);
    expect(help).toMatchObject({ code: 0, out: "" });
    const commands = (text: string) => text.match(/^onegate (vm|service|vrouter|vnet|ready).*$/gm);
    expect(commands(help.err)).toEqual(commands(reference.err));
    expect(await run({}, [])).toEqual({ ...help, code: 255 });
    expect(await run({}, ["image", "show"])).toEqual({ ...help, code: 255 });
    for (const words of [
      ["vm", "explode"],
      ["service", "list"],
      ["vrouter", "list"],
      ["vnet", "list"],
    ]) {
      expect(await run({}, words)).toEqual({
        code: 255,
        out: "",
        err: `${help.err}\nAction ${words[1]} not supported\n`,
      });
    }
  });

  it.skipIf(guest.lacks)("finds its context in context.sh and token.txt, the environment first", async () => {
    const directory = join(scratch.path, "it's a context");
    writeContext(directory, `ONEGATE_ENDPOINT='${house.onegate}/ignored'\nTOKEN='YES'\nVMID="${NODE}"\n`);
    const shown = await as(NODE, "vm", "show");
    expect(await run({ CONTEXT_DIR: directory }, ["vm", "show"])).toEqual(shown);
    expect(
      await run({ CONTEXT_DIR: directory, ONEGATE_ENDPOINT: GATE_OFF }, ["vm", "show", "--retries=0"]),
    ).toMatchObject({
      code: 255,
    });
    // Seed 003's sample script has the token's file in ONEGATE_TOKEN.
    const file = { ...contextOf(NODE), TOKENTXT: "", ONEGATE_TOKEN: join(directory, "token.txt") };
    expect(await run(file, ["vm", "show"])).toEqual(shown);
    writeContext(directory, `export ONEGATE_ENDPOINT='${house.onegate}'\nVMID='${NODE}'\nexit 3\n`);
    expect((await run({ CONTEXT_DIR: directory }, ["vm", "show"])).err).toMatch(
      /ONEGATE_ENDPOINT is not set/,
    );
  });
});

function writeContext(directory: string, text: string): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "context.sh"), text);
  writeFileSync(join(directory, "token.txt"), `${tokens.get(NODE)}\n`);
}
