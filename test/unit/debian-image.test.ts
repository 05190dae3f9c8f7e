import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stageFiles } from "../../scripts/debian-image/files.ts";

let scratch: string;

beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), "debian-image-"));
});

afterEach(() => rmSync(scratch, { recursive: true, force: true }));

describe("the files of the Debian image", () => {
  it("belong to root, and only scripts can be run, whatever the modes here are", async () => {
    const listing = execFileSync("tar", ["-tvf", await stageFiles(scratch)], { encoding: "utf8" });
    const lines = listing.trim().split("\n");
    expect(lines.filter((line) => !/^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x) 0\/0 /.test(line))).toEqual([]);
    const programs = lines.filter((line) => line.startsWith("-rwx")).map((line) => line.split(" ").at(-1));
    expect(programs.sort()).toEqual(["./usr/bin/onegate", "./usr/lib/onegate/read-context"]);
  });

  it("are what the units of the image call", async () => {
    const tree = path.join(scratch, "tree");
    mkdirSync(tree);
    execFileSync("tar", ["-xf", await stageFiles(scratch), "-C", tree]);
    for (const unit of ["onegate-context", "onegate-ready"]) {
      const text = readFileSync(path.join(tree, `etc/systemd/system/${unit}.service`), "utf8");
      const [, program = ""] = /^ExecStart=(\S+)/m.exec(text) ?? [];
      expect(spawnSync("sh", ["-n", path.join(tree, program)]).status).toBe(0);
    }
  });
});
