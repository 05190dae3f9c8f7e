/** A process driver finds the guests of an earlier one again. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ContextFiles } from "../../gateway/cloud/embedded/driver.ts";
import type { ProcessDriverOptions } from "../../gateway/cloud/embedded/drivers/process.ts";
import type { Vm } from "../../gateway/cloud/model.ts";
import { livingStat, readStat } from "../../shared/guests/process-proc.ts";
import {
  idle,
  leaderOf,
  marker,
  pidOf,
  STUBBORN,
  script,
  until,
  useProcessDrivers,
  written,
} from "../support/process-drivers.ts";

const linux = process.platform === "linux";
const drivers = useProcessDrivers(280_000);

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
    const { driver, exits, options, runDir } = drivers.setup();
    const vm = drivers.newVm();
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
    const { driver, options } = drivers.setup();
    const vm = drivers.newVm();
    const { server, deployId } = await serverWith(vm, idle, options);
    server.kill("SIGKILL");
    await once(server, "exit");
    expect(await driver.deploy({ ...vm, deployId: "" }, idle)).toBe(deployId);
  });

  it("finds a guest by its DEPLOY_ID when its note is lost, but no stranger", async () => {
    const { driver, options, runDir } = drivers.setup();
    const vm = drivers.newVm();
    const deployId = await driver.deploy(vm, idle);
    rmSync(join(runDir, String(vm.id), "guest.json"));
    const { driver: second } = drivers.another(options);
    expect(await second.status({ ...vm, deployId })).toBe("running");

    const stranger = spawn("sleep", ["600"], { detached: true, stdio: "ignore" });
    try {
      const stat = await leaderOf(stranger);
      const claimed = { ...drivers.newVm(), deployId: `process:${stat.pid}:${stat.startTicks}` };
      expect(await second.status(claimed)).toBe("gone");
      await second.shutdown(claimed, true);
      expect(livingStat(stat)).toBeDefined();
    } finally {
      stranger.kill("SIGKILL");
    }
  });

  it("tells a guest from another process that has its pid by now", async () => {
    const { driver, runDir, options } = drivers.setup();
    const [vm, holder] = [drivers.newVm(), drivers.newVm()];
    await driver.deploy(vm, idle);
    await driver.shutdown(vm, true);
    const deployId = await driver.deploy(holder, idle);
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const note = { pid: pidOf(deployId), startTicks: 1, bootId };
    writeFileSync(join(runDir, String(vm.id), "guest.json"), JSON.stringify(note));
    const { driver: second } = drivers.another(options);
    expect(await second.status(vm)).toBe("gone");
    await second.shutdown(vm, true);
    expect(await second.status(holder)).toBe("running");
  });

  it("does not take a process of an earlier run of the machine for its guest", async () => {
    const { driver, options, runDir } = drivers.setup();
    const vm = drivers.newVm();
    const deployId = await driver.deploy(vm, idle);
    const path = join(runDir, String(vm.id), "guest.json");
    const note = readFileSync(path, "utf8");
    writeFileSync(path, note.replace(/"bootId":"[^"]*"/, '"bootId":"another"'));
    const { driver: second } = drivers.another(options);
    expect(await second.status({ ...vm, deployId })).toBe("gone");
    writeFileSync(path, note);
    expect(await second.status({ ...vm, deployId })).toBe("running");
  });

  it("ends the guests of an earlier one when it closes, and starts no more", async () => {
    const { driver, options, runDir } = drivers.setup();
    const vm = drivers.newVm();
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
    const { options, runDir } = drivers.setup();
    const vm = drivers.newVm();
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
