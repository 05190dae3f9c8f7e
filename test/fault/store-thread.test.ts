import { once } from "node:events";
import path from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { scratchDirectory, startHouse, stopHouse } from "../support/house.ts";

const KILLER = fileURLToPath(new URL("../support/thread-killer.mjs", import.meta.url));

describe("a house whose store's thread dies", { timeout: 30_000 }, () => {
  it("ends with 1 and says so, and the next start finds what was acknowledged", async () => {
    const scratch = scratchDirectory("store-thread");
    onTestFinished(() => scratch.remove());
    const home = path.join(scratch.path, "home");
    const doomed = { NODE_OPTIONS: `--import=${KILLER}`, DOOMED_THREAD: "/store/sqlite-worker" };
    const { child } = await startHouse(home, ["--dummy"], doomed, "pipe");
    onTestFinished(() => void child.kill("SIGKILL"));
    if (child.stderr === null) throw new Error("the house has no standard error to read");
    const said = text(child.stderr);
    const exited = once(child, "exit");
    child.kill("SIGUSR2");
    expect(await exited).toEqual([1, null]);
    expect(await said).toMatch(/"level":"error".*thread has ended.*"The house cannot go on, and ends"/);

    const again = await startHouse(home, ["--dummy"]);
    onTestFinished(() => stopHouse(again));
    expect((await fetch(`${again.admin}/readyz`)).status).toBe(200);
  });
});
