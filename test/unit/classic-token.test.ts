import { createDecipheriv } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GatehouseError } from "../../shared/errors.ts";
import { classicToken, tokensEqual } from "../../shared/tokens/classic.ts";

describe("classicToken", () => {
  it("gives the verified vector of the specification", () => {
    const tokenPassword = "6ffcfbf1431c69c8a57fb79810e28b22c0278fd8d30190ed00391a3498579831";
    expect(classicToken({ vmId: 0, stime: 1_700_000_000, tokenPassword })).toBe("PNvaxw83+pHfWHupfkvu1A==");
  });

  it.each([
    [249, 1_795_174_587, "DN2mrEZn6pkkGLJqm6NdcA=="],
    [0, 1_795_170_130, "dJCqwtCkXph9d7D/o92Z9A=="],
    [1, 1_795_170_157, "KP8y7pT4qOhrqATjSiXNvQ=="],
  ])("gives the token that OpenNebula gave VM %i", (vmId, stime, token) => {
    expect(classicToken({ vmId, stime, tokenPassword: "0123456789abcdef0123456789abcdef" })).toBe(token);
  });

  it("uses the first 32 characters of the password only", () => {
    const source = { vmId: 7, stime: 1_700_000_000 };
    const base = "f".repeat(32);
    expect(classicToken({ ...source, tokenPassword: `${base}tail` })).toBe(
      classicToken({ ...source, tokenPassword: base }),
    );
    expect(classicToken({ ...source, tokenPassword: `e${base}` })).not.toBe(
      classicToken({ ...source, tokenPassword: base }),
    );
  });

  it("refuses a password of fewer than 32 characters, without telling it", () => {
    const tokenPassword = "s3cr3t".padEnd(31, "x");
    const attempt = () => classicToken({ vmId: 7, stime: 1, tokenPassword });
    expect(attempt).toThrow(GatehouseError);
    expect(attempt).toThrow(/^TOKEN_PASSWORD of the creator of virtual machine \[7\] is too short/);
    expect(attempt).not.toThrow(/s3cr3t/);
  });

  it("decrypts to VMID:STIME for any VM", () => {
    const tokenPassword = "0123456789abcdef0123456789abcdef";
    fc.assert(
      fc.property(fc.nat(), fc.nat(4_000_000_000), (vmId, stime) => {
        const decipher = createDecipheriv("aes-256-cbc", tokenPassword, Buffer.alloc(16));
        const token = Buffer.from(classicToken({ vmId, stime, tokenPassword }), "base64");
        expect(decipher.update(token, undefined, "utf8") + decipher.final("utf8")).toBe(`${vmId}:${stime}`);
      }),
    );
  });
});

describe("tokensEqual", () => {
  it("tells equal from different, whatever the lengths", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(tokensEqual(a, b)).toBe(a === b);
        expect(tokensEqual(a, a)).toBe(true);
      }),
    );
    expect(tokensEqual("", "a")).toBe(false);
    expect(tokensEqual("DN2mrEZn6pkkGLJqm6NdcA==", "DN2mrEZn6pkkGLJqm6NdcA== ")).toBe(false);
  });
});
