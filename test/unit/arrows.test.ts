import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { importsOf } from "../arrows/imports.ts";
import { faultsIn } from "../arrows/rules.ts";

let root = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "arrows-"));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function plant(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

describe("the arrows check", () => {
  it("passes a tree that keeps the design", () => {
    plant({
      "shared/errors.ts": 'import { z } from "zod";\nexport const a = z;\n',
      "gateway/onegate/app.ts":
        'import { d } from "../oneflow/directory.ts";\nimport { a } from "../../shared/errors.ts";\n',
      "gateway/oneflow/directory.ts": 'export * from "../cloud/cloud.ts";\n',
      "gateway/cloud/cloud.ts": "export const d = 1;\n",
      "gateway/cli/gatehouse.ts": 'const { startHouse } = await import("../main.ts");\n',
      "gateway/main.ts":
        'import pkg from "../package.json" with { type: "json" };\nimport "./admin/app.ts";\n',
      "gateway/admin/app.ts": 'import { Hono } from "hono";\n',
      "test/unit/x.test.ts": 'import "../../gateway/admin/app.ts";\n',
    });
    expect(faultsIn(root)).toEqual([]);
  });

  it("names the file, the line, the arrow and what is allowed instead", () => {
    plant({
      "gateway/onegate/app.ts": '\n\nimport { x } from "../oneflow/lifecycle/machine.ts";\n',
      "gateway/oneflow/lifecycle/machine.ts": "export const x = 1;\n",
    });
    expect(faultsIn(root)).toEqual([
      "gateway/onegate/app.ts:3: onegate -> oneflow (gateway/oneflow/lifecycle/machine.ts) is not an allowed arrow; " +
        "onegate may import cloud, gateway/oneflow/directory.ts, http, shared, store",
    ]);
  });

  it.each([
    ["a type import", "gateway/store/sqlite.ts", 'import type { C } from "../cloud/cloud.ts";'],
    ["an export from", "shared/x.ts", 'export { type C } from "../gateway/cloud/cloud.ts";'],
    ["a star export", "agent/host/x.ts", 'export * as c from "../../gateway/cloud/cloud.ts";'],
    ["an import()", "probes/x.ts", 'const c = await import("../gateway/cloud/cloud.ts");'],
    ["a type in place", "gateway/admin/x.ts", 'type C = import("../cloud/cloud.ts").Cloud;'],
    ["a worker's URL", "gateway/store/x.ts", 'new Worker(new URL("../cloud/cloud.ts", import.meta.url));'],
    ["a resolved name", "gateway/store/x.ts", 'import.meta.resolve("../cloud/cloud.ts");'],
    ["a name that is computed", "gateway/store/x.ts", "await import(name);"],
    [
      "an import after a template",
      "gateway/store/x.ts",
      `const a = \`\${\`}\`}\`;\nimport "../cloud/cloud.ts";`,
    ],
    ["an import after a regular expression", "gateway/store/x.ts", 'f(/["`]/);\nimport "../cloud/cloud.ts";'],
    ["the gateway taking the agent", "gateway/monitor/x.ts", 'import "../../agent/host/main.ts";'],
    ["the inner room taking its driver", "gateway/cloud/x.ts", 'import "./embedded/vms.ts";'],
    ["a package that shared may not carry", "shared/x.ts", 'import { Hono } from "hono/tiny";'],
    ["a path from the root of the disk", "gateway/store/x.ts", 'import "/tmp/x.ts";'],
    ["a file in no room", "gateway/cloakroom/x.ts", "export {};"],
    ["a target in no room", "gateway/main.ts", 'import "./cloakroom.js.ts";'],
  ])("fails on %s", (_, file, text) => {
    plant({ [file]: text });
    expect(faultsIn(root)).toHaveLength(1);
    expect(faultsIn(root)[0]).toMatch(new RegExp(`^${file.replaceAll(".", "\\.")}:\\d+: `));
  });

  it("fails on files that import each other in a circle, and names it", () => {
    plant({
      "gateway/store/a.ts": 'import "./b.ts";\n',
      "gateway/store/b.ts": '\nimport type { C } from "./c.ts";\n',
      "gateway/store/c.ts": 'export * from "./b.ts";\n',
    });
    expect(faultsIn(root)).toEqual([
      "gateway/store/b.ts:2: import cycle: gateway/store/b.ts -> gateway/store/c.ts -> gateway/store/b.ts",
    ]);
  });

  it("fails on a file that imports itself", () => {
    plant({ "gateway/store/a.ts": 'import "./a.ts";\n' });
    expect(faultsIn(root)).toHaveLength(1);
  });
});

describe("finding imports", () => {
  it("sees none in comments, texts, templates and other words", () => {
    const source = [
      '// import "a";',
      '/* export * from "b"; */',
      "const text = \"import 'c'\";",
      `const template = \`import "d" \${"import"} from "e"\`;`,
      'export const from = "f";',
      'export interface Letter { from: "g" }',
      'const pattern = /import "h"/;',
      'const url = new URL("i", base);',
      'object.import("j");',
      'export function read(from = "k") {}',
    ].join("\n");
    expect(importsOf(source)).toEqual([]);
  });

  it("sees each in its line", () => {
    const source =
      'import a, {\n  b as c,\n} from "one";\nimport "two";\nexport type { D } from \'three\';\n';
    expect(importsOf(source)).toEqual([
      { specifier: "one", line: 3 },
      { specifier: "two", line: 4 },
      { specifier: "three", line: 5 },
    ]);
  });
});
