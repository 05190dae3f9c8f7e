import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findImage, requireStandalone } from "../../gateway/cloud/embedded/drivers/qemu-images.ts";

let root: string;
let images: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "qemu-images-"));
  images = join(root, "images");
  mkdirSync(join(images, "debian"), { recursive: true });
  writeFileSync(join(images, "base.raw"), "");
  writeFileSync(join(images, "debian/vmlinuz"), "");
  mkdirSync(join(root, "images-private"));
  writeFileSync(join(root, "images-private/secret"), "");
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

const find = (name: string, dirs = [images]) => findImage("DISK 0", name, dirs);
const OUTSIDE = "does not lie in an image directory (cloud.qemu.image_dirs).";

describe("an image of a template", () => {
  it("is found by its path, or by its name in the directories in their order", async () => {
    expect(await find(join(images, "base.raw"))).toBe(join(images, "base.raw"));
    expect(await find("debian/vmlinuz")).toBe(join(images, "debian/vmlinuz"));
    expect(await find("base.raw", [join(root, "nowhere"), join(images, "debian"), images])).toBe(
      join(images, "base.raw"),
    );
  });

  it.each([
    "/etc/passwd",
    "../images-private/secret",
    "debian/../../images-private/secret",
    "/",
    "/nowhere/at/all",
  ])("is refused outside of them: %s", async (name) => {
    await expect(find(name)).rejects.toThrow(OUTSIDE);
  });

  it("is refused where a directory's name only begins like an image directory's", async () => {
    await expect(find(join(root, "images-private/secret"))).rejects.toThrow(OUTSIDE);
  });

  it("is where a link leads, not where it stands", async () => {
    symlinkSync(join(root, "images-private/secret"), join(images, "link"));
    symlinkSync(join(root, "images-private"), join(images, "folder"));
    symlinkSync(join(images, "base.raw"), join(images, "alias"));
    await expect(find("link")).rejects.toThrow(OUTSIDE);
    await expect(find(join(images, "folder/secret"))).rejects.toThrow(OUTSIDE);
    expect(await find("alias")).toBe(join(images, "base.raw"));
  });

  it("may lie in a directory that is itself a link", async () => {
    symlinkSync(images, join(root, "current"));
    expect(await find(join(root, "current/base.raw"), [join(root, "current")])).toBe(
      join(images, "base.raw"),
    );
  });

  it("is a file", async () => {
    await expect(find("debian")).rejects.toThrow('DISK 0 "debian" is not a file that the house can read.');
    await expect(find("missing")).rejects.toThrow('DISK 0 "missing" is in none of the image directories.');
    await expect(find("base.raw\0")).rejects.toThrow(OUTSIDE);
    await expect(find("base.raw", [])).rejects.toThrow("is in none of the image directories");
  });
});

/** A header as QEMU's docs/interop/qcow2 has it. */
function qcow2({ backingOffset = 0n, features = 0n, version = 3 } = {}): Buffer {
  const header = Buffer.alloc(104);
  header.writeUInt32BE(0x514649fb);
  header.writeUInt32BE(version, 4);
  header.writeBigUInt64BE(backingOffset, 8);
  header.writeBigUInt64BE(features, 72);
  return header;
}

describe("a qcow2 image", () => {
  const check = (header: Buffer) => {
    writeFileSync(join(images, "x.qcow2"), header);
    return requireStandalone("DISK 0", join(images, "x.qcow2"));
  };

  it("is one file", async () => {
    await expect(check(qcow2())).resolves.toBeUndefined();
    await expect(check(qcow2({ features: 1n }))).resolves.toBeUndefined();
    await expect(check(qcow2({ version: 2, features: 4n }))).resolves.toBeUndefined();
    await expect(check(qcow2({ backingOffset: 0x200n }))).rejects.toThrow("is made of several files");
    await expect(check(qcow2({ features: 4n }))).rejects.toThrow("is made of several files");
    await expect(check(Buffer.from("not at all"))).rejects.toThrow("is not a qcow2 image");
  });
});
