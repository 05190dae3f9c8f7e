import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { requireTun } from "../../gateway/cloud/embedded/drivers/qemu-tap.ts";

describe("the device that guests on bridges open", () => {
  let folder: string;
  let device: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "tun-"));
    device = path.join(folder, "tun");
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it.each([0o600, 0o640, 0o604])("is missed in words where a guest's user may not: mode %o", async (mode) => {
    writeFileSync(device, "");
    chmodSync(device, mode);
    await expect(requireTun(240_007, device)).rejects.toMatchObject({
      code: "unavailable",
      message: `The guest's user 240007 may not open ${device}, whose mode is 0${mode.toString(8)}: make it 0666, as udev does, or let guests have cloud.qemu.network: restricted.`,
    });
  });

  it.each([0o666, 0o660])("is left to the system where it may be opened: mode %o", async (mode) => {
    writeFileSync(device, "");
    chmodSync(device, mode);
    await expect(requireTun(240_007, device)).resolves.toBeUndefined();
  });

  it("is missed in words where it is not there", async () => {
    await expect(requireTun(240_007, device)).rejects.toThrow(`since ${device} is not there (modprobe tun)`);
  });
});
