import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { contextFiles } from "../../gateway/cloud/embedded/context/context-files.ts";
import type { ContextFiles, Driver } from "../../gateway/cloud/embedded/driver.ts";
import { type ProcessDriverOptions, processDriver } from "../../gateway/cloud/embedded/drivers/process.ts";
import { ProcessTable } from "../../gateway/cloud/embedded/drivers/process-table.ts";
import type { Vm } from "../../gateway/cloud/model.ts";
import { systemClock } from "../../shared/clock.ts";
import {
  livingStat,
  marksOf,
  type ProcessStat,
  parseStat,
  readStat,
} from "../../shared/guests/process-proc.ts";
import { LCM_STATE } from "../../shared/states/lcm.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import type { Template } from "../../shared/template/types.ts";

const linux = process.platform === "linux";
const root = process.getuid?.() === 0;
const UID_BASE = 210_000;

let base = "";
const drivers: Driver[] = [];
let nextId = 1;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "gatehouse-process-"));
  // Guests with their own uid pass through it to their files.
  chmodSync(base, 0o711);
});

afterEach(async () => {
  await Promise.all(drivers.splice(0).map((driver) => driver.close()));
});

afterAll(async () => {
  const rows = await new ProcessTable().read();
  const strays = rows.filter(({ contextDir }) => contextDir?.startsWith(base));
  for (const { pid } of strays) process.kill(pid, "SIGKILL");
  rmSync(base, { recursive: true, force: true });
  expect(strays).toEqual([]);
});

interface Setup {
  readonly driver: Driver;
  readonly runDir: string;
  readonly options: ProcessDriverOptions;
  readonly exits: [number, string][];
}

function setup(changes: Partial<ProcessDriverOptions> = {}): Setup {
  const options: ProcessDriverOptions = {
    clock: systemClock,
    runDir: mkdtempSync(join(base, "run-")),
    uidBase: UID_BASE,
    enabled: true,
    refusalReason: "Not enabled.",
    trustedUids: new Set([0, 2]),
    graceMs: 5000,
    ...changes,
  };
  return { ...another(options), runDir: options.runDir, options };
}

function another(options: ProcessDriverOptions): Pick<Setup, "driver" | "exits"> {
  const driver = processDriver(options);
  const exits: [number, string][] = [];
  driver.onExit((vmId, reason) => exits.push([vmId, reason]));
  drivers.push(driver);
  return { driver, exits };
}

function newVm(template: Template = {}): Vm {
  nextId += 1;
  return {
    id: nextId,
    version: 1,
    name: `vm-${nextId}`,
    uid: 2,
    gid: 1,
    uname: "alice",
    gname: "users",
    mode: 0o600,
    state: VM_STATE.ACTIVE,
    lcmState: LCM_STATE.BOOT,
    prevState: 0,
    prevLcmState: 0,
    resched: false,
    stime: 1,
    etime: 0,
    lastPoll: 0,
    deployId: "",
    template: { CREATED_BY: "2", ...template },
    userTemplate: {},
    monitoring: {},
    history: [],
    snapshots: [],
  };
}

function script(text: string, more: Record<string, string> = {}): ContextFiles {
  return contextFiles({ context: { ...more, START_SCRIPT: text }, token: "dG9rZW4=" });
}

const idle = contextFiles({ context: {}, token: undefined });

function pidOf(deployId: string): number {
  return Number(deployId.split(":")[1]);
}

/** What the guest wrote into a file of its home, once it is there and not empty. */
function written(runDir: string, vm: Vm, name: string): Promise<string> {
  return vi.waitFor(
    () => {
      const text = readFileSync(join(runDir, String(vm.id), "home", name), "utf8");
      expect(text).not.toBe("");
      return text;
    },
    { timeout: 10_000, interval: 20 },
  );
}

/** A detached child once it leads its session. */
function leaderOf(child: ChildProcess): Promise<ProcessStat> {
  return vi.waitFor(() => {
    const stat = readStat(child.pid ?? 0);
    if (stat === undefined || stat.sessionId !== child.pid) throw new Error("not yet a leader");
    return stat;
  });
}

function until(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 15_000, interval: 20 });
}

/** A script that writes a whole file at once, so that no reader finds it half done. */
const marker = (name: string, text: string): string =>
  `printf %s "${text}" >${name}.new && mv ${name}.new ${name}`;

/** Stays alive where SIGTERM is not for it. */
const STUBBORN = `trap '' TERM; ${marker("ready", "yes")}; while :; do sleep 1; done`;

describe.runIf(linux)("a guest of the process driver", () => {
  it("runs its start script, finds its context, and stays up after it", async () => {
    const { driver, runDir } = setup();
    const vm = newVm();
    const context = contextFiles({
      context: {
        TOKEN: "YES",
        VMID: String(vm.id),
        QUOTED: "it's $HOME",
        START_SCRIPT: `. "$CONTEXT_DIR/context.sh"; ${marker("seen", "$QUOTED|$(cat $CONTEXT_DIR/token.txt)|$TOKENTXT|$PWD")}`,
      },
      token: "dG9rZW4=",
    });
    const deployId = await driver.deploy(vm, context);
    expect(deployId).toMatch(/^process:\d+:\d+$/);
    expect(await written(runDir, vm, "seen")).toBe(
      `it's $HOME|dG9rZW4=|dG9rZW4=|${join(runDir, String(vm.id), "home")}`,
    );
    expect(await driver.status(vm)).toBe("running");
    await driver.shutdown(vm, false);
    expect(await driver.status(vm)).toBe("gone");
    await driver.cleanup(vm);
    expect(existsSync(join(runDir, String(vm.id)))).toBe(false);
  });

  it("runs a base64 script under its own shebang", async () => {
    const { driver, runDir } = setup();
    const vm = newVm();
    const text = `#!/bin/sh -u\n${marker("flags", "$-")}`;
    const context = { START_SCRIPT_BASE64: Buffer.from(text).toString("base64") };
    await driver.deploy(vm, contextFiles({ context, token: undefined }));
    expect(await written(runDir, vm, "flags")).toContain("u");
    await expect(
      driver.deploy(newVm(), contextFiles({ context: { START_SCRIPT_BASE64: "?!" }, token: undefined })),
    ).rejects.toThrow("CONTEXT/START_SCRIPT_BASE64 is not base64 text.");
  });

  it("has nothing of the server's environment", async () => {
    vi.stubEnv("GATEHOUSE_TEST_SECRET", "hunter2");
    const { driver, runDir } = setup();
    const vm = newVm();
    await driver.deploy(
      vm,
      script("env >env.new && mv env.new env", { GREETING: "hi", PATH: "/evil", BIG: "x".repeat(200_000) }),
    );
    const names = (await written(runDir, vm, "env")).split("\n").map((line) => line.split("=")[0]);
    vi.unstubAllEnvs();
    expect(names.filter((name) => name !== "" && name !== "_").sort()).toEqual(
      ["CONTEXT_DIR", "GREETING", "HOME", "LANG", "OLDPWD", "PATH", "PWD", "START_SCRIPT", "TMPDIR"].filter(
        (name) => name !== "OLDPWD" || names.includes("OLDPWD"),
      ),
    );
    expect(await written(runDir, vm, "env")).not.toContain("/evil");
  });

  it("is deployed once, however often it is asked for", async () => {
    const { driver } = setup();
    const vm = newVm();
    const [first, second] = await Promise.all([driver.deploy(vm, idle), driver.deploy(vm, idle)]);
    expect(second).toBe(first);
    expect(await driver.deploy({ ...vm, deployId: first }, idle)).toBe(first);
  });

  it("may end in its own time when asked to", async () => {
    const { driver, runDir, exits } = setup();
    const vm = newVm();
    await driver.deploy(
      vm,
      script(
        `trap '${marker("farewell", "bye")}; exit 0' TERM; ${marker("ready", "yes")}; while :; do sleep 0.1; done`,
      ),
    );
    await written(runDir, vm, "ready");
    await driver.shutdown(vm, false);
    expect(readFileSync(join(runDir, String(vm.id), "home", "farewell"), "utf8")).toBe("bye");
    expect(exits).toEqual([]);
    await driver.shutdown(vm, false);
  });

  it("may do so even when it was stopped", async () => {
    const { driver, runDir } = setup();
    const vm = newVm();
    await driver.deploy(
      vm,
      script(
        `trap '${marker("farewell", "bye")}; exit 0' TERM; ${marker("ready", "yes")}; while :; do sleep 0.1; done`,
      ),
    );
    await written(runDir, vm, "ready");
    await driver.suspend(vm);
    await driver.shutdown(vm, false);
    expect(await written(runDir, vm, "farewell")).toBe("bye");
  });

  it("is killed when it does not end within its grace", async () => {
    const { driver, runDir, exits } = setup({ graceMs: 100 });
    const vm = newVm();
    const pid = pidOf(await driver.deploy(vm, script(STUBBORN)));
    await written(runDir, vm, "ready");
    await driver.shutdown(vm, false);
    expect(readStat(pid)?.state ?? "gone").toMatch(/^(gone|Z|X)$/);
    expect(exits).toEqual([]);
  });

  it("is killed at once when that is asked", async () => {
    const { driver, runDir } = setup({ graceMs: 1_000_000 });
    const vm = newVm();
    await driver.deploy(vm, script(STUBBORN));
    await written(runDir, vm, "ready");
    await driver.shutdown(vm, true);
    expect(await driver.status(vm)).toBe("gone");
  });

  it("takes along what left its session", async () => {
    const { driver, runDir } = setup();
    const vm = newVm();
    await driver.deploy(
      vm,
      script(`setsid sh -c 'trap "" HUP; ${marker("daemon", "$$")}; while :; do sleep 1; done' &`),
    );
    const daemon = Number(await written(runDir, vm, "daemon"));
    expect(readStat(daemon)?.sessionId).toBe(daemon);
    await driver.suspend(vm);
    expect(readStat(daemon)?.state).toBe("T");
    await driver.resume(vm);
    await driver.shutdown(vm, false);
    expect(readStat(daemon)?.state ?? "gone").toMatch(/^(gone|Z|X)$/);
  });

  it("stops and goes on in place", async () => {
    const { driver, runDir } = setup();
    const vm = newVm();
    const pid = pidOf(await driver.deploy(vm, script(`sleep 600 & ${marker("child", "$!")}`)));
    const child = Number(await written(runDir, vm, "child"));
    await driver.suspend(vm);
    expect([readStat(pid)?.state, readStat(child)?.state]).toEqual(["T", "T"]);
    expect(await driver.status(vm)).toBe("paused");
    await driver.resume(vm);
    await until(() => expect([readStat(pid)?.state, readStat(child)?.state]).toEqual(["S", "S"]));
    expect(await driver.status(vm)).toBe("running");
    await driver.shutdown(vm, false);
    await expect(driver.resume(vm)).rejects.toThrow(`The guest of virtual machine [${vm.id}] does not run.`);
  });

  it("reboots into a new process with a new context, keeping its home", async () => {
    const { driver, runDir, exits } = setup();
    const vm = newVm();
    const deployId = await driver.deploy(vm, script(marker("first", "$ROUND"), { ROUND: "1" }));
    await written(runDir, vm, "first");
    await driver.reboot({ ...vm, deployId }, false, script(marker("second", "$ROUND"), { ROUND: "2" }));
    expect(await written(runDir, vm, "second")).toBe("2");
    expect(await written(runDir, vm, "first")).toBe("1");
    expect(await driver.status({ ...vm, deployId })).toBe("running");
    expect(await driver.deploy({ ...vm, deployId }, idle)).not.toBe(deployId);
    expect(exits).toEqual([]);
  });

  it.each([
    ["exit 3", "The start script ended with exit code 3."],
    ["kill -9 $$", "The start script was killed by SIGKILL."],
    ["kill -9 $PPID", "The guest was killed by SIGKILL."],
  ])("that ends by '%s' is told once, and leaves nothing running", async (text, reason) => {
    const { driver, runDir, exits } = setup();
    const vm = newVm();
    await driver.deploy(vm, script(`sleep 600 & ${marker("child", "$!")}; ${text}`));
    const child = Number(await written(runDir, vm, "child"));
    await until(() => expect(exits).toEqual([[vm.id, reason]]));
    expect(readStat(child)?.state ?? "gone").toMatch(/^(gone|Z|X)$/);
    expect(await driver.status(vm)).toBe("gone");
    await driver.deploy(vm, idle);
    expect(await driver.status(vm)).toBe("running");
    expect(exits).toHaveLength(1);
  });

  it("that ends as soon as it began is told, too", async () => {
    const { driver, exits } = setup();
    const vms = Array.from({ length: 10 }, () => newVm());
    await Promise.all(vms.map((vm) => driver.deploy(vm, script("exit 4"))));
    await until(() => expect(exits).toHaveLength(vms.length));
    expect(new Set(exits.map(([, reason]) => reason))).toEqual(
      new Set(["The start script ended with exit code 4."]),
    );
  });

  it("cannot fill the disk with its log", async () => {
    const { driver, runDir } = setup({ maxLogBytes: 10_000 });
    const vm = newVm();
    const log = join(runDir, String(vm.id), "log");
    await driver.deploy(
      vm,
      script(
        `i=0; while [ $i -lt 3000 ]; do echo "line $i of the log"; i=$((i+1)); done; ${marker("done", "yes")}`,
      ),
    );
    await written(runDir, vm, "done");
    await until(() => expect(statSync(log).size).toBeLessThanOrEqual(10_000));
    expect(statSync(`${log}.old`).size).toBeLessThanOrEqual(5000);
    expect(readFileSync(`${log}.old`, "utf8")).toMatch(/line 2999 of the log\n$/);
  });
});

describe.runIf(linux)("a process driver that comes after another", () => {
  /** A server of its own, which deploys one VM and prints its deployment id. */
  async function serverWith(
    vm: Vm,
    context: ContextFiles,
    options: ProcessDriverOptions,
  ): Promise<{ server: ChildProcess; deployId: string }> {
    const module = new URL("../../gateway/cloud/embedded/drivers/process.ts", import.meta.url).href;
    const clock = new URL("../../shared/clock.ts", import.meta.url).href;
    const plain = { ...options, clock: undefined, trustedUids: [...options.trustedUids] };
    const text = `
      import { processDriver } from ${JSON.stringify(module)};
      import { systemClock } from ${JSON.stringify(clock)};
      const options = ${JSON.stringify(plain)};
      const driver = processDriver({ ...options, clock: systemClock, trustedUids: new Set(options.trustedUids) });
      console.log(await driver.deploy(${JSON.stringify(vm)}, ${JSON.stringify(context)}));
      process.stdin.resume();
    `;
    const server = spawn(process.execPath, ["--input-type=module", "-e", text], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const [line] = await once(server.stdout, "data");
    return { server, deployId: String(line).trim() };
  }

  it("adopts a guest whose server was killed, and sees it end", async () => {
    const { driver, exits, options, runDir } = setup();
    const vm = newVm();
    const { server, deployId } = await serverWith(vm, script(marker("boots", "one")), options);
    server.kill("SIGKILL");
    await once(server, "exit");
    await written(runDir, vm, "boots");
    const known = { ...vm, deployId };
    expect(await driver.status(known)).toBe("running");
    expect(await driver.deploy(known, idle)).toBe(deployId);
    process.kill(pidOf(deployId), "SIGKILL");
    await until(() => expect(exits).toEqual([[vm.id, expect.stringContaining("The guest ended")]]));
    expect(await driver.status(known)).toBe("gone");
  });

  it("does not start a guest again whose DEPLOY_ID was never recorded", async () => {
    const { driver, options } = setup();
    const vm = newVm();
    const { server, deployId } = await serverWith(vm, idle, options);
    server.kill("SIGKILL");
    await once(server, "exit");
    expect(await driver.deploy({ ...vm, deployId: "" }, idle)).toBe(deployId);
  });

  it("finds a guest by its DEPLOY_ID when its note is lost, but no stranger", async () => {
    const { driver, options, runDir } = setup();
    const vm = newVm();
    const deployId = await driver.deploy(vm, idle);
    rmSync(join(runDir, String(vm.id), "guest.json"));
    const { driver: second } = another(options);
    expect(await second.status({ ...vm, deployId })).toBe("running");

    const stranger = spawn("sleep", ["600"], { detached: true, stdio: "ignore" });
    try {
      const stat = await leaderOf(stranger);
      const claimed = { ...newVm(), deployId: `process:${stat.pid}:${stat.startTicks}` };
      expect(await second.status(claimed)).toBe("gone");
      await second.shutdown(claimed, true);
      expect(livingStat(stat)).toBeDefined();
    } finally {
      stranger.kill("SIGKILL");
    }
  });

  it("tells a guest from another process that has its pid by now", async () => {
    const { driver, runDir, options } = setup();
    const [vm, holder] = [newVm(), newVm()];
    await driver.deploy(vm, idle);
    await driver.shutdown(vm, true);
    const deployId = await driver.deploy(holder, idle);
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const note = { pid: pidOf(deployId), startTicks: 1, bootId };
    writeFileSync(join(runDir, String(vm.id), "guest.json"), JSON.stringify(note));
    const { driver: second } = another(options);
    expect(await second.status(vm)).toBe("gone");
    await second.shutdown(vm, true);
    expect(await second.status(holder)).toBe("running");
  });

  it("does not take a process of an earlier run of the machine for its guest", async () => {
    const { driver, options, runDir } = setup();
    const vm = newVm();
    const deployId = await driver.deploy(vm, idle);
    const path = join(runDir, String(vm.id), "guest.json");
    const note = readFileSync(path, "utf8");
    writeFileSync(path, note.replace(/"bootId":"[^"]*"/, '"bootId":"another"'));
    const { driver: second } = another(options);
    expect(await second.status({ ...vm, deployId })).toBe("gone");
    writeFileSync(path, note);
    expect(await second.status({ ...vm, deployId })).toBe("running");
  });

  it("ends the guests of an earlier one when it closes, and starts no more", async () => {
    const { driver, options, runDir } = setup();
    const vm = newVm();
    const { server, deployId } = await serverWith(
      vm,
      script(`sleep 600 & ${marker("child", "$!")}`),
      options,
    );
    server.kill("SIGKILL");
    await once(server, "exit");
    const child = Number(await written(runDir, vm, "child"));
    await driver.close();
    for (const pid of [pidOf(deployId), child])
      expect(readStat(pid)?.state ?? "gone").toMatch(/^(gone|Z|X)$/);
    await expect(driver.deploy(vm, idle)).rejects.toThrow("No guest is started while the house closes.");
  });

  it("sees its guests out before its process ends, though nothing else keeps that alive", async () => {
    const { options, runDir } = setup();
    const vm = newVm();
    const { server, deployId } = await serverWith(vm, script(STUBBORN), { ...options, graceMs: 60 });
    await written(runDir, vm, "ready");
    server.kill("SIGKILL");
    await once(server, "exit");
    const closer = new URL("../../gateway/cloud/embedded/drivers/process.ts", import.meta.url).href;
    const clock = new URL("../../shared/clock.ts", import.meta.url).href;
    const text = `
      import { processDriver } from ${JSON.stringify(closer)};
      import { systemClock } from ${JSON.stringify(clock)};
      const options = ${JSON.stringify({ ...options, graceMs: 60, clock: undefined, trustedUids: [] })};
      await processDriver({ ...options, clock: systemClock, trustedUids: new Set() }).close();
    `;
    const closing = spawn(process.execPath, ["--input-type=module", "-e", text], { stdio: "inherit" });
    expect(await once(closing, "exit")).toEqual([0, null]);
    expect(readStat(pidOf(deployId))?.state ?? "gone").toMatch(/^(gone|Z|X)$/);
  });
});

describe.runIf(linux)("the process driver's refusals", () => {
  it("says why it will not run a VM, and does not", async () => {
    const { driver, options } = setup();
    expect(driver.refusal(newVm())).toBeUndefined();
    expect(driver.refusal(newVm({ TEMPLATE_UID: "0" }))).toBeUndefined();
    expect(driver.refusal(newVm({ CREATED_BY: "3" }))).toMatch(
      /its creator is user \[3\], who is not trusted/,
    );
    expect(driver.refusal(newVm({ CREATED_BY: ["3", "2"] }))).toMatch(/user \[3\]/);
    expect(driver.refusal(newVm({ TEMPLATE_UID: "3" }))).toMatch(/the owner of its template is user \[3\]/);
    const { CREATED_BY: _creator, ...unknown } = newVm().template;
    expect(driver.refusal({ ...newVm(), template: unknown })).toMatch(/its creator .* is not known/);
    const { driver: off } = another({ ...options, enabled: false });
    expect(off.refusal(newVm())).toBe("Not enabled.");
    await expect(off.deploy(newVm(), idle)).rejects.toThrow("Not enabled.");
  });
});

describe.runIf(linux && root)("a guest of a server that is root", () => {
  it("has its own uid and no group, and reads neither the home nor another guest's files", async () => {
    const { driver, runDir } = setup();
    const home = join(base, "house");
    mkdirSync(home, { mode: 0o700 });
    writeFileSync(join(home, "secret"), "for the house only", { mode: 0o644 });
    const [victim, spy] = [newVm(), newVm()];
    await driver.deploy(victim, script(marker("mine", "private"), { TOKEN: "YES" }));
    await written(runDir, victim, "mine");
    const other = join(runDir, String(victim.id));
    const targets = [
      join(home, "secret"),
      join(other, "home", "mine"),
      join(other, "context", "token.txt"),
      join(other, "log"),
      join(other, "guest.json"),
    ];
    const attempts = targets.map((path) => `cat ${path} && echo LEAK >>leaks`).join("\n");
    const pid = pidOf(
      await driver.deploy(
        spy,
        script(`${attempts}\nln -s /etc/passwd ../log2\n${marker("who", "$(id -u):$(id -G)")}`),
      ),
    );
    const uid = UID_BASE + spy.id;
    expect(await written(runDir, spy, "who")).toBe(`${uid}:${uid}`);
    expect(marksOf(pid).uids).toEqual([uid, uid, uid]);
    const modes = ["", "context", "home", "tmp"].map((name) => statSync(join(other, name)).mode & 0o777);
    expect(modes).toEqual([0o710, 0o750, 0o700, 0o700]);
    expect(existsSync(join(runDir, String(spy.id), "home", "leaks"))).toBe(false);
    expect(existsSync(join(runDir, String(spy.id), "log2"))).toBe(false);
    const log = readFileSync(join(runDir, String(spy.id), "log"), "utf8");
    expect(log.match(/Permission denied/g)?.length).toBeGreaterThanOrEqual(targets.length);
  });

  it("is not started under a uid that another VM has", async () => {
    const { driver } = setup();
    const vm = newVm();
    await driver.deploy(vm, idle);
    const rival = { ...newVm(), id: vm.id + 65_536 };
    await expect(driver.deploy(rival, idle)).rejects.toThrow(`would share uid ${UID_BASE + vm.id}`);
  });

  it("is left alone by another house that has a VM of the same id, in a range of uids of its own", async () => {
    const [one, other] = [setup(), setup({ uidBase: UID_BASE + 65_536 })];
    const vm = newVm();
    const daemon = script(`setsid sh -c '${marker("daemon", "$$")}; exec sleep 600' &`);
    const daemons: number[] = [];
    for (const { driver, runDir } of [one, other]) {
      await driver.deploy(vm, daemon);
      daemons.push(Number(await written(runDir, vm, "daemon")));
    }
    await one.driver.shutdown(vm, true);
    expect(daemons.map((pid) => (readStat(pid)?.state ?? "Z") === "Z")).toEqual([true, false]);
    expect(await other.driver.status(vm)).toBe("running");
    await one.driver.deploy(vm, idle);
    await one.driver.cleanup(vm);
    expect(await other.driver.status(vm)).toBe("running");
    expect(readStat(daemons[1] ?? 0)?.state ?? "Z").not.toBe("Z");
  });

  it("cannot hide from its end behind another CONTEXT_DIR", async () => {
    const { driver, runDir } = setup();
    const vm = newVm();
    const shared = join(base, "shared");
    mkdirSync(shared);
    chmodSync(shared, 0o1777);
    const fake = `mkdir -p ${shared}/context; ln -s /etc/passwd ${shared}/guest.json; export CONTEXT_DIR=${shared}/context`;
    await driver.deploy(vm, script(`${fake}; setsid sh -c '${marker("daemon", "$$")}; exec sleep 600' &`));
    const daemon = Number(await written(runDir, vm, "daemon"));
    await driver.shutdown(vm, false);
    expect(readStat(daemon)?.state ?? "gone").toMatch(/^(gone|Z|X)$/);
  });

  it("is not started where it could not reach its files", async () => {
    const closed = join(base, "closed");
    mkdirSync(closed, { mode: 0o700 });
    const { driver } = setup({ runDir: join(closed, "run") });
    await expect(driver.deploy(newVm(), idle)).rejects.toThrow(`${closed} needs mode o+x`);
  });

  it("may run as the server's user where no uids are set apart", async () => {
    const { driver, runDir } = setup({ uidBase: undefined });
    const vm = newVm();
    const pid = pidOf(
      await driver.deploy(vm, script(`setsid sh -c '${marker("daemon", "$$")}; sleep 600' &`)),
    );
    const daemon = Number(await written(runDir, vm, "daemon"));
    expect(marksOf(pid).uids).toContain(0);
    expect(marksOf(daemon).contextDir).toBe(join(runDir, String(vm.id), "context"));
    await driver.shutdown(vm, false);
    expect(readStat(daemon)?.state ?? "gone").toMatch(/^(gone|Z|X)$/);
  });
});

describe("parseStat", () => {
  it("reads past commands with blanks and parentheses", () => {
    const text = `42 (a) b (c) S 1 42 43 0 -1 4194560 ${"0 ".repeat(12)}987654 0 0`;
    expect(parseStat(text)).toEqual({
      pid: 42,
      state: "S",
      parentPid: 1,
      groupId: 42,
      sessionId: 43,
      startTicks: 987_654,
    });
    expect(parseStat("")).toBeUndefined();
  });
});
