import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { LEAVES } from "../../gateway/config/leaves.ts";
import { limitsDocument } from "../../gateway/onegate/fairness/limits-document.ts";
import { oneGateSettingsSchema } from "../../gateway/onegate/settings.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { openGate } from "../support/onegate.ts";

/** docs/onegate.md, "Limits": its table is `GET /limits` with the default settings. */

const page = readFileSync(new URL("../../docs/onegate.md", import.meta.url), "utf8");
const section = page.split(/^## /m).find((part) => part.startsWith("Limits\n")) ?? "";
const rows = [...section.matchAll(/^\| `([\w.]+)` +\| (?:`(onegate\.[\w.]+)`|fixed) +\| (\S+) +\|$/gm)].map(
  ([, name = "", setting, value = ""]) => ({ name, setting, value }),
);

it("the table in the documentation has every number of GET /limits, and the defaults", async () => {
  const { ask } = openGate(new FakeCloud());
  const { body } = await ask("/limits");
  expect(JSON.parse(body)).toEqual(limitsDocument(oneGateSettingsSchema.parse({})));
  const told = leaves(JSON.parse(body).LIMITS, "");
  expect(rows.map(({ name, value }) => [name, value])).toEqual(told);
});

it("every setting in the table exists", () => {
  const known = new Set(LEAVES.map(({ path }) => path));
  expect(
    rows.flatMap(({ setting }) => (setting === undefined || known.has(setting) ? [] : [setting])),
  ).toEqual([]);
});

it("GET /limits tells what is in force", async () => {
  const settings = { limits: { enabled: false, attributes: 5 }, maxBodyBytes: 2_048 };
  const { body, headers, status } = await openGate(new FakeCloud(), { settings }).ask("/limits");
  expect([status, headers.get("content-type")]).toEqual([200, "application/json;charset=utf-8"]);
  expect(JSON.parse(body).LIMITS).toMatchObject({
    enabled: false,
    attributes: { max_count: 5 },
    body: { max_bytes: 2_048 },
  });
});

/** Dotted names and values, in order. */
function leaves(value: unknown, path: string): readonly (readonly [string, string])[] {
  if (typeof value !== "object" || value === null) return [[path, String(value)]];
  return Object.entries(value).flatMap(([name, inner]) =>
    leaves(inner, path === "" ? name : `${path}.${name}`),
  );
}
