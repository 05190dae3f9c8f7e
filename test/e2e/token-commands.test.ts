/** The token commands on a house that runs and on a home without one, and session tokens through a real socket. */

import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCommand } from "../../gateway/cli/program.ts";
import { systemClock } from "../../shared/clock.ts";
import { type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";

const PASSWORD = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const WORLD = {
  users: [
    { USER: { ID: "0", NAME: "oneadmin", PASSWORD: "00", TEMPLATE: {} } },
    { USER: { ID: "2", NAME: "alice", PASSWORD: "00", TEMPLATE: { TOKEN_PASSWORD: PASSWORD } } },
  ],
  vms: [
    {
      VM: {
        ID: "7",
        NAME: "web",
        UID: "2",
        GID: "1",
        STATE: "3",
        LCM_STATE: "3",
        STIME: "1700000000",
        TEMPLATE: { CREATED_BY: "2" },
      },
    },
  ],
};

const scratch = scratchDirectory("token-commands");
const home = join(scratch.path, "home");
let house: HouseProcess;

const start = async (...args: readonly string[]) => startHouse(home, ["--dummy", ...args]);

beforeAll(async () => {
  const world = join(scratch.path, "world.json");
  writeFileSync(world, JSON.stringify(WORLD));
  house = await start("--world", world);
});

afterAll(async () => {
  await stopHouse(house);
  scratch.remove();
});

async function run(...args: readonly string[]) {
  const output = { out: "", err: "" };
  const context = {
    env: { GATEHOUSE_HOME: home },
    cwd: scratch.path,
    clock: systemClock,
    out: (text: string) => {
      output.out += text;
    },
    err: (text: string) => {
      output.err += text;
    },
  };
  const code = await runCommand(args, context);
  return { code, ...output };
}

/** As curl sends it: each header once for each of its values. */
function send(path: string, headers: Readonly<Record<string, string | string[]>>, method = "GET") {
  return new Promise<{ readonly status: number | undefined; readonly body: string }>((resolve, reject) => {
    const outgoing = request(`${house.onegate}${path}`, { method, headers }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      answer.on("end", () => resolve({ status: answer.statusCode, body })).on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

const classic = async () => (await run("token", "7")).out.trim();

async function session(): Promise<string> {
  const headers = { "X-ONEGATE-TOKEN": await classic(), "X-ONEGATE-VMID": "7" };
  const { status, body } = await send("/token", headers, "POST");
  expect(status).toBe(200);
  return String(JSON.parse(body).token);
}

const asSession = (token: string) => send("/vm", { "X-ONEGATE-TOKEN": token });
const asClassic = (token: string) => send("/vm", { "X-ONEGATE-TOKEN": token, "X-ONEGATE-VMID": "7" });

describe("while the house runs", () => {
  it("revoke ends session tokens at the next request, and says so", async () => {
    const token = await session();
    expect((await asSession(token)).status).toBe(200);
    expect(await run("token", "revoke", "7")).toEqual({
      code: 0,
      out: "The session tokens of VM 7 have ended; the token of its context still counts.\n",
      err: "",
    });
    expect((await asSession(token)).status).toBe(401);
    expect((await asClassic(await classic())).status).toBe(200);
  });

  it("revoke --all refuses the classic token until allow", async () => {
    expect((await run("token", "revoke", "7", "--all")).out).toMatch(/^VM 7 has no valid token any more;/);
    expect((await asClassic(await classic())).status).toBe(401);
    expect((await run("token", "list")).out).toMatch(/^VM 7: .*; the token of its context is refused$/m);
    expect((await run("token", "allow", "7")).out).toContain("counts again");
    expect((await run("token", "allow", "7")).out).toContain("was not refused");
    expect((await asClassic(await classic())).status).toBe(200);
  });

  it("rotate keeps old tokens for the grace, and --grace 0 ends them at once", async () => {
    const first = await classic();
    expect(await run("token", "rotate", "alice", "--grace", "12h")).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /^alice has a new TOKEN_PASSWORD; tokens of the old one count until 2\S+Z\.\n$/,
      ),
    });
    const second = await classic();
    expect(second).not.toBe(first);
    for (const token of [first, second]) expect((await asClassic(token)).status).toBe(200);
    expect((await run("token", "list")).out).toMatch(/^user alice \(2\): an old password counts until /m);
    expect((await run("token", "rotate", "2", "--grace", "0")).out).toContain("earlier ones have ended");
    for (const token of [first, second]) expect((await asClassic(token)).status).toBe(401);
    expect((await asClassic(await classic())).status).toBe(200);
  });

  it("list tells what stands as JSON, without a secret", async () => {
    await session();
    const { out } = await run("token", "list", "--json");
    expect(JSON.parse(out)).toMatchObject({
      revoked: [{ vm: 7, classic_refused: false, at: expect.stringMatching(/Z$/) }],
      grace: [],
      session_keys: [{ kid: expect.any(String), made_at: expect.stringMatching(/Z$/) }],
    });
    expect(out).not.toMatch(/secret|password/);
  });

  it("two token headers, or one of another VM beside a session token, prove nobody", async () => {
    const token = await session();
    const other = await session();
    expect((await send("/vm", { "X-ONEGATE-TOKEN": [token, other] })).status).toBe(401);
    expect(
      (await send("/vm", { "X-ONEGATE-TOKEN": [token, await classic()], "X-ONEGATE-VMID": "7" })).status,
    ).toBe(401);
    expect((await send("/vm", { "X-ONEGATE-TOKEN": token, "X-ONEGATE-VMID": "0" })).status).toBe(401);
    expect((await send("/vm", { "X-ONEGATE-TOKEN": token, "X-ONEGATE-VMID": ["7", "0"] })).status).toBe(401);
  });

  it("a forwarded request gets no token", async () => {
    const headers = {
      "X-ONEGATE-TOKEN": await classic(),
      "X-ONEGATE-VMID": "7",
      "X-Forwarded-For": "10.0.0.9",
    };
    expect((await send("/token", headers, "POST")).status).toBe(403);
  });
});

describe("without a house", () => {
  it("the same commands act on the home, and the house that starts then knows", async () => {
    const [token, first] = [await session(), await classic()];
    await stopHouse(house, "SIGKILL");
    expect(await run("token", "revoke", "7", "--home", home)).toMatchObject({ code: 0 });
    expect(await run("token", "rotate", "alice")).toMatchObject({ code: 0 });
    expect((await run("token", "list")).out).toMatch(/^user alice/m);
    house = await start();
    expect((await asSession(token)).status).toBe(401);
    expect((await asClassic(first)).status).toBe(200);
    expect((await asClassic(await classic())).status).toBe(200);
    expect((await asSession(await session())).status).toBe(200);
  });
});

describe("what the commands refuse", () => {
  it.each<[readonly string[], RegExp]>([
    [["revoke"], /missing required argument 'vmid'/],
    [["revoke", "seven"], /"seven" is no VM id/],
    [["revoke", "99"], /virtual machine \[99\]/],
    [["allow", "99"], /virtual machine \[99\]/],
    [["rotate", "nobody"], /There is no user nobody\./],
    [["rotate", "99"], /user \[99\]/],
    [["rotate", "alice", "--grace", "soon"], /"soon" is no duration; .*such as 30m or 7d/],
    [["rotate", "alice", "--grace", "-1d"], /"-1d" is no duration/],
    [["rotate", "alice", "--grace", "367d"], /"367d" is no duration; .*at most 366d/],
    [["revoke", "7", "--everything"], /unknown option '--everything'/],
  ])("%j", async (args, message) => {
    const { code, out, err } = await run("token", ...args);
    expect(err).toMatch(message);
    expect({ code, out }).toEqual({ code: 2, out: "" });
  });

  it.each(["revoke", "allow", "rotate", "list"])("and %s explains itself, with examples", async (command) => {
    const { code, out } = await run("token", command, "--help");
    expect(code).toBe(0);
    expect(out).toMatch(
      new RegExp(`Usage: gatehouse token ${command}[\\s\\S]*--home[\\s\\S]*Examples:\\n {2}`),
    );
  });
});
