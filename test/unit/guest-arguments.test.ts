import { describe, expect, it } from "vitest";
import { boundedNumber, parseArguments } from "../../agent/guest/arguments.ts";

function parsed(line: string) {
  const { words, flags, texts } = parseArguments(line === "" ? [] : line.split(" "));
  return { words, flags: [...flags].sort(), texts: Object.fromEntries(texts) };
}

describe("the arguments of onegate", () => {
  it.each([
    ["vm show 9 --json", ["vm", "show", "9"], ["json"], {}],
    ["--json vm show 9", ["vm", "show", "9"], ["json"], {}],
    ["-j -k service show", ["service", "show"], ["insecure", "json"], {}],
    ["-jk service show", ["service", "show"], ["insecure", "json"], {}],
    ["vm --data A=B update 9", ["vm", "update", "9"], [], { data: "A=B" }],
    ["vm update --data=A=B=", ["vm", "update"], [], { data: "A=B=" }],
    ["vm update -dA=B", ["vm", "update"], [], { data: "A=B" }],
    ["vm update -jdA", ["vm", "update"], ["json"], { data: "A" }],
    ["vm update -d -j", ["vm", "update"], [], { data: "-j" }],
    ["vm update --data= -e K", ["vm", "update"], [], { data: "", erase: "K" }],
    ["vm terminate --hard 9", ["vm", "terminate", "9"], ["hard"], {}],
    ["vm terminate -hard 9", ["vm", "terminate", "9"], ["hard"], {}],
    ["service scale -r slave -c 2", ["service", "scale"], [], { role: "slave", cardinality: "2" }],
    ["service scale --ro slave --card 2", ["service", "scale"], [], { role: "slave", cardinality: "2" }],
    ["service show --ext", ["service", "show"], ["extended"], {}],
    ["vm show -- -9", ["vm", "show", "-9"], [], {}],
    ["vm show -", ["vm", "show", "-"], [], {}],
    ["-r a -r b", [], [], { role: "b" }],
    ["", [], [], {}],
  ])("'%s'", (line, words, flags, texts) => {
    expect(parsed(line)).toEqual({ words, flags, texts });
  });

  it.each([
    ["vm show --colour", "invalid option: --colour"],
    ["vm show -x", "invalid option: -x"],
    ["vm show -jx", "invalid option: -x"],
    ["vm show --e", "ambiguous option: --e"],
    ["vm update --data", "missing argument: --data"],
    ["vm update -d", "missing argument: -d"],
    ["vm show --json=yes", "needless argument: --json=yes"],
    ["vm show --=yes", "invalid option: --"],
    ["vm show --constructor", "invalid option: --constructor"],
  ])("'%s' is refused", (line, message) => {
    expect(() => parsed(line)).toThrow(message);
  });

  it("takes numbers only within their bounds", () => {
    const bounds = { least: 0, most: 20 };
    expect(boundedNumber("--retries", "0", bounds)).toBe(0);
    expect(boundedNumber("--retries", "2.5", bounds)).toBe(2.5);
    for (const bad of ["", "-1", "21", "1e1", "x", "Infinity"]) {
      expect(() => boundedNumber("--retries", bad, bounds)).toThrow(
        "--retries must be a number from 0 to 20",
      );
    }
  });
});
