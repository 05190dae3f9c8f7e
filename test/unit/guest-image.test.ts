import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CpioEntry, cpio } from "../../scripts/guest-image/cpio.ts";
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

  it("says which module is missing, and who needs it", async () => {
    const directory = kernel({ one: "two" }, []);
    await expect(orderOf(directory, ["one"])).rejects.toThrow("has no module two, which one needs");
  });
});
