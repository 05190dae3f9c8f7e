import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CpioEntry, cpio } from "../../scripts/guest-image/cpio.ts";
import { kernelInside } from "../../scripts/guest-image/kernel.ts";
import { unpackLz4 } from "../../scripts/guest-image/lz4.ts";
import { stripped } from "../../scripts/guest-image/module-file.ts";
import { loadOrder } from "../../scripts/guest-image/modules.ts";
import { programPath } from "../support/sh-guest.ts";

let scratch: string;

beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), "guest-image-"));
});

afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const file = (name: string, text: string, executable = false): CpioEntry => ({
  path: name,
  kind: "file",
  content: Buffer.from(text),
  executable,
});

describe("the guest's archive", () => {
  const entries: readonly CpioEntry[] = [
    file("usr/bin/tool", "#!/bin/sh\n", true),
    { path: "bin/sh", kind: "link", target: "busybox" },
    { path: "dev", kind: "directory" },
    file("etc/name", "odd"),
  ];

  it("is the same for the same entries in any order", () => {
    expect(cpio([...entries].reverse())).toEqual(cpio(entries));
  });

  it.skipIf(programPath("busybox") === undefined)("is what cpio reads", () => {
    const { status } = spawnSync("busybox", ["cpio", "-i", "-d"], { cwd: scratch, input: cpio(entries) });
    expect(status).toBe(0);
    const at = (name: string) => path.join(scratch, name);
    expect(readFileSync(at("etc/name"), "utf8")).toBe("odd");
    expect(statSync(at("etc/name")).mode & 0o777).toBe(0o644);
    expect(statSync(at("usr/bin/tool")).mode & 0o777).toBe(0o755);
    expect(readlinkSync(at("bin/sh"))).toBe("busybox");
    expect(statSync(at("dev")).isDirectory()).toBe(true);
  });
});

describe("the order in which modules are loaded", () => {
  /** A kernel's modules, each with what it depends on. */
  function kernel(modules: Readonly<Record<string, string>>, builtIn: readonly string[]): string {
    const folder = path.join(scratch, "kernel");
    mkdirSync(folder);
    for (const [name, depends] of Object.entries(modules))
      writeFileSync(
        path.join(folder, `${name}.ko`),
        `\x7fELF\0license=GPL\0depends=${depends}\0name=${name}\0`,
      );
    writeFileSync(
      path.join(scratch, "modules.builtin"),
      builtIn.map((name) => `kernel/${name}.ko\n`).join(""),
    );
    return scratch;
  }

  const orderOf = async (directory: string, names: readonly string[]) =>
    (await loadOrder(directory, names, async (file) => readFileSync(file))).map(({ name }) => name);

  it("has dependencies first, each once, and nothing that is built in", async () => {
    const directory = kernel(
      {
        "virtio-net": "net_failover,virtio",
        net_failover: "failover",
        failover: "",
        virtio: "",
        blk: "virtio,ext4",
      },
      ["ext4", "virtio-rng"],
    );
    expect(await orderOf(directory, ["virtio_net", "blk", "virtio_rng"])).toEqual([
      "failover",
      "net_failover",
      "virtio",
      "virtio_net",
      "blk",
    ]);
  });

  it("knows all that a module needs, what can be loaded first before the rest", async () => {
    const modules = { top: "left,right", left: "base", right: "base,built", base: "" };
    const order = await loadOrder(kernel(modules, ["built"]), ["top"], async (file) => readFileSync(file));
    expect(order.find(({ name }) => name === "top")?.needs).toEqual(["base", "left", "right"]);
  });

  it("says which module is missing, and who needs it", async () => {
    const directory = kernel({ one: "two" }, []);
    await expect(orderOf(directory, ["one"])).rejects.toThrow("has no module two, which one needs");
  });
});

describe("a kernel in a bzImage", () => {
  const elf = Buffer.concat([Buffer.from("\x7fELF", "latin1"), Buffer.alloc(3000, "kernel ")]);

  function bzImage(payload: Buffer, setupSectors = 2): Buffer {
    const head = Buffer.alloc((setupSectors + 1) * 512 + 16);
    head.writeUInt8(setupSectors, 0x1f1);
    head.write("HdrS", 0x202, "latin1");
    head.writeUInt32LE(16, 0x248);
    head.writeUInt32LE(payload.length, 0x24c);
    return Buffer.concat([head, payload, Buffer.from("what comes after")]);
  }

  function sizeOf(bytes: Buffer): Buffer {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(bytes.length);
    return size;
  }

  it("is unpacked, whether by gzip, Zstandard or LZ4", () => {
    expect(kernelInside(bzImage(gzipSync(elf)))).toEqual(elf);
    expect(kernelInside(bzImage(Buffer.concat([zstdCompressSync(elf), sizeOf(elf)])))).toEqual(elf);
    expect(kernelInside(bzImage(Buffer.concat([lz4Literal(elf), sizeOf(elf)])))).toEqual(elf);
  });

  it("is refused when it is none", () => {
    expect(() => kernelInside(Buffer.alloc(4096))).toThrow("is no bzImage");
    expect(() => kernelInside(bzImage(Buffer.from("\xfd7zXZ\0...", "latin1")))).toThrow(
      "is packed neither by",
    );
    expect(() => kernelInside(bzImage(gzipSync("no kernel")))).toThrow("is no ELF file");
    expect(() => kernelInside(bzImage(Buffer.concat([lz4Literal(elf), sizeOf(Buffer.alloc(9))])))).toThrow(
      "is damaged",
    );
  });
});

const LZ4_MAGIC = Buffer.from("02214c18", "hex");

function lz4Frame(block: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(block.length);
  return Buffer.concat([LZ4_MAGIC, size, block]);
}

/** As a packer does that finds nothing twice. */
function lz4Literal(bytes: Buffer): Buffer {
  const more = bytes.length - 15;
  const lengths = [...Array<number>(Math.floor(more / 255)).fill(255), more % 255];
  return lz4Frame(Buffer.concat([Buffer.from([0xf0, ...lengths]), bytes]));
}

describe("LZ4", () => {
  it("repeats what came before, also what it just repeats", () => {
    // "ab", then 10 bytes from 2 bytes before, then the last literals.
    const block = Buffer.from([0x26, 0x61, 0x62, 2, 0, 0x30, 0x78, 0x79, 0x7a]);
    expect(unpackLz4(lz4Frame(block), 15).toString()).toBe("ababababababxyz");
    const twice = Buffer.concat([lz4Frame(block), lz4Frame(block)]);
    expect(unpackLz4(twice, 30).toString()).toBe("ababababababxyzababababababxyz");
  });

  it("is refused when it is damaged, wherever", () => {
    const block = Buffer.from([0x26, 0x61, 0x62, 2, 0, 0x30, 0x78, 0x79, 0x7a]);
    const whole = lz4Frame(block);
    for (let length = 5; length < whole.length; length += 1)
      expect(() => unpackLz4(whole.subarray(0, length), 15)).toThrow("is damaged");
    for (const distance of [0, 3]) {
      const astray = Buffer.from(block);
      astray.writeUInt16LE(distance, 3);
      expect(() => unpackLz4(lz4Frame(astray), 15)).toThrow("is damaged");
    }
    expect(() => unpackLz4(whole, 14)).toThrow("is damaged");
    expect(() => unpackLz4(whole, 16)).toThrow("is damaged");
  });
});

describe("a kernel module", () => {
  const NAMES = "\0.text\0.BTF\0.BTF_ids\0";

  /** Sections of 64 bytes each, the last their names. */
  function module(): Buffer {
    const names = ["", ".text", ".BTF", ".BTF_ids", ""];
    const head = Buffer.alloc(64);
    head.write("\x7fELF", "latin1");
    const text = Buffer.from(NAMES, "latin1");
    head.writeBigUInt64LE(BigInt(64 + text.length), 0x28);
    head.writeUInt16LE(64, 0x3a);
    head.writeUInt16LE(names.length, 0x3c);
    head.writeUInt16LE(names.length - 1, 0x3e);
    const sections = names.map((name) => {
      const section = Buffer.alloc(64);
      section.writeUInt32LE(Math.max(NAMES.indexOf(`${name}\0`), 0), 0);
      section.writeBigUInt64LE(64n, 24);
      section.writeBigUInt64LE(BigInt(text.length), 32);
      return section;
    });
    return Buffer.concat([head, text, ...sections]);
  }

  const sizes = (bytes: Buffer) =>
    [0, 1, 2, 3, 4].map((index) => Number(bytes.readBigUInt64LE(64 + NAMES.length + index * 64 + 32)));

  it("loses its signature and its types, and nothing else", () => {
    const record = Buffer.alloc(12);
    record.writeUInt32BE(9, 8);
    const signature = [Buffer.from("signature"), record, Buffer.from("~Module signature appended~\n")];
    const bare = stripped(Buffer.concat([module(), ...signature]));
    const size = NAMES.length;
    expect(bare.length).toBe(module().length);
    expect(sizes(bare)).toEqual([size, size, 0, size, size]);
    expect(stripped(bare)).toEqual(bare);
  });
});
