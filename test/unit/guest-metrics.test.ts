import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { guestMeasure } from "../../agent/guest/measure.ts";
import {
  cpuMetrics,
  cpuTimes,
  loadMetrics,
  memoryMetrics,
  mountedDisks,
  percentage,
} from "../../agent/guest/metrics.ts";
import { hurriedClock } from "../support/hurried-clock.ts";

const procRoot = fileURLToPath(new URL("../fixtures/guest/proc", import.meta.url));
const proc = (name: string) => readFileSync(`${procRoot}/${name}`, "utf8");
const running = new AbortController().signal;

describe("the guest's metrics", () => {
  it("are memory and swap in use, in per cent with two decimals", () => {
    expect(memoryMetrics(proc("meminfo"))).toEqual([
      { name: "MEM_USED_PERC", value: "75.00" },
      { name: "SWAP_USED_PERC", value: "33.33" },
    ]);
  });

  it("are what the seed's script computes", () => {
    const script = `
      MEM_TOTAL=$(grep MemTotal: ${procRoot}/meminfo | awk '{print $2}')
      MEM_FREE=$(grep MemFree: ${procRoot}/meminfo | awk '{print $2}')
      echo "$((MEM_TOTAL-MEM_FREE)) $MEM_TOTAL" | awk '{ printf "%.2f", 100 * $1 / $2 }'`;
    const printed = execFileSync("sh", ["-c", script], { encoding: "utf8" });
    expect(memoryMetrics(proc("meminfo"))[0]?.value).toBe(printed);
  });

  it("are a bare 0 where there is no swap, and nothing where it is not known", () => {
    expect(memoryMetrics("SwapTotal: 0 kB\nSwapFree: 0 kB\n")).toEqual([
      { name: "SWAP_USED_PERC", value: "0" },
    ]);
    expect(percentage(0, 10)).toBe("0.00");
    expect(memoryMetrics("")).toEqual([]);
    expect(loadMetrics("")).toEqual([]);
    expect(cpuTimes("")).toBeUndefined();
  });

  it("are the load averages as they stand", () => {
    expect(loadMetrics(proc("loadavg"))).toEqual([
      { name: "LOAD_1", value: "0.52" },
      { name: "LOAD_5", value: "1.04" },
      { name: "LOAD_15", value: "12.30" },
    ]);
  });

  it("are the CPU's work between two readings; waiting for a disk is none", () => {
    const before = cpuTimes(proc("stat"));
    expect(before).toEqual({ busy: 1500, total: 10_000 });
    const used = (text: string) => cpuMetrics(before, cpuTimes(text))[0]?.value;
    expect(used("cpu  1025 50 450 8050 525 0 0 0 300 0\n")).toBe("25.00");
    expect(used("cpu  1000 50 450 8000 500 0 0 0 300 0\n")).toBe("0");
    expect(used("cpu  1025 50 450 7990 500 0 0 0 300 0\n")).toBe("100.00");
    expect(used("cpu  900 50 450 8200 500 0 0 0 300 0\n")).toBe("0.00");
  });

  it("are for every device once, named after it in letters that an attribute may have", () => {
    expect(mountedDisks(proc("mounts"))).toEqual([
      { name: "vda1", mountPoint: "/" },
      { name: "data_my_disk", mountPoint: "/srv/my data" },
      { name: "vdb", mountPoint: "/mnt/gone" },
    ]);
    const many = Array.from(
      { length: 100 },
      (_, index) => `/dev/loop${index} /snap/${index} squashfs ro 0 0`,
    );
    expect(mountedDisks(many.join("\n"))).toHaveLength(64);
  });

  it("come all together, without the disks that cannot be read", async () => {
    const measure = guestMeasure({
      procRoot,
      clock: hurriedClock(),
      space: async (mountPoint) => {
        if (mountPoint === "/mnt/gone") throw new Error("ENOENT");
        return mountPoint === "/" ? { blocks: 1000, bfree: 250 } : { blocks: 0, bfree: 0 };
      },
    });
    const names = (await measure(running)).map(({ name, value }) => `${name}=${value}`);
    expect(names).toEqual([
      ...["MEM_USED_PERC=75.00", "SWAP_USED_PERC=33.33"],
      ...["DISK_USED_PERC_vda1=75.00", "DISK_USED_PERC_data_my_disk=0"],
      ...["LOAD_1=0.52", "LOAD_5=1.04", "LOAD_15=12.30", "CPU_USED_PERC=0"],
    ]);
  });

  it("are none, and no error, where there is no /proc", async () => {
    const clock = hurriedClock();
    expect(await guestMeasure({ procRoot: "/nonexistent", clock })(running)).toEqual([]);
    expect(clock.waits).toEqual([]);
  });

  it("wait for a first CPU figure once", async () => {
    const clock = hurriedClock();
    const measure = guestMeasure({ procRoot, clock, space: async () => ({ blocks: 1, bfree: 1 }) });
    await measure(running);
    await measure(running);
    expect(clock.waits).toEqual([500]);
  });
});
