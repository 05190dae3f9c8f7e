/** A guest under a QEMU of the test's own: no driver between, so what it does is the guest's doing. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../shared/clock.ts";
import { askQmp, type QmpCommand } from "../../shared/guests/qmp.ts";
import { TEST_GUEST_KERNEL_COMMAND } from "../../shared/guests/test-guest.ts";
import { contextDisc } from "./context-disc.ts";
import { BOOT_TIMEOUT_MS, type GuestImage, QEMU } from "./guest-image.ts";

export interface BareMachine {
  /** What the guest's console has said. */
  said(): string;
  /** Once its console has said so. @throws Error when it ends before. */
  untilSaid(pattern: RegExp): Promise<void>;
  /** A command to QEMU's monitor. */
  command(command: QmpCommand): Promise<void>;
  /** Once QEMU has ended; its exit code, or the signal. */
  readonly ended: Promise<number | string>;
  kill(): Promise<void>;
}

export interface BareMachineOptions {
  readonly image: GuestImage;
  readonly scratch: string;
  /** Of the disc CONTEXT; undefined: there is no disc. */
  readonly files: Readonly<Record<string, string>> | undefined;
  readonly disc?: "ide" | "virtio";
  readonly more?: readonly string[];
}

export function bootBare(options: BareMachineOptions): BareMachine {
  const { image, scratch, files, disc = "ide", more = [] } = options;
  const socket = join(scratch, "qmp.sock");
  const iso = join(scratch, "context.iso");
  if (files !== undefined) writeFileSync(iso, contextDisc(files));
  const drive = [
    "-drive",
    `file=${iso},format=raw,readonly=on,if=${disc}${disc === "ide" ? ",media=cdrom" : ""}`,
  ];
  const child = spawn(QEMU, [
    ...["-machine", "pc", "-accel", "tcg", "-cpu", "max", "-m", "128", "-nodefaults", "-display", "none"],
    ...["-kernel", image.kernel, "-initrd", image.initrd, "-append", TEST_GUEST_KERNEL_COMMAND],
    ...["-serial", "stdio", "-qmp", `unix:${socket},server=on,wait=off`],
    ...["-netdev", "user,id=net0", "-device", "virtio-net-pci,netdev=net0"],
    ...(files === undefined ? [] : drive),
    ...more,
  ]);
  return new Machine(child, socket);
}

class Machine implements BareMachine {
  readonly ended: Promise<number | string>;
  readonly #child: ChildProcess;
  readonly #socket: string;
  #console = "";

  constructor(child: ChildProcess, socket: string) {
    this.#child = child;
    this.#socket = socket;
    this.ended = once(child, "close").then(([code, signal]) => code ?? signal);
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#console += text;
      });
  }

  said(): string {
    return this.#console;
  }

  async untilSaid(pattern: RegExp): Promise<void> {
    const over = this.ended.then((code) => {
      if (!pattern.test(this.#console)) throw new Error(`${QEMU} ended with ${code}: ${this.#console}`);
    });
    while (!pattern.test(this.#console)) {
      const { stdout } = this.#child;
      if (stdout === null) throw new Error("there is no console");
      await Promise.race([once(stdout, "data"), over]);
    }
  }

  async command(command: QmpCommand): Promise<void> {
    const signal = AbortSignal.timeout(BOOT_TIMEOUT_MS);
    await askQmp(this.#socket, [command], { clock: systemClock, signal, timeoutMs: BOOT_TIMEOUT_MS });
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }
}
