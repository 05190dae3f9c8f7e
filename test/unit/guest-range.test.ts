import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimGuestRange } from "../../gateway/main/guest-range.ts";
import { houseId } from "../../gateway/main/house-id.ts";

/** Far above what any machine gives to people or services. */
const FIRST_UID = 1_900_000_000;
const RANGE = 65_536;
let scratch = "";

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "range-"));
});

afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function claim(name: string): number {
  const home = join(scratch, name);
  mkdirSync(home, { recursive: true });
  return claimGuestRange({
    directory: join(scratch, "uids"),
    firstUid: FIRST_UID,
    home,
    house: houseId(home),
  });
}

describe("a home's range of user ids", () => {
  it("is its own, and stays so", () => {
    expect(claim("one")).toBe(FIRST_UID);
    expect(claim("two")).toBe(FIRST_UID + RANGE);
    expect(claim("one")).toBe(FIRST_UID);
    expect(claim("two")).toBe(FIRST_UID + RANGE);
  });

  it("is given anew when the home is gone, also to another one at the same place", () => {
    claim("one");
    claim("two");
    rmSync(join(scratch, "one"), { recursive: true });
    expect(claim("one")).toBe(FIRST_UID);
    expect(claim("three")).toBe(FIRST_UID + 2 * RANGE);
  });
});

describe("a house's id", () => {
  it("is kept by its home, and no other home has it", () => {
    const [one, two] = [join(scratch, "a"), join(scratch, "b")];
    mkdirSync(one);
    mkdirSync(two);
    expect(houseId(one)).toBe(houseId(one));
    expect(houseId(one)).not.toBe(houseId(two));
  });
});
