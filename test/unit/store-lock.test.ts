import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockHome } from "../../gateway/store/lock.ts";

let directory: string;
let home: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gatehouse-lock-"));
  home = join(directory, "var");
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

test("a home has one holder at a time, and the second is told who it is", () => {
  const lock = lockHome(home);
  const refusal = `The home ${home} is in use by another gatehouse (pid ${process.pid}); stop it, or choose another with --home.`;
  expect(() => lockHome(home)).toThrow(expect.objectContaining({ code: "conflict", message: refusal }));
  expect(() => lockHome(home)).toThrow(refusal);
  lock.release();

  const next = lockHome(home);
  lock.release();
  expect(() => lockHome(home)).toThrow(refusal);
  next.release();
});

test("homes are locked apart, and missing ones are made for their owner alone", () => {
  const locks = [lockHome(home), lockHome(join(directory, "other"))];
  expect(statSync(home).mode & 0o777).toBe(0o700);
  expect(statSync(join(home, "lock.db")).mode & 0o777).toBe(0o600);
  for (const lock of locks) lock.release();
});

test("a holder that has not told its pid is refused without one", () => {
  const lock = lockHome(home);
  writeFileSync(join(home, "lock.pid"), "");
  expect(() => lockHome(home)).toThrow(`The home ${home} is in use by another gatehouse; stop it`);
  lock.release();
});

test("what a dead holder left behind does not matter", () => {
  mkdirSync(home);
  writeFileSync(join(home, "lock.pid"), "4194304\n");
  const lock = lockHome(home);
  expect(readFileSync(join(home, "lock.pid"), "utf8")).toBe(`${process.pid}\n`);
  lock.release();
});

test("a home that cannot be one is refused by its name", () => {
  writeFileSync(home, "a file");
  expect(() => lockHome(home)).toThrow(
    expect.objectContaining({ code: "unavailable", message: expect.stringContaining(home) }),
  );
});
