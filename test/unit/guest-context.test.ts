import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readContext } from "../../agent/guest/context.ts";
import { parseAssignments } from "../../agent/guest/shell-assignments.ts";
import { contextSh } from "../../gateway/cloud/embedded/context/context-files.ts";
import { legalText } from "../support/templates.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "gatehouse-guest-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const file = (name: string, text: string): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};
const none = "/nonexistent/one_env";

describe("a file of shell assignments", () => {
  it.each([
    ["VMID=0", { VMID: "0" }],
    ["VMID='0'", { VMID: "0" }],
    ['export VMID="0"', { VMID: "0" }],
    ['declare -x VMID="0"', { VMID: "0" }],
    ["  export A='1' B='2'; C=3 # D=4\nE=5", { A: "1", B: "2", C: "3", E: "5" }],
    ["A='it'\\''s'", { A: "it's" }],
    ['A="a \\"b\\" \\$c \\`d\\` \\\\ \\e"', { A: 'a "b" $c `d` \\ \\e' }],
    ['A="line\nline"', { A: "line\nline" }],
    ['A="joined \\\nline"', { A: "joined line" }],
    ["A=$'tab\\tquote\\'nl\\n\\x41\\101'", { A: "tab\tquote'nl\nAA" }],
    ["A=x'y'\"z\"\\ w", { A: "xyz w" }],
    ["A=", { A: "" }],
    ["A=1\nA=2", { A: "2" }],
    ["# A=1\n\necho A=2\nif true; then\nB=3", { B: "3" }],
    ["9A=1\nA-B=2\nC =3\nD=4", { D: "4" }],
    ["A='never closed\nB=2", { B: "2" }],
    ['A="also\nB=2', { B: "2" }],
    ["__proto__=1", {}],
  ])("%j", (text, expected) => {
    const found = { ...parseAssignments(text) };
    Reflect.deleteProperty(found, "__proto__");
    expect(found).toEqual(expected);
  });

  it("is read, never run", () => {
    const marker = join(directory, "ran");
    const text = `A="$(touch ${marker})"\nB=\`touch ${marker}\`\ntouch ${marker}\nC=$HOME`;
    expect(parseAssignments(text)).toMatchObject({ A: `$(touch ${marker})`, C: "$HOME" });
    expect(() => execFileSync("ls", [marker], { stdio: "ignore" })).toThrow();
  });

  it("gives back every value of a context.sh", () => {
    fc.assert(
      fc.property(legalText, legalText, (a, b) => {
        expect(parseAssignments(contextSh({ FIRST: a, SECOND: b }))).toEqual({ FIRST: a, SECOND: b });
      }),
    );
  });

  it("gives back every value in double quotes", () => {
    fc.assert(
      fc.property(legalText, (value) => {
        const quoted = value.replace(/[$`"\\]/g, (character) => `\\${character}`);
        expect(parseAssignments(`export A="${quoted}"\nexport B="b"`)).toEqual({ A: value, B: "b" });
      }),
    );
  });

  it("takes time in proportion to its size", () => {
    const many = "A='".repeat(200_000);
    const words = "x".repeat(1_000_000);
    expect(Object.keys(parseAssignments(many)).length).toBeLessThan(2);
    expect(parseAssignments(`${words}\nB=${words}`).B).toHaveLength(1_000_000);
  });
});

describe("the context of a guest", () => {
  const complete = { ONEGATE_ENDPOINT: "http://10.0.0.1:5030/some/path", TOKENTXT: "dG9r", VMID: "7" };

  it("comes from the environment", () => {
    const { endpoint, token, vmId } = readContext(complete, none).identity();
    expect([endpoint.origin, token, vmId]).toEqual(["http://10.0.0.1:5030", "dG9r", "7"]);
  });

  it("comes from one_env where the environment says nothing", () => {
    const text =
      'export TOKENTXT="abc=="\nexport VMID="9"\nexport ONEGATE_ENDPOINT="https://gate"\nexport X="y"';
    const path = file("one_env", text);
    const context = readContext({ VMID: "8", ONEGATE_ENDPOINT: "" }, path);
    expect(context.identity()).toMatchObject({ token: "abc==", vmId: "8" });
    expect(context.identity().endpoint.protocol).toBe("https:");
    expect(context.variables.X).toBe("y");
  });

  it("comes from the files in CONTEXT_DIR, and then not from one_env", () => {
    const path = file("one_env", "TOKENTXT='of another VM'\nVMID=1\nONEGATE_ENDPOINT=http://other");
    file("context.sh", "ONEGATE_ENDPOINT='http://10.0.0.9:5030'\nTOKEN='YES'\nVMID='5'\n");
    file("token.txt", "yCxieDUS7kra7Vn9ILA0+g==\n");
    expect(readContext({ CONTEXT_DIR: directory }, path).identity()).toMatchObject({
      token: "yCxieDUS7kra7Vn9ILA0+g==",
      vmId: "5",
    });
    expect(() => readContext({ CONTEXT_DIR: join(directory, "none") }, path).identity()).toThrow(
      "ONEGATE_ENDPOINT is not set",
    );
  });

  it("takes ONEGATE_TOKEN as the token, or as the path of its file as the seed's script does", () => {
    const path = file("mine.txt", "ZmlsZQ==\n");
    const token = (ONEGATE_TOKEN: string) =>
      readContext({ ...complete, ONEGATE_TOKEN }, none).identity().token;
    expect(token(path)).toBe("ZmlsZQ==");
    expect(token("b3duIQ==")).toBe("b3duIQ==");
    expect(token("/wAAAAAAAAAAAAAAAAAAAA==")).toBe("/wAAAAAAAAAAAAAAAAAAAA==");
  });

  it.each([
    [{ ONEGATE_ENDPOINT: undefined }, "ONEGATE_ENDPOINT is not set"],
    [{ ONEGATE_ENDPOINT: "10.0.0.1:5030" }, 'a URL such as http://192.168.0.5:5030, not "10.0.0.1:5030"'],
    [{ ONEGATE_ENDPOINT: "ftp://user:secret@host" }, 'not "ftp://host"'],
    [{ TOKENTXT: undefined }, 'needs CONTEXT = [ TOKEN = "YES" ]'],
    [{ TOKENTXT: "two words" }, "holds blanks or characters"],
    [{ VMID: "" }, "VMID is not set"],
    [{ VMID: "seven" }, 'not "seven"'],
  ])("says what is wrong with %j", (change, message) => {
    expect(() => readContext({ ...complete, ...change }, none).identity()).toThrow(message);
  });

  it.skipIf(process.getuid?.() === 0)("says when one_env is there but not this user's to read", () => {
    const path = file("secret_env", "VMID=1");
    execFileSync("chmod", ["000", path]);
    expect(() => readContext({}, path).identity()).toThrow("cannot be read by this user");
  });
});
