/**
 * Whether guests run on KVM or are emulated. That /dev/kvm exists says little: on some machines guests' users may not
 * open it, on some nothing comes back from it, and on some a kernel crawls there as if it hung. So a guest of a few instructions
 * is run on it, once, in a process of its own that has some seconds to be done.
 */

import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../../../shared/clock.ts";
import { errorText } from "../../../../shared/errors.ts";
import type { Accelerator } from "./qemu-command.ts";
import { runTool } from "./tool.ts";

export interface AcceleratorProbe {
  /** auto asks the machine. */
  readonly wanted: Accelerator | "auto";
  readonly binary: string;
  readonly clock: Clock;
  /** As whom guests run; undefined: the house's user. */
  readonly uid: number | undefined;
  readonly device?: string;
  readonly timeoutMs?: number;
}

export interface FoundAccelerator {
  readonly accelerator: Accelerator;
  /** Why it is not KVM; undefined when it is, or was chosen. */
  readonly reason: string | undefined;
}

/** The loop takes 30 ms on KVM, 200 ms emulated, and minutes where KVM itself emulates. */
const PROBE_TIMEOUT_MS = 5_000;

/** Never rejects: what cannot be used is emulated. */
export async function findAccelerator(probe: AcceleratorProbe): Promise<FoundAccelerator> {
  const { wanted, device = "/dev/kvm" } = probe;
  if (wanted !== "auto") return { accelerator: wanted, reason: undefined };
  if (!existsSync(device)) return { accelerator: "tcg", reason: `there is no ${device}` };
  try {
    await runOnKvm(probe);
    return { accelerator: "kvm", reason: undefined };
  } catch (error) {
    return { accelerator: "tcg", reason: `${device} is not used: ${errorText(error)}` };
  }
}

async function runOnKvm({ binary, clock, uid, timeoutMs }: AcceleratorProbe): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-kvm-"));
  try {
    const firmware = join(folder, "firmware");
    // Guests' users have to pass.
    await chmod(folder, 0o711);
    await writeFile(firmware, firmwareThatCounts(), { mode: 0o644 });
    await runTool({
      program: binary,
      arguments: [
        ...["-accel", "kvm", "-cpu", "host", "-machine", "pc", "-m", "1M", "-nodefaults", "-no-user-config"],
        ...["-display", "none", "-no-reboot", "-bios", firmware],
      ],
      clock,
      timeoutMs: timeoutMs ?? PROBE_TIMEOUT_MS,
      uid,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const FIRMWARE_BYTES = 65_536;
const COUNT_AT = 0xff00;
/** Where an x86 begins, 16 bytes below the end of its firmware. */
const RESET_AT = 0xfff0;
const ROUNDS = 50_000_000;

/** Counts down, then asks the keyboard controller for a reset, which -no-reboot makes an end. */
function firmwareThatCounts(): Buffer {
  const firmware = Buffer.alloc(FIRMWARE_BYTES, 0xf4);
  const count = Buffer.from([
    ...[0x66, 0xb9, 0, 0, 0, 0], // mov ecx, ROUNDS
    ...[0x66, 0x49, 0x75, 0xfc], // dec ecx; jnz to it
    ...[0xb0, 0xfe, 0xe6, 0x64, 0xf4], // mov al, 0xfe; out 0x64, al; hlt
  ]);
  count.writeUInt32LE(ROUNDS, 2);
  count.copy(firmware, COUNT_AT);
  firmware[RESET_AT] = 0xe9; // jmp
  firmware.writeInt16LE(COUNT_AT - (RESET_AT + 3), RESET_AT + 1);
  return firmware;
}
