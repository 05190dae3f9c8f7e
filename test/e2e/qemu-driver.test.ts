/** The qemu driver with real QEMUs, without a house around it. */

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { QemuDriverOptions } from "../../gateway/cloud/embedded/drivers/qemu.ts";
import { readStat } from "../../shared/guests/process-proc.ts";
import { qemuWirePath } from "../../shared/guests/qemu-layout.ts";
import { LCM_STATE } from "../../shared/states/lcm.ts";
import { BOOT_TIMEOUT_MS, guestImage } from "../support/guest-image.ts";
import {
  GATEWAY,
  GUEST_IP,
  notedPid,
  type QemuBench,
  qemuBench,
  qemuContext,
  qemuVm,
} from "../support/qemu-driver.ts";

const image = await guestImage();
const asRoot = process.getuid?.() === 0;
const hasQemuImg = spawnSync("qemu-img", ["--version"]).status === 0;
if (!hasQemuImg) console.warn("qemu-img is not installed: disks over images are not tried.");
const hasBridges = asRoot && existsSync("/dev/net/tun") && canBridge();
if (!hasBridges)
  console.warn("This is not root, or root may not make bridges: guests on bridges are not tried.");
/** A guest's own user opens it on any usual machine; where only root does, QEMU has to be root. */
const openTun: Partial<QemuDriverOptions> =
  hasBridges && (statSync("/dev/net/tun").mode & 0o006) === 0o006 ? {} : { uidBase: undefined };
const idle = qemuContext("true");

function ip(...words: readonly string[]): number | null {
  return spawnSync("ip", [...words], { stdio: "ignore" }).status;
}

function canBridge(): boolean {
  const name = `ghtry${process.pid % 100_000}`;
  return ip("link", "add", name, "type", "bridge") === 0 && ip("link", "delete", name) === 0;
}

/** Does somebody hold the other end of QEMU's socket? (unix(7): state 03 of /proc/net/unix) */
function isLaid(path: string): boolean {
  const sockets = readFileSync("/proc/net/unix", "utf8").split("\n");
  return sockets.some((line) => line.endsWith(` ${path}`) && line.split(" ")[5] === "03");
}

let bench: QemuBench;

function make(changes: Partial<QemuDriverOptions> = {}): QemuBench {
  if (image === undefined) throw new Error("There is no image.");
  bench = qemuBench(image, changes);
  return bench;
}

function newVm(id: number, changes: Parameters<typeof qemuVm>[2] = {}) {
  if (image === undefined) throw new Error("There is no image.");
  return qemuVm(image, id, changes);
}

afterEach(() => bench?.remove());

describe.skipIf(image === undefined)("a guest of the qemu driver", { timeout: 3 * BOOT_TIMEOUT_MS }, () => {
  it("reaches OneGate and nothing else, goes on after stop where it was, keeps its disk, and leaves when asked", async () => {
    const onegate = createServer((request, response) => response.end(`${request.socket.remoteAddress}\n`));
    const secret = createServer((_, response) => response.end("a secret of the machine\n"));
    for (const server of [onegate, secret]) await once(server.listen(0, "127.0.0.1"), "listening");
    const portOf = ({ port }: AddressInfo) => port;
    const secretPort = portOf(secret.address() as AddressInfo);
    const endpoint = `http://127.0.0.1:${portOf(onegate.address() as AddressInfo)}`;
    const { driver, untilSaid, paths, exits } = make({ onegate: () => endpoint });
    const vm = newVm(1, { DISK: { DISK_ID: "0", SIZE: "1" } });
    const told = driver.endpointFor?.(vm, endpoint) ?? "";
    expect(told).toBe(`http://${GATEWAY}:5030`);
    const script = `
ask() { echo "ask $1:$2: $(printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 3 $1 $2 | tail -n 1)"; }
echo "disk: $(head -c 5 /dev/vda | tr -d '\\0')"
printf hello | dd of=/dev/vda conv=fsync 2>/dev/null
ask ${GATEWAY} 5030
ip route add 127.1.0.0/16 via ${GATEWAY}
for host in ${GATEWAY} 10.0.2.2 127.1.0.1; do ask $host ${secretPort}; done
echo asked
(while :; do n=$((\${n:-0} + 1)); echo "second $n"; sleep 1; done) &`;
    const context = qemuContext(script, { TOKEN: "YES" });
    try {
      const deployId = await driver.deploy(vm, context);
      expect(deployId).toBe(`qemu:${notedPid(paths(1))}:${deployId.split(":")[2]}`);
      const said = await untilSaid(1, /asked\r?\n[\s\S]*second 2/);
      expect(said).toContain(`ask ${GATEWAY}:5030: 127.64.0.1`);
      expect(said.match(/ask /g)).toHaveLength(4);
      expect(said).not.toContain("secret");
      expect(said).toMatch(/disk: \r?\n/);

      await driver.save?.(vm);
      expect(await driver.status(vm)).toBe("gone");
      expect(bench.pids()).toEqual([]);
      const seconds = Number(
        bench
          .console(1)
          .match(/second (\d+)/g)
          ?.at(-1)
          ?.slice(7),
      );
      await driver.deploy(vm, context);
      expect(existsSync(paths(1).memory)).toBe(false);
      await untilSaid(1, new RegExp(`second ${seconds + 1}\\b`));
      expect(bench.console(1).match(/second 1\r?\n/g)).toHaveLength(1);

      await driver.shutdown(vm, false);
      expect(bench.console(1)).toContain("guest: leaving: poweroff");
      await driver.deploy(vm, qemuContext('echo "disk: $(head -c 5 /dev/vda)"'));
      await untilSaid(1, /disk: hello/);
      await driver.cleanup({ ...vm, lcmState: LCM_STATE.EPILOG });
      expect(existsSync(paths(1).dir)).toBe(false);
      expect(exits).toEqual([]);
    } finally {
      onegate.close();
      secret.close();
    }
  });

  it("is started once, found again by the next house, and frozen and let go on by it", async () => {
    const { driver, paths, pids } = make();
    const vm = newVm(2);
    const both = await Promise.all([driver.deploy(vm, idle), driver.deploy(vm, idle)]);
    expect(both[0]).toBe(both[1]);
    const next = bench.another();
    expect(await next.deploy(vm, idle)).toBe(both[0]);
    expect(pids()).toEqual([notedPid(paths(2))]);
    await next.suspend(vm);
    expect(await next.status(vm)).toBe("paused");
    const third = bench.another();
    expect(await third.status(vm)).toBe("paused");
    await third.resume(vm);
    expect(await third.status(vm)).toBe("running");
    const pid = notedPid(paths(2));
    await third.reboot(vm, true, idle);
    expect(notedPid(paths(2))).toBe(pid);
    expect(await third.status(vm)).toBe("running");
    await third.shutdown(vm, true);
    expect(pids()).toEqual([]);
  });

  it("is not the process that has its number since the machine started anew", async () => {
    const { driver, paths, pids } = make();
    const vm = newVm(12);
    await driver.deploy(vm, idle);
    await driver.shutdown(vm, true);
    const startTicks = readStat(process.pid)?.startTicks;
    writeFileSync(
      paths(12).note,
      JSON.stringify({ pid: process.pid, startTicks, bootId: "another boot of this machine" }),
    );
    const next = bench.another();
    expect(await next.status({ ...vm, deployId: `qemu:${process.pid}:${startTicks}` })).toBe("gone");
    await next.shutdown(vm, true);
    await next.deploy(vm, idle);
    expect(pids()).toEqual([notedPid(paths(12))]);
  });

  it("is told of when its kernel panicked, also while no house was there, and what it has on disk is kept", async () => {
    const { driver, paths, untilSaid, pids } = make({ endsGuestsOnClose: false });
    const vm = newVm(13, { DISK: { DISK_ID: "0", SIZE: "1" } });
    const script = `until grep -q pvpanic /proc/modules; do usleep 50000; done
echo c >/proc/sysrq-trigger`;
    await driver.deploy(vm, qemuContext(script));
    await driver.close();
    await untilSaid(13, /Kernel panic - not syncing/);
    expect(pids()).toHaveLength(1);
    const next = bench.another();
    // Found so, it may be ended before it has answered.
    await next.status(vm);
    const sentence =
      /^The guest's kernel panicked; its console ended with "Kernel panic - not syncing: sysrq triggered crash"\.$/;
    await vi.waitFor(() => expect(bench.exits).toEqual([[13, expect.stringMatching(sentence)]]), 20_000);
    expect(pids()).toEqual([]);
    expect(await next.status(vm)).toBe("gone");
    expect(existsSync(join(paths(13).dir, "disk.0"))).toBe(true);
  });

  it("is shut down with the house, or runs on, as the operator says", async () => {
    const { driver, pids } = make({ graceMs: 0, endsGuestsOnClose: false });
    const vm = newVm(3);
    await driver.deploy(vm, idle);
    expect(driver.endsGuestsOnClose).toBe(false);
    await driver.close();
    expect(pids()).toHaveLength(1);
    const next = bench.another({ endsGuestsOnClose: true });
    await next.close();
    expect(pids()).toEqual([]);
    await expect(next.deploy(vm, idle)).rejects.toThrow("No guest is started while the house closes.");
  });

  it("tells why it ended: killed, or QEMU's own complaint", async () => {
    const { driver, paths, exits } = make();
    const vm = newVm(4);
    await driver.deploy(vm, idle);
    process.kill(notedPid(paths(4)) ?? 0, "SIGKILL");
    await vi.waitFor(() => expect(exits).toEqual([[4, "QEMU was killed by SIGKILL."]]), 10_000);
    expect(await driver.status(vm)).toBe("gone");
    writeFileSync(join(bench.root, "no-kernel"), "not a kernel");
    const broken = newVm(5, { OS: { KERNEL: join(bench.root, "no-kernel") } });
    await expect(driver.deploy(broken, idle)).rejects.toThrow(/^QEMU ended with code 1: .*kernel/);
    expect(bench.pids()).toEqual([]);
    expect(exits).toHaveLength(1);
  });

  it("ends without a grace when it does not listen, and QEMU with it", async () => {
    const { driver, pids } = make({ graceMs: 200 });
    const vm = newVm(6, { OS: { KERNEL: image?.kernel ?? "", KERNEL_CMD: "console=ttyS0" } });
    await driver.deploy(vm, idle);
    await driver.shutdown(vm, false);
    expect(pids()).toEqual([]);
    await driver.shutdown(vm, false);
    await driver.shutdown(vm, true);
  });

  it("goes on after stop with the interfaces it had, and reboots without the one that it loses meanwhile", async () => {
    const { driver, untilSaid, paths } = make();
    const nic = (id: number) => ({ NIC_ID: String(id), MAC: `02:00:0a:58:00:${10 + id}`, NETWORK_ID: "1" });
    const [vm, one, none] = [
      newVm(1, { NIC: [nic(0), nic(1)] }),
      newVm(1, { NIC: nic(0) }),
      newVm(1, { NIC: [] }),
    ];
    const laid = () => [0, 1].map((id) => isLaid(qemuWirePath(paths(1).dir, id)));
    const count = qemuContext(
      `(while :; do n=$((\${n:-0} + 1)); echo "second $n, $(ls /sys/class/net | grep -c eth)"; sleep 1; done) &`,
    );
    await driver.deploy(vm, count);
    await untilSaid(1, /second 2, 2/);
    driver.templateChanged?.(one);
    await driver.save?.(one);
    const saved = Number(/second (\d+)(?!.*second)/s.exec(bench.console(1))?.[1]);
    await driver.deploy(one, count);
    await untilSaid(1, new RegExp(`second ${saved + 1}, 2`));
    expect(laid()).toEqual([true, false]);

    const rebooted = driver.reboot(one, false, count);
    driver.templateChanged?.(none);
    await rebooted;
    await untilSaid(1, /second 2, 0/);
    expect(laid()).toEqual([false, false]);
    await driver.cleanup(none);
  });

  it("is as it was when its memory cannot be saved", async () => {
    const { driver } = make();
    const vm = newVm(7);
    await driver.deploy(vm, idle);
    // The memory of a guest is more than a VM with less of it may have saved.
    const small = { ...vm, template: { ...vm.template, MEMORY: "nonsense" } };
    await expect(driver.save?.(small)).rejects.toThrow("MEMORY is a whole number");
    expect(await driver.status(vm)).toBe("running");
    await driver.save?.(vm);
    expect(await driver.status(vm)).toBe("gone");
    await driver.save?.(vm);
    await driver.cleanup({ ...vm, lcmState: LCM_STATE.EPILOG_UNDEPLOY });
    expect(existsSync(bench.paths(7).memory)).toBe(false);
    expect(existsSync(bench.paths(7).dir)).toBe(true);
  });

  it.skipIf(!asRoot)("has a user of its own, and files that no other guest can read", async () => {
    const { driver, paths, options } = make();
    const vm = newVm(8, { DISK: { DISK_ID: "3", SIZE: "1" } });
    await driver.deploy(vm, qemuContext("true", { TOKEN: "YES" }));
    const uid = (options.uidBase ?? 0) + 8;
    const status = readFileSync(`/proc/${notedPid(paths(8))}/status`, "utf8");
    expect(status).toMatch(new RegExp(`^Uid:\\s+${uid}\\s+${uid}\\s+${uid}\\s+${uid}$`, "m"));
    expect(status).toMatch(/^Groups:\s*$/m);
    expect(status).toMatch(/^Seccomp:\s+2$/m);
    const mode = (path: string) => [statSync(path).uid, (statSync(path).mode & 0o7777).toString(8)];
    expect(mode(paths(8).dir)).toEqual([0, "1770"]);
    expect(mode(paths(8).context)).toEqual([uid, "600"]);
    expect(mode(join(paths(8).dir, "disk.3"))).toEqual([uid, "600"]);
    expect(mode(paths(8).note)).toEqual([0, "600"]);
    expect(mode(paths(8).log)).toEqual([0, "600"]);
  });

  it.skipIf(!asRoot)(
    "waits while this machine's disk is full, and goes on by itself when there is space",
    async ({ skip }) => {
      const { driver, options, troubles, untilSaid } = make();
      mkdirSync(options.runDir, { mode: 0o711 });
      const size = "size=6m,mode=711";
      const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", size, "tmpfs", options.runDir]).status === 0;
      skip(!mounted, "No file system of its own can be mounted.");
      const filler = join(options.runDir, "filler");
      try {
        writeFileSync(filler, Buffer.alloc(3 * 1024 * 1024));
        const script = "dd if=/dev/zero of=/dev/vda bs=65536 count=64 conv=fsync && echo all written";
        const vm = newVm(14, { DISK: { DISK_ID: "0", SIZE: "16" } });
        await driver.deploy(vm, qemuContext(script));
        const trouble = "a disk of it could not be written: there is no space left on this machine.";
        await vi.waitFor(
          () => expect(troubles).toContainEqual([14, `The guest waits, since ${trouble}`]),
          BOOT_TIMEOUT_MS,
        );
        expect(await driver.status(vm)).toBe("paused");
        rmSync(filler);
        await untilSaid(14, /all written/);
        await driver.shutdown(vm, true);
      } finally {
        for (const pid of bench.pids()) process.kill(pid, "SIGKILL");
        spawnSync("umount", ["-l", options.runDir]);
      }
    },
  );

  it.skipIf(!hasBridges)("stands on the bridge of its network where the operator says so", async () => {
    const bridge = `ghtest${process.pid % 100_000}`;
    const onegate = createServer((request, response) => response.end(`${request.socket.remoteAddress}\n`));
    ip("link", "add", bridge, "type", "bridge");
    try {
      ip("address", "add", `${GATEWAY}/24`, "dev", bridge);
      ip("link", "set", bridge, "up");
      await once(onegate.listen(0, GATEWAY), "listening");
      const { port } = onegate.address() as AddressInfo;
      const { driver, untilSaid } = make({ network: "bridge", ...openTun });
      const NIC = { NIC_ID: "0", MAC: "02:00:0a:58:00:0a", IP: GUEST_IP, BRIDGE: bridge, VN_MAD: "bridge" };
      const vm = newVm(11, { NIC });
      expect(driver.endpointFor?.(vm, `http://${GATEWAY}:${port}`)).toBe(`http://${GATEWAY}:${port}`);
      await driver.deploy(vm, qemuContext(`echo "onegate sees $(wget -qO- http://${GATEWAY}:${port}/)"`));
      await untilSaid(11, new RegExp(`onegate sees ${GUEST_IP}`));
      expect(existsSync("/sys/class/net/one-11-0")).toBe(true);
      await driver.shutdown(vm, true);
      expect(existsSync("/sys/class/net/one-11-0")).toBe(false);
    } finally {
      ip("link", "delete", bridge);
      onegate.close();
    }
  });

  it("writes an overlay, never the image, and images only where they may lie", async () => {
    const { driver, paths } = make();
    const base = join(bench.root, "base.raw");
    writeFileSync(base, Buffer.alloc(1024 * 1024, 7));
    chmodSync(base, 0o644);
    if (hasQemuImg) {
      await driver.deploy(newVm(9, { DISK: { DISK_ID: "0", IMAGE: "base.raw", SIZE: "4" } }), idle);
      const overlay = readFileSync(join(paths(9).dir, "disk.0"));
      expect(overlay.readUInt32BE(0)).toBe(0x514649fb);
      expect(overlay.readBigUInt64BE(24)).toBe(4n * 1024n * 1024n);
    }
    const elsewhere = newVm(10, { DISK: { DISK_ID: "0", SOURCE: "/etc/hostname" } });
    await expect(driver.deploy(elsewhere, idle)).rejects.toThrow("does not lie in an image directory");
    expect(bench.pids()).toHaveLength(hasQemuImg ? 1 : 0);
  });
});
