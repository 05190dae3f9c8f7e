/** /proc as the drivers read it. */

import { describe, expect, it } from "vitest";
import { parseStat } from "../../shared/guests/process-proc.ts";

describe("parseStat", () => {
  it("reads past commands with blanks and parentheses", () => {
    const text = `42 (a) b (c) S 1 42 43 0 -1 4194560 ${"0 ".repeat(12)}987654 0 0`;
    expect(parseStat(text)).toEqual({
      pid: 42,
      state: "S",
      parentPid: 1,
      groupId: 42,
      sessionId: 43,
      startTicks: 987_654,
    });
    expect(parseStat("")).toBeUndefined();
  });
});
