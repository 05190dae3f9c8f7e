/** What becomes of a guest of the process driver, from its start to its end. */

import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { contextFiles } from "../../gateway/cloud/embedded/context/context-files.ts";
import { readStat } from "../../shared/guests/process-proc.ts";
import {
  idle,
  marker,
  pidOf,
  STUBBORN,
  script,
  until,
  useProcessDrivers,
  written,
} from "../support/process-drivers.ts";

const linux = process.platform === "linux";
const drivers = useProcessDrivers(210_000);

describe.runIf(linux)("a guest of the process driver", () => {
  it("runs its start script, finds its context, and stays up after it", async () => {
    const { driver, runDir } = drivers.setup();
    const vm = drivers.newVm();
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
    const { driver, runDir } = drivers.setup();
    const vm = drivers.newVm();
    const text = `#!/bin/sh -u\n${marker("flags", "$-")}`;
    const context = { START_SCRIPT_BASE64: Buffer.from(text).toString("base64") };
    await driver.deploy(vm, contextFiles({ context, token: undefined }));
    expect(await written(runDir, vm, "flags")).toContain("u");
    await expect(
      driver.deploy(
        drivers.newVm(),
        contextFiles({ context: { START_SCRIPT_BASE64: "?!" }, token: undefined }),
      ),
    ).rejects.toThrow("CONTEXT/START_SCRIPT_BASE64 is not base64 text.");
  });

  it("has nothing of the server's environment", async () => {
    vi.stubEnv("GATEHOUSE_TEST_SECRET", "hunter2");
    const { driver, runDir } = drivers.setup();
    const vm = drivers.newVm();
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
    const { driver } = drivers.setup();
    const vm = drivers.newVm();
    const [first, second] = await Promise.all([driver.deploy(vm, idle), driver.deploy(vm, idle)]);
    expect(second).toBe(first);
    expect(await driver.deploy({ ...vm, deployId: first }, idle)).toBe(first);
  });

  it("may end in its own time when asked to", async () => {
    const { driver, runDir, exits } = drivers.setup();
    const vm = drivers.newVm();
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
    const { driver, runDir } = drivers.setup();
    const vm = drivers.newVm();
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
    const { driver, runDir, exits } = drivers.setup({ graceMs: 100 });
    const vm = drivers.newVm();
    const pid = pidOf(await driver.deploy(vm, script(STUBBORN)));
    await written(runDir, vm, "ready");
    await driver.shutdown(vm, false);
    expect(readStat(pid)?.state ?? "gone").toMatch(/^(gone|Z|X)$/);
    expect(exits).toEqual([]);
  });

  it("is killed at once when that is asked", async () => {
    const { driver, runDir } = drivers.setup({ graceMs: 1_000_000 });
    const vm = drivers.newVm();
    await driver.deploy(vm, script(STUBBORN));
    await written(runDir, vm, "ready");
    await driver.shutdown(vm, true);
    expect(await driver.status(vm)).toBe("gone");
  });

  it("takes along what left its session", async () => {
    const { driver, runDir } = drivers.setup();
    const vm = drivers.newVm();
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
    const { driver, runDir } = drivers.setup();
    const vm = drivers.newVm();
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
    const { driver, runDir, exits } = drivers.setup();
    const vm = drivers.newVm();
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
    const { driver, runDir, exits } = drivers.setup();
    const vm = drivers.newVm();
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
    const { driver, exits } = drivers.setup();
    const vms = Array.from({ length: 10 }, () => drivers.newVm());
    await Promise.all(vms.map((vm) => driver.deploy(vm, script("exit 4"))));
    await until(() => expect(exits).toHaveLength(vms.length));
    expect(new Set(exits.map(([, reason]) => reason))).toEqual(
      new Set(["The start script ended with exit code 4."]),
    );
  });

  it("cannot fill the disk with its log", async () => {
    const { driver, runDir } = drivers.setup({ maxLogBytes: 10_000 });
    const vm = drivers.newVm();
    const log = join(runDir, String(vm.id), "log");
    await driver.deploy(
      vm,
      script(
        // In one piece, so that all of it is in the log whenever that is looked at.
        `i=0; while [ $i -lt 3000 ]; do echo "line $i of the log"; i=$((i+1)); done >lines; cat lines; ${marker("done", "yes")}`,
      ),
    );
    await written(runDir, vm, "done");
    await until(() => expect(statSync(log).size).toBeLessThanOrEqual(10_000));
    expect(statSync(`${log}.old`).size).toBeLessThanOrEqual(5000);
    expect(readFileSync(`${log}.old`, "utf8")).toMatch(/line 2999 of the log\n$/);
  });
});
