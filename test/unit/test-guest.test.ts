import { describe, expect, it } from "vitest";
import { requireQemu } from "../../gateway/main/test-guest.ts";

describe("what the demo of virtual machines needs", () => {
  it("is said with the packages that bring it", () => {
    expect(() => requireQemu(() => undefined)).toThrow(
      "lacks: QEMU (qemu-system-x86_64) and a program that makes context discs (genisoimage, mkisofs, xorrisofs, xorriso). Install qemu-system-x86, and genisoimage or xorriso.",
    );
  });

  it("is any one of the programs that make discs", () => {
    const hasXorriso = (programs: readonly string[]) => programs.find((name) => /^qemu|^xorriso$/.test(name));
    expect(() => requireQemu(hasXorriso)).not.toThrow();
    expect(() => requireQemu((programs) => programs.find((name) => name === "xorriso"))).toThrow(
      "lacks: QEMU (qemu-system-x86_64). Install qemu-system-x86.",
    );
  });
});
