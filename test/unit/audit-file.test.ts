import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AuditDisk } from "../../gateway/main/audit-disk.ts";
import { AuditFile } from "../../gateway/main/audit-file.ts";
import type { LogDetails, Logger } from "../../shared/log.ts";
import { silentLogger } from "../../shared/log.ts";
import { manualClock } from "../support/manual-clock.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "audit-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const line = (text: string) => `${JSON.stringify({ text })}\n`;

function open(other: Partial<ConstructorParameters<typeof AuditFile>[0]> = {}) {
  const path = join(folder, "audit.jsonl");
  const clock = manualClock();
  return {
    path,
    clock,
    file: new AuditFile({ path, maxBytes: 1_000, files: 3, clock, log: silentLogger, ...other }),
  };
}

describe("the audit's file", () => {
  it("gets its lines in batches, and at the end, for nobody else to read", async () => {
    const { file, path, clock } = open();
    await file.open();
    file.write(line("one"));
    file.write(line("two"));
    expect(readFileSync(path, "utf8")).toBe("");
    clock.advance(100);
    await file.flush();
    expect(readFileSync(path, "utf8")).toBe(line("one") + line("two"));
    file.write(line("three"));
    await file.close();
    expect(readFileSync(path, "utf8")).toBe(line("one") + line("two") + line("three"));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect({ written: file.written, dropped: file.dropped }).toEqual({ written: 3, dropped: 0 });
  });

  it("is put aside when it would grow too large, and the oldest goes", async () => {
    const { file, path } = open();
    for (let n = 0; n < 40; n += 1) {
      file.write(line(`${n} ${"x".repeat(90)}`));
      if (n % 3 === 0) await file.flush();
    }
    await file.close();
    expect(readdirSync(folder).sort()).toEqual(["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]);
    const kept = [`${path}.2`, `${path}.1`, path].flatMap((name) => {
      expect(statSync(name).size).toBeLessThanOrEqual(1_000);
      expect(statSync(name).mode & 0o777).toBe(0o600);
      return readFileSync(name, "utf8").trimEnd().split("\n");
    });
    const numbers = kept.map((text) => Number(/"(\d+) /.exec(text)?.[1]));
    expect(numbers).toEqual(
      Array.from({ length: numbers.length }, (_, index) => 40 - numbers.length + index),
    );
    expect(numbers.length).toBeGreaterThan(16);
  });

  it("keeps one file where one is wanted", async () => {
    const { file } = open({ files: 1 });
    for (let n = 0; n < 40; n += 1) file.write(line("x".repeat(90)));
    await file.close();
    expect(readdirSync(folder)).toEqual(["audit.jsonl"]);
  });

  it("ends a line that a crash cut short", async () => {
    const { file, path } = open();
    appendFileSync(path, '{"half":');
    file.write(line("next"));
    await file.close();
    expect(readFileSync(path, "utf8")).toBe(`{"half":\n${line("next")}`);
  });

  it("is refused where it is no file, and says so", async () => {
    await expect(open({ path: folder }).file.open()).rejects.toThrow(/The audit .* cannot be opened/);
    await expect(open({ path: "/dev/null" }).file.open()).rejects.toThrow(/no ordinary file/);
  });
});

/** A disk that does what it is told. */
function scriptedDisk() {
  const disk = {
    taken: [] as string[],
    full: false,
    stalled: undefined as Promise<void> | undefined,
    open: async () => 0,
    async append(bytes: Buffer) {
      await disk.stalled;
      if (disk.full) throw new Error("ENOSPC: no space left on device");
      disk.taken.push(bytes.toString());
    },
    rotate: async () => {},
    close: async () => {},
  };
  return disk satisfies AuditDisk;
}

function complaints() {
  const told: LogDetails[] = [];
  const log: Logger = { ...silentLogger, error: (details) => void told.push(details) };
  return { told, log };
}

describe("when the disk is", () => {
  it("full, lines are dropped, counted and told once a minute, until there is room", async () => {
    const disk = scriptedDisk();
    const { told, log } = complaints();
    const { file, clock } = open({ disk, log });
    disk.full = true;
    for (let n = 0; n < 10; n += 1) {
      file.write(line("lost"));
      await file.flush();
    }
    expect(told).toMatchObject([{ lines: 1, reason: "ENOSPC: no space left on device" }]);
    clock.advance(60_000);
    file.write(line("lost"));
    await file.flush();
    expect(told).toMatchObject([{ lines: 1 }, { lines: 10, dropped: 11 }]);
    disk.full = false;
    file.write(line("kept"));
    await file.close();
    expect(disk.taken).toEqual([line("kept")]);
    expect({ written: file.written, dropped: file.dropped }).toEqual({ written: 1, dropped: 11 });
  });

  it("slow, at most 8 MiB wait for it, and the rest is dropped", async () => {
    const disk = scriptedDisk();
    const { told, log } = complaints();
    const { file } = open({ disk, log, maxBytes: 64 * 1_024 * 1_024 });
    const { promise, resolve } = Promise.withResolvers<void>();
    disk.stalled = promise;
    const long = line("x".repeat(64 * 1_024));
    file.write(long);
    const flushed = file.flush();
    for (let n = 0; n < 200; n += 1) file.write(long);
    expect(file.dropped).toBeGreaterThan(60);
    expect(told).toMatchObject([{ reason: "the disk is too slow for it" }]);
    resolve();
    await flushed;
    await file.close();
    expect(file.written + file.dropped).toBe(201);
    expect(disk.taken.join("")).toBe(long.repeat(file.written));
  });
});
