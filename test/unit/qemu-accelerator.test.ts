import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { findAccelerator } from "../../gateway/cloud/embedded/drivers/qemu-accelerator.ts";
import { systemClock } from "../../shared/clock.ts";
import { livingStat, readStat } from "../../shared/guests/process-proc.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "accelerator-"));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A QEMU that does what the script says, and a device. */
function machine(script: string) {
  const binary = join(dir, "qemu");
  const device = join(dir, "kvm");
  writeFileSync(binary, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  writeFileSync(device, "");
  return { wanted: "auto", binary, device, clock: systemClock, uid: undefined } as const;
}

describe.runIf(process.platform === "linux")("the accelerator of a machine", () => {
  it("is KVM where a guest comes to its end on it", async () => {
    const probe = machine(`echo "$@" >'${dir}/given'`);
    expect(await findAccelerator(probe)).toEqual({ accelerator: "kvm", reason: undefined });
    expect(readFileSync(join(dir, "given"), "utf8")).toContain("-accel kvm");
  });

  it("is emulation where QEMU fails, and says why", async () => {
    const probe = machine("echo 'Could not access KVM kernel module: Permission denied' >&2; exit 1");
    expect(await findAccelerator(probe)).toEqual({
      accelerator: "tcg",
      reason: expect.stringMatching(
        /kvm is not used: .* ended with code 1: Could not access KVM .*denied\.$/,
      ),
    });
  });

  it("is emulation where the device hangs, and the hanging process is gone", async () => {
    const probe = { ...machine(`echo $$ >'${dir}/pid'; exec sleep 1000`), clock: clockThatEndsAtOnce(dir) };
    const found = await findAccelerator(probe);
    expect(found).toEqual({
      accelerator: "tcg",
      reason: expect.stringContaining("did not end within 5000 ms"),
    });
    const pid = Number(readFileSync(join(dir, "pid"), "utf8"));
    await vi.waitFor(() => {
      const stat = readStat(pid);
      expect(stat && livingStat(stat)).toBeUndefined();
    }, 10_000);
  });

  it("is emulation without a device, or without QEMU", async () => {
    const probe = machine("exit 0");
    expect((await findAccelerator({ ...probe, device: join(dir, "none") })).reason).toMatch(/^there is no /);
    expect((await findAccelerator({ ...probe, binary: join(dir, "none") })).reason).toContain(
      "cannot be run",
    );
  });

  it("is what the operator chose, unasked", async () => {
    const probe = machine(`touch '${dir}/asked'`);
    expect((await findAccelerator({ ...probe, wanted: "kvm" })).accelerator).toBe("kvm");
    expect((await findAccelerator({ ...probe, wanted: "tcg" })).accelerator).toBe("tcg");
    expect(existsSync(join(dir, "asked"))).toBe(false);
  });
});

/** The time-out comes once the program runs, so that nothing here depends on how long that takes. */
function clockThatEndsAtOnce(folder: string): typeof systemClock {
  const look = (work: () => void): void => {
    if (existsSync(join(folder, "pid")) && readFileSync(join(folder, "pid"), "utf8") !== "") work();
    else setImmediate(() => look(work));
  };
  return {
    ...systemClock,
    after: (_, work) => {
      look(work);
      return () => {};
    },
  };
}
