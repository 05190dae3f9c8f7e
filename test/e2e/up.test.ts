/** `gatehouse up` as a process of its own, over homes of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";

const LAUNCHER = join(import.meta.dirname, "../../gateway/cli/launch.js");
const FREE_PORTS = {
  GATEHOUSE_ONEGATE_PORT: "0",
  GATEHOUSE_ONEFLOW_PORT: "0",
  GATEHOUSE_RPC_PORT: "0",
  GATEHOUSE_ADMIN_PORT: "0",
  GATEHOUSE_MONITOR_PORT: "0",
  GATEHOUSE_MONITOR_AGENTS: "none",
};
const runFile = z.object({
  pid: z.int(),
  onegate: z.url().optional(),
  rpc: z.url().optional(),
  admin: z.url(),
  monitor: z.object({ host: z.string(), port: z.int().min(1) }).optional(),
});

/** A process, what it has said so far, and its end. */
class Process {
  readonly child: ChildProcess;
  readonly ended: Promise<number | string>;
  out = "";
  err = "";

  constructor(args: readonly string[], env: Readonly<Record<string, string>>, nodeArgs: readonly string[]) {
    const clean = Object.entries(process.env).filter(([name]) => !name.startsWith("GATEHOUSE_"));
    this.child = spawn(process.execPath, [...nodeArgs, LAUNCHER, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...Object.fromEntries(clean), ...FREE_PORTS, ...env },
    });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.out += text;
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.err += text;
    });
    this.ended = once(this.child, "close").then(([code, signal]) => code ?? signal);
  }

  /** Resolves when standard output holds the text; rejects when the process ends before. */
  async says(text: string): Promise<void> {
    const early = this.ended.then((code) => {
      if (!this.out.includes(text))
        throw new Error(`ended with ${code} instead of saying "${text}":\n${this.err}`);
    });
    while (!this.out.includes(text)) {
      await Promise.race([this.child.stdout ? once(this.child.stdout, "data") : early, early]);
    }
  }
}

let scratch = "";
let home = "";
const processes: Process[] = [];

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "up-"));
  home = join(scratch, "home");
});

afterEach(async () => {
  for (const { child, ended } of processes.splice(0)) {
    child.kill("SIGKILL");
    await ended;
  }
  rmSync(scratch, { recursive: true, force: true });
});

function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  nodeArgs: readonly string[] = [],
): Process {
  const started = new Process(args, { GATEHOUSE_HOME: home, ...env }, nodeArgs);
  processes.push(started);
  return started;
}

async function up(
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Process> {
  const house = start(["up", "--dummy", ...args], env);
  await house.says("Gatehouse is up.");
  return house;
}

async function run(...args: readonly string[]) {
  const command = start(args);
  return { code: await command.ended, out: command.out, err: command.err };
}

function runJson(): z.infer<typeof runFile> {
  return runFile.parse(JSON.parse(readFileSync(join(home, "run.json"), "utf8")));
}

function onegateUrl(): string {
  return runJson().onegate ?? "";
}

function modeOf(name: string): number {
  return statSync(join(home, name)).mode & 0o777;
}

function world(): string {
  const file = join(scratch, "world.json");
  const oneadmin = {
    ID: "0",
    NAME: "oneadmin",
    PASSWORD: "00",
    TEMPLATE: { TOKEN_PASSWORD: "t".repeat(64) },
  };
  const vm = { ID: "7", UID: "0", GID: "0", NAME: "seven", STATE: "3", LCM_STATE: "3", STIME: "1700000000" };
  const template = { TEMPLATE: { VMID: "7", CREATED_BY: "0" }, USER_TEMPLATE: {} };
  writeFileSync(file, JSON.stringify({ users: [{ USER: oneadmin }], vms: [{ VM: { ...vm, ...template } }] }));
  return file;
}

/** Sends bytes and resolves with all that comes back until the end. */
async function exchange(url: string, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  let answer = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    answer += text;
  });
  // A server that refuses early resets the rest of what is sent.
  socket.on("error", () => undefined);
  socket.end(bytes, "latin1");
  await new Promise((resolve) => socket.once("close", resolve));
  return answer;
}

describe("gatehouse up", () => {
  it("makes a private home, tells where everything is, and leaves nothing running behind", async () => {
    const house = await up();
    const { pid, onegate, admin } = runJson();
    expect(pid).toBe(house.child.pid);
    expect(house.out).toContain(`OneGate  ${onegate}`);
    expect(house.out).toContain(admin);
    expect(house.out).toContain(home);
    expect(statSync(home).mode & 0o777).toBe(0o700);
    for (const name of ["one_auth", "run.json", "admin.sock", "gatehouse.db"])
      expect(modeOf(name)).toBe(0o600);
    expect(readFileSync(join(home, "one_auth"), "utf8")).toMatch(/^oneadmin:\S{20,}\n$/);
    expect(await (await fetch(`${admin}/readyz`)).json()).toEqual({
      status: "ready",
      checks: { start: "ok", store: "ok" },
    });
    expect((await fetch(`${onegate}/vm`)).status).toBe(401);

    house.child.kill("SIGTERM");
    expect(await house.ended).toBe(0);
    for (const name of ["run.json", "admin.sock", "lock.pid"])
      expect(existsSync(join(home, name))).toBe(false);
  });

  it("loads a world first, and then needs no generated password", async () => {
    await up(["--world", world()]);
    expect(existsSync(join(home, "one_auth"))).toBe(false);
    const token = (await run("token", "7")).out.trim();
    const headers = { "X-ONEGATE-TOKEN": token, "X-ONEGATE-VMID": "7" };
    const answer = await fetch(`${onegateUrl()}/vm`, { headers });
    expect(await answer.json()).toMatchObject({ VM: { ID: "7", NAME: "seven" } });
  });

  it("serves token and export through its socket as the home gives them without it", async () => {
    const house = await up(["--world", world()]);
    const running = [await run("token", "7"), await run("export"), await run("token", "8")];
    house.child.kill("SIGINT");
    expect(await house.ended).toBe(0);
    expect([await run("token", "7"), await run("export"), await run("token", "8")]).toEqual(running);
    expect(running.map(({ code }) => code)).toEqual([0, 0, 2]);
  });

  it("imports through its socket", async () => {
    await up();
    expect(await run("import", world())).toMatchObject({ code: 0 });
    expect(existsSync(join(home, "one_auth"))).toBe(false);
    expect(await run("token", "7")).toMatchObject({ code: 0 });
    expect(await run("import", world())).toMatchObject({
      code: 2,
      err: expect.stringContaining("empty home"),
    });
  });

  it("finds the lock of another house, and says whose it is", async () => {
    const house = await up();
    const second = await run("up", "--dummy");
    expect(second).toMatchObject({ code: 2, err: expect.stringContaining(`(pid ${house.child.pid})`) });
    expect(runJson().pid).toBe(house.child.pid);
  });

  it("starts again after kill -9, over what was left behind", async () => {
    const first = await up(["--world", world()]);
    first.child.kill("SIGKILL");
    await first.ended;
    expect(existsSync(join(home, "run.json"))).toBe(true);
    const second = await up();
    expect(runJson().pid).toBe(second.child.pid);
    expect(await run("token", "7")).toMatchObject({ code: 0 });
  });

  it("names the setting of a port that is taken, and leaves the home free", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const port = typeof address === "object" && address !== null ? String(address.port) : "";
    const house = start(["up", "--dummy"], { GATEHOUSE_ONEGATE_PORT: port });
    expect(await house.ended).toBe(2);
    expect(house.err).toContain(
      `127.0.0.1:${port}, which is taken; set onegate.port (GATEHOUSE_ONEGATE_PORT)`,
    );
    other.close();
    for (const name of ["run.json", "admin.sock"]) expect(existsSync(join(home, name))).toBe(false);
    await up();
  });

  it("runs without OneGate when told so", async () => {
    await up([], { GATEHOUSE_ONEGATE_ENABLED: "no" });
    expect(runJson()).not.toHaveProperty("onegate");
  });

  it("writes no secret into its log", async () => {
    const house = await up(["--world", world()], { GATEHOUSE_LOG_LEVEL: "debug" });
    const token = (await run("token", "7")).out.trim();
    const headers = { "X-ONEGATE-TOKEN": token, "X-ONEGATE-VMID": "7" };
    const answer = await fetch(`${onegateUrl()}/vm`, { method: "PUT", headers, body: "READY=YES" });
    expect(answer.status).toBe(200);
    house.child.kill("SIGTERM");
    await house.ended;
    expect(house.err).toContain("The house is up");
    expect(house.err).not.toContain(token);
    expect(house.err).not.toContain("t".repeat(32));
  });
});

describe("its servers", () => {
  const head = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";

  it("refuse heads without measure, and outlive what is no HTTP", async () => {
    const house = await up();
    const { admin } = runJson();
    for (const url of [onegateUrl(), admin]) {
      const headers = Array.from({ length: 10_000 }, (_, at) => `x-${at}: y\r\n`).join("");
      expect(await exchange(url, `${head}${headers}\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
      expect(await exchange(url, `${head}x: ${"y".repeat(100_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
      for (const bytes of [
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        "\r\n\r\n\0\0\0",
        "GET http://[::1/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /%ff%00/../..//vm?%=%&a HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\n\r\n",
        "PUT /vm HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "PUT /vm HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        "PUT /vm HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf",
      ]) {
        await exchange(url, bytes);
      }
    }
    expect((await fetch(`${admin}/readyz`)).status).toBe(200);
    expect(house.child.exitCode).toBeNull();
    expect(house.err).not.toContain("was not handled");
  });
});

describe("the launcher", () => {
  /** Makes the first process, and only it, take itself for an older Node. */
  const old = [
    "--import",
    "data:text/javascript,if(!process.env.GATEHOUSE_LAUNCHER_PID)" +
      "Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.1.0'}})",
  ];

  it("goes on with the installation's own Node, and keeps exit codes", async () => {
    const version = start(["--version"], {}, old);
    expect(await version.ended).toBe(0);
    expect(version.out).toMatch(/^\d+\.\d+\.\d+\n$/);
    const usage = start(["token"], {}, old);
    expect(await usage.ended).toBe(2);
    expect(usage.err).not.toContain("ExperimentalWarning");
  });

  it("passes signals on", async () => {
    const house = start(["up", "--dummy"], {}, old);
    await house.says("Gatehouse is up.");
    expect(runJson().pid).not.toBe(house.child.pid);
    house.child.kill("SIGTERM");
    expect(await house.ended).toBe(0);
    expect(existsSync(join(home, "run.json"))).toBe(false);
  });

  it("takes its house along when it is killed", async () => {
    const house = start(["up", "--dummy"], {}, old);
    await house.says("Gatehouse is up.");
    house.child.kill("SIGKILL");
    // The house holds the same pipes, so they close when it has ended too.
    expect(await house.ended).toBe("SIGKILL");
    await up();
  });
});
