import { describe, expect, it } from "vitest";
import { inRange } from "../../gateway/rpc/pool-query.ts";

const OBJECTS = [2, 5, 9, 12].map((id) => ({ id }));

describe("a range of a pool", () => {
  // As oned filters: with a start of -1 it looks at no end.
  it.each([
    ["from end to end", -1, -1, [12, 9, 5, 2]],
    ["from an id on", 5, -1, [12, 9, 5]],
    ["from an id to another", 3, 9, [9, 5]],
    ["of one id", 9, 9, [9]],
    ["of ids that nobody has", 6, 8, []],
    ["that ends before it begins", 9, 5, []],
    ["without a beginning, whatever its end", -1, 5, [12, 9, 5, 2]],
    ["of a page", 0, -2, [12, 9]],
    ["of a later page", 2, -2, [5, 2]],
    ["of a page that is not full", 3, -2, [2]],
    ["of a page after the last", 4, -2, []],
  ])("%s", (_, start, end, expected) => {
    expect(inRange(OBJECTS, start, end).map(({ id }) => id)).toEqual(expected);
  });
});
