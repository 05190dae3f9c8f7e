/** The power button, with a QEMU that the test plays: what is said to it, and when one gives up. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { QemuMonitor } from "../../gateway/cloud/embedded/drivers/qemu-monitor.ts";
import { powerOff } from "../../gateway/cloud/embedded/drivers/qemu-power.ts";
import { systemClock } from "../../shared/clock.ts";
import { readStat } from "../../shared/guests/process-proc.ts";
import { answers, type QmpServer, qmpServer } from "../support/qmp-server.ts";

/** Far longer than a test may take: whoever waits for it fails. */
const GRACE_MS = 600_000;

let server: QmpServer | undefined;
let child: ChildProcess | undefined;

afterEach(async () => {
  child?.kill("SIGKILL");
  await server?.close();
});

/** A process that ends when its QEMU is told `endsAt`; its guest fares so, as long as nobody says otherwise. */
async function played(status: string, endsAt: string, onButton: () => void = () => {}) {
  const played = spawn("sleep", ["600"], { stdio: "ignore" });
  child = played;
  await once(played, "spawn");
  const stat = readStat(played.pid ?? 0);
  const ended = once(played, "exit");
  const qmp = answers({ "query-status": { status, running: status === "running" }, cont: {} });
  server = await qmpServer({
    reply(command, id, socket) {
      if (command === "system_powerdown") onButton();
      if (command === endsAt) played.kill("SIGKILL");
      return qmp.reply?.(["system_powerdown", "quit"].includes(command) ? "cont" : command, id, socket);
    },
  });
  const process = { pid: stat?.pid ?? 0, startTicks: stat?.startTicks ?? 0 };
  return { guest: { vmId: 1, socket: server.path, process }, heard: server.heard, ended };
}

const monitor = new QemuMonitor(systemClock);
const told = (heard: readonly string[]) =>
  heard.filter((each) => !["qmp_capabilities", "query-status"].includes(each));

describe("the power button", () => {
  it("is pressed, and lets a guest that is paused go on first", async () => {
    const running = await played("running", "system_powerdown");
    const options = { monitor, clock: systemClock, graceMs: GRACE_MS, hasPanicked: () => false };
    expect(await powerOff(running.guest, options)).toBe("left");
    expect(told(running.heard)).toEqual(["system_powerdown"]);
    await server?.close();
    const paused = await played("paused", "system_powerdown");
    expect(await powerOff(paused.guest, options)).toBe("left");
    expect(told(paused.heard)).toEqual(["cont", "system_powerdown"]);
  });

  it("is left alone when the guest panicked before, and the plug is pulled at once", async () => {
    const { guest, heard } = await played("guest-panicked", "quit");
    const options = { monitor, clock: systemClock, graceMs: GRACE_MS, hasPanicked: () => false };
    expect(await powerOff(guest, options)).toBe("panicked");
    expect(told(heard)).toEqual(["quit"]);
  });

  it("gives way to the plug as soon as the guest is heard to panic on its way down", async () => {
    let hasPanicked = false;
    const { guest, heard } = await played("running", "quit", () => {
      hasPanicked = true;
    });
    const options = { monitor, clock: systemClock, graceMs: GRACE_MS, hasPanicked: () => hasPanicked };
    expect(await powerOff(guest, options)).toBe("panicked");
    expect(told(heard)).toEqual(["system_powerdown", "quit"]);
  });

  it("gives way to the plug when the grace is over", async () => {
    const { guest, heard } = await played("running", "quit");
    const options = { monitor, clock: systemClock, graceMs: 100, hasPanicked: () => false };
    expect(await powerOff(guest, options)).toBe("stayed");
    expect(told(heard)).toEqual(["system_powerdown", "quit"]);
  });
});
