/** `onegate` and its shell twin against a running house, with what its OneGate has beyond the original. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeJwt } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  buildBundle,
  type Ended,
  GUEST_NODE,
  type RunningGuest,
  runGuest,
} from "../support/guest-command.ts";
import { gatehouse, type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { SH_GUESTS } from "../support/sh-guest.ts";

const WORLD = fileURLToPath(new URL("../fixtures/onegate-world.json", import.meta.url));
/** In the recorded world: a node of service 292. */
const NODE = 249;

const scratch = scratchDirectory("onegate-house");
const running: RunningGuest[] = [];
let bundle = "";
let token = "";
let house: HouseProcess;

beforeAll(async () => {
  bundle = await buildBundle(scratch.path);
  const home = join(scratch.path, "home");
  house = await startHouse(home, ["--world", WORLD, "--dummy"]);
  token = (await gatehouse(["token", String(NODE), "--home", home])).trim();
});
afterEach(async () => {
  for (const guest of running.splice(0)) {
    guest.child.kill("SIGTERM");
    await guest.ended;
  }
});
afterAll(async () => {
  await stopHouse(house);
  scratch.remove();
});

interface Kind {
  readonly name: string;
  readonly lacks: string | undefined;
  readonly command: () => readonly [string, ...string[]];
  readonly path: () => string;
}

const KINDS: readonly Kind[] = [
  {
    name: "onegate",
    lacks: undefined,
    command: () => [GUEST_NODE, bundle],
    path: () => process.env.PATH ?? "",
  },
  ...SH_GUESTS.map(({ name, lacks, command, path }) => ({
    name: `onegate.sh under ${name}`,
    lacks,
    command: () => command,
    path: () => path(scratch.path),
  })),
];

describe.each(KINDS.map((kind) => [kind.name, kind] as const))("%s", (_, { lacks, command, path }) => {
  function start(args: readonly string[], changes: Readonly<Record<string, string>> = {}): RunningGuest {
    const context = { ONEGATE_ENDPOINT: house.onegate, TOKENTXT: token, VMID: String(NODE) };
    const variables = { CONTEXT_DIR: scratch.path, ...context, PATH: path(), ...changes };
    const guest = runGuest([...command(), ...args], variables);
    running.push(guest);
    return guest;
  }
  const run = (...args: string[]): Promise<Ended> => start(args).ended;
  const done = (out: string) => ({ code: 0, out, err: "" });

  it.skipIf(lacks)("gets single values of the VM, of a peer, and of the service", async () => {
    expect(await run("vm", "get", "NAME")).toEqual(done("master_0_(service_292)\n"));
    expect(await run("vm", "get", "TEMPLATE/NIC/0/IP", "--id", "250")).toEqual(done("10.0.0.173\n"));
    expect(await run("service", "get", "roles/worker/cardinality")).toEqual(done("2\n"));
    const none = await run("vm", "get", "USER_TEMPLATE/NONE");
    expect(none).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringMatching(/^ERROR: \nThere is no "?NONE"? in /),
    });
  });

  it.skipIf(lacks)("watches a value from before it is there, through its changes", async () => {
    const watch = start(["watch", "USER_TEMPLATE/LEADER"]);
    await run("vm", "update", "--data", "LEADER=one");
    await watch.prints("one\n");
    await run("vm", "update", "--data", "OTHER=x");
    await run("vm", "update", "--data", "LEADER=two");
    await watch.prints("two\n");
    watch.child.kill("SIGTERM");
    expect(await watch.ended).toEqual(done("one\ntwo\n"));
    await run("vm", "update", "--erase", "LEADER");
  });

  it.skipIf(lacks)("trades its token for one of a session, which is as good", async () => {
    const { code, out } = await run("token", "--lifetime", "60", "--scope", "self:read");
    expect(code).toBe(0);
    const session = { TOKENTXT: out.trim() };
    expect(await start(["vm", "get", "ID"], session).ended).toEqual(done(`${NODE}\n`));
    expect((await start(["vm", "update", "-d", "A=1"], session).ended).code).toBe(255);
  });

  it.skipIf(lacks)("proves who it is to others", async () => {
    const { code, out } = await run("identity", "--audience", "https://db.example/?a=b", "--lifetime", "60");
    expect(code).toBe(0);
    expect(decodeJwt(out.trim()).aud).toBe("https://db.example/?a=b");
  });

  it.skipIf(lacks)(
    "reports READY=NO with the reason, and takes the reason back when it is ready",
    async () => {
      const context = { REPORT_READY: "YES", RETRY_COUNT: "1" };
      const value = async (name: string) => (await run("vm", "get", `USER_TEMPLATE/${name}`)).out;
      expect((await start(["ready", "--file", '/no, [where]="'], context).ended).code).toBe(1);
      expect(await value("READY")).toBe("NO\n");
      expect(await value("READY_REASON")).toBe("The file /no; (where):' does not exist.\n");
      expect((await start(["ready", "--file", "/"], context).ended).code).toBe(0);
      expect(await value("READY")).toBe("YES\n");
      expect(await value("READY_REASON")).toBe("");
    },
  );

  it.skipIf(lacks)("finds nothing wrong with a set-up that works, and a wrong token", async () => {
    expect(await run("doctor")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/\nNothing is wrong\.\n$/),
    });
    const wrong = await start(["doctor"], { TOKENTXT: Buffer.alloc(16).toString("base64") }).ended;
    expect(wrong.code).toBe(1);
    expect(wrong.out).toContain(`OneGate does not take the token for VM ${NODE}.`);
  });
});
