/** Disks that a guest begins with: whole or not there, and no shorter than what they begin as. */

import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DiskPlace, prepareDisk } from "../../gateway/cloud/embedded/drivers/qemu-disks.ts";
import { virtualBytes } from "../../gateway/cloud/embedded/drivers/qemu-images.ts";
import { planGuest } from "../../gateway/cloud/embedded/drivers/qemu-plan.ts";
import { findTool, runTool } from "../../gateway/cloud/embedded/drivers/tool.ts";
import { systemClock } from "../../shared/clock.ts";
import type { Vector } from "../../shared/template/types.ts";

const QEMU_IMG = findTool(["qemu-img"]);
const MEBIBYTE = 1024 * 1024;
/** No system has a user of this number. */
const NOBODY = 2 ** 32;

let root: string;
let place: DiskPlace;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "qemu-disks-"));
  for (const name of ["guest", "images"]) mkdirSync(join(root, name));
  place = { dir: join(root, "guest"), imageDirs: [join(root, "images")], uid: undefined, clock: systemClock };
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

const planOf = (disk: Vector) => {
  const [plan] = planGuest({ id: 7, template: { MEMORY: "64", DISK: { DISK_ID: "0", ...disk } } }).disks;
  if (plan === undefined) throw new Error("There is a disk.");
  return plan;
};
const left = () => readdirSync(join(root, "guest"));

describe("a blank disk", () => {
  it("is as long as its template says, and kept as it is", async () => {
    const { path } = await prepareDisk(planOf({ SIZE: "3" }), place);
    expect(statSync(path).size).toBe(3 * MEBIBYTE);
    writeFileSync(path, "what the guest wrote");
    await prepareDisk(planOf({ SIZE: "3" }), place);
    expect(statSync(path).size).toBe(20);
    expect(left()).toEqual(["disk.0"]);
  });

  it("that could not be made whole is not there, and is made when it can", async () => {
    await expect(prepareDisk(planOf({ SIZE: "3" }), { ...place, uid: NOBODY })).rejects.toThrow();
    expect(left()).toEqual([]);
    writeFileSync(join(root, "guest/disk.0.new"), "a house died here");
    const { path } = await prepareDisk(planOf({ SIZE: "3" }), place);
    expect(statSync(path).size).toBe(3 * MEBIBYTE);
    expect(left()).toEqual(["disk.0"]);
  });
});

describe.skipIf(QEMU_IMG === undefined)("an overlay", () => {
  const image = (format: "raw" | "qcow2", sizeMiB: number) =>
    runTool({
      program: QEMU_IMG ?? "",
      arguments: ["create", "-q", "-f", format, join(root, `images/base.${format}`), `${sizeMiB}M`],
      ...{ clock: systemClock, timeoutMs: 60_000 },
    });

  it.each(["raw", "qcow2"] as const)(
    "over a %s image is never shorter than that, and bigger where its template says so",
    async (format) => {
      await image(format, 8);
      for (const [SIZE, wantedMiB] of [
        ["1", 8],
        ["8", 8],
        ["9", 9],
        ["", 8],
      ] as const) {
        const { path } = await prepareDisk(planOf({ IMAGE: `base.${format}`, SIZE }), place);
        expect(await virtualBytes(path, "qcow2")).toBe(wantedMiB * MEBIBYTE);
        rmSync(path);
      }
    },
  );
});
