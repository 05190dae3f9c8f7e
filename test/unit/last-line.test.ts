/** What a program, or a guest on its console, said last: fit for logs and terminals. */

import { describe, expect, it } from "vitest";
import { lastLine } from "../../gateway/cloud/embedded/drivers/tool.ts";

describe("the last line", () => {
  it("is the last with something on it, without its full stop", () => {
    expect(lastLine("one\r\nKernel panic: no init.\n \t\r\n\u0000\n")).toBe("Kernel panic: no init");
    expect(lastLine("")).toBe("");
    expect(lastLine("größer 日本 😀")).toBe("größer 日本 😀");
  });

  it("moves no cursor, sets no colour or title, and turns or hides nothing around it", () => {
    expect(lastLine("a\u001b[31mb\u0007c\u009b2Jd\u007f")).toBe("a[31mbc2Jd");
    expect(lastLine("\u202egnissim si ksid\u2066 \u200b\u2028ok\ufeff\u{e0041}")).toBe("gnissim si ksid ok");
  });

  it("has whole characters, however long it is", () => {
    const cut = lastLine(`${"x".repeat(299)}😀${"x".repeat(100)}`);
    expect(cut).toBe("x".repeat(299));
    expect(cut.isWellFormed()).toBe(true);
  });
});
