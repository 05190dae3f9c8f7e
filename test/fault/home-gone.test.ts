import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";

/**
 * A home that is removed under its house: the files are written on without an error, so the house has to look for itself.
 * What it says is on standard error, whose end is the end of the process.
 */

interface Watched {
  readonly house: HouseProcess;
  readonly home: string;
  readonly said: Promise<string>;
}

async function watchedHouse(): Promise<Watched> {
  const scratch = scratchDirectory("home-gone");
  onTestFinished(() => scratch.remove());
  const home = path.join(scratch.path, "home");
  const house = await startHouse(home, ["--dummy"], {}, "pipe");
  onTestFinished(() => stopHouse(house, "SIGKILL"));
  if (house.child.stderr === null) throw new Error("the house has no standard error to read");
  return { house, home, said: text(house.child.stderr) };
}

async function readyText({ admin }: HouseProcess): Promise<string> {
  const answer = await fetch(`${admin}/readyz`);
  return `${answer.status} ${await answer.text()}`;
}

describe("a house whose home is gone", () => {
  it("is not ready any more, ends on SIGTERM, and says what is lost", async () => {
    const { house, home, said } = await watchedHouse();
    rmSync(home, { recursive: true });
    expect(await readyText(house)).toMatch(/^503 .*not where it was opened any more/s);
    await stopHouse(house);
    expect(house.child.exitCode).toBe(0);
    const lines = await said;
    expect(lines).toContain(`The home ${home} is not where it was opened any more`);
    expect(lines).toContain("all that the house knew is lost");
  });

  it("leaves the files of the home alone that stands there now", async () => {
    const { house, home, said } = await watchedHouse();
    renameSync(home, `${home}.aside`);
    mkdirSync(home);
    const files = ["run.json", "lock.pid"].map((name) => path.join(home, name));
    for (const file of files) writeFileSync(file, "1\n");
    await stopHouse(house);
    expect(await said).toContain("unless it was only moved");
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
  });

  it("says nothing of the kind when its home is where it was", async () => {
    const { house, said } = await watchedHouse();
    expect(await readyText(house)).toMatch(/^200 /);
    await stopHouse(house);
    expect(await said).toBe("");
  });
});
