import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seriesOf } from "../../gateway/cli/one/monitoring/metric-series.ts";
import { unitOf, valueText } from "../../gateway/cli/one/monitoring/metrics.ts";
import { isUtf8Locale, sparkline } from "../../gateway/cli/one/monitoring/sparkline.ts";
import { xmlToTree } from "../../shared/xml/parse.ts";
import { type Credentials, RECORDED_NOW, runLine } from "../support/admin-command.ts";
import { recordedBody, type ScriptedCore, startScriptedCore, success } from "../support/scripted-core.ts";

let core: ScriptedCore;
let credentials: Credentials;

beforeAll(async () => {
  core = await startScriptedCore({
    "one.vm.monitoring": ({ values }) =>
      values[1] === "7" ? success("<MONITORING_DATA/>") : recordedBody("vm-monitoring"),
    "one.host.monitoring": recordedBody("host-monitoring"),
  });
  const directory = mkdtempSync(join(tmpdir(), "one-monitoring-"));
  credentials = { directory, file: join(directory, "one_auth") };
  writeFileSync(credentials.file, "alice:alicepw\n");
});

afterAll(async () => {
  rmSync(credentials.directory, { recursive: true });
  await core.close();
});

async function run(line: string, more: { columns?: number; lang?: string } = {}) {
  const env = { ONE_XMLRPC: core.endpoint, ONE_AUTH: credentials.file, LANG: more.lang ?? "C.UTF-8" };
  return await runLine(core, credentials, line.split(" "), { env, columns: more.columns });
}

describe("monitoring", () => {
  it("prints a line a metric: bars, least, mean, greatest and last with their units", async () => {
    const { code, out, err } = await run("onevm monitoring 0 --last 30m");
    expect([code, err]).toEqual([0, ""]);
    const [title, blank, head, ...lines] = out.trimEnd().split("\n");
    expect(title).toMatch(/^VM 0, the last 30m: \S+ \S+ to \S+ \S+, 53 readings$/);
    expect(blank).toBe("");
    expect(head).toMatch(/^METRIC +MIN +AVG +MAX +LAST$/);
    expect(lines.map((line) => line.split(" ")[0])).toEqual([
      ...[
        "CPU",
        "DISKRDBYTES/s",
        "DISKRDIOPS/s",
        "DISKWRBYTES/s",
        "DISKWRIOPS/s",
        "MEMORY",
        "NETRX/s",
        "NETTX/s",
      ],
    ]);
    expect(lines[5]).toMatch(/^MEMORY +[▁▂▃▄▅▆▇█ ]+ +[\d.]+M +[\d.]+M +[\d.]+M +[\d.]+M$/);
    expect(lines[0]).toMatch(/ 0% +0% +0% +0%$/);
    expect(core.calls.at(-1)).toEqual(["one.vm.monitoring", "0", "1800"]);
  });

  it("asks for four hours unless told otherwise", async () => {
    await run("onevm monitoring 0");
    expect(core.calls.at(-1)).toEqual(["one.vm.monitoring", "0", "14400"]);
  });

  it.each([[200], [120], [80], [60], [50], [44]])("fits a terminal of %i columns", async (columns) => {
    const { out } = await run("onevm monitoring 0 --last 30m", { columns });
    const widths = out
      .trimEnd()
      .split("\n")
      .slice(2)
      .map((line) => [...line].length);
    expect(Math.max(...widths)).toBeLessThanOrEqual(columns);
    expect(out).toContain("LAST");
    expect(out.includes("AVG")).toBe(columns >= 60);
  });

  it("draws in ASCII where the locale is not UTF-8", async () => {
    const { out } = await run("onehost monitoring 0 --last 30m --metric used_cpu", { lang: "C" });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that it is nothing but ASCII is the point.
    expect(out).toMatch(/^[\u0000-\u007f]+$/);
    expect(out).toMatch(/\nUSED_CPU +[_.\-+=*#@ ]+ [\d.]+% /);
  });

  it("takes the metrics of a host out of their sections", async () => {
    const { out } = await run("onehost monitoring 0 --last 30m --csv");
    const [head, first] = out.split("\n");
    expect(head).toBe("TIMESTAMP,FREE_CPU,FREE_MEMORY,USED_CPU,USED_MEMORY,NETRX/s,NETTX/s");
    expect(first).toMatch(/^\d{10},\d+,\d+,\d+,\d+,,$/);
  });

  it("prints JSON with every value", async () => {
    const { out } = await run("onevm monitoring 0 --last 30m --metric MEMORY,NETRX --json");
    const { id, from, to, metrics } = JSON.parse(out);
    expect([id, from, to]).toEqual([0, RECORDED_NOW - 1_800, RECORDED_NOW]);
    expect(metrics).toMatchObject([
      { name: "MEMORY", unit: "KiB", rate: false },
      { name: "NETRX", unit: "B/s", rate: true },
    ]);
    expect(metrics[0].points).toHaveLength(53);
    expect(metrics[0].points[0]).toEqual({ at: 1_795_170_161, value: 53_084 });
  });

  it.each<[string, string]>([
    ["onevm monitoring 0 --metric CPUS", "There is no metric CPUS; there are CPU, DISKRDBYTES, "],
    ["onevm monitoring 0 --last 5", '"5" is no duration'],
    ["onevm monitoring 0 --last 0", "--last must be longer than 0."],
    ["onevm monitoring 0 --json --csv", "--json and --csv cannot both be given."],
  ])("refuses %s", async (line, message) => {
    const { code, err } = await run(line);
    expect([code, err]).toEqual([255, expect.stringContaining(message)]);
  });

  it("says so when there is nothing", async () => {
    expect(await run("onevm monitoring 7 --last 1h")).toEqual({
      code: 0,
      out: "VM 7 has no readings of the last 1h.\n",
      err: "",
    });
    expect((await run("onevm monitoring 7 --csv")).out).toBe("TIMESTAMP\n");
  });

  it("shows examples in its help", async () => {
    const { out } = await run("onehost monitoring --help");
    expect(out).toContain("onehost monitoring 0 --last 24h --metric USED_CPU,USED_MEMORY");
  });
});

describe("a counter", () => {
  const data = (values: readonly (readonly [number, number])[]) =>
    xmlToTree(
      `<MONITORING_DATA>${values
        .map(
          ([at, value]) =>
            `<MONITORING><TIMESTAMP>${at}</TIMESTAMP><ID>1</ID><NETRX>${value}</NETRX></MONITORING>`,
        )
        .join("")}</MONITORING_DATA>`,
    ).node;

  it("is shown as its growth a second, in order of time, and begins anew when it goes back", () => {
    const { readings, series } = seriesOf(
      data([
        [30, 1_600],
        [10, 1_000],
        [40, 50],
        [50, 150],
      ]),
    );
    expect(readings).toBe(4);
    expect(series).toEqual([
      {
        name: "NETRX",
        unit: "B/s",
        isRate: true,
        points: [
          { at: 30, value: 30 },
          { at: 50, value: 10 },
        ],
      },
    ]);
  });

  it("of one reading says nothing yet", () => {
    expect(seriesOf(data([[10, 5]])).series).toEqual([]);
  });
});

describe("a sparkline", () => {
  const points = [0, 10, 20, 80].map((value, index) => ({ at: 100 + index * 10, value }));

  it("has a bar for each stretch, and blanks where nothing was measured", () => {
    expect(sparkline(points, { from: 100, to: 139 }, 4, true)).toBe("▁▂▃█");
    expect(sparkline(points, { from: 100, to: 139 }, 4, false)).toBe("_.-@");
    expect(sparkline(points, { from: 100, to: 179 }, 8, true)).toBe("▁▂▃█    ");
    expect(sparkline(points, { from: 100, to: 139 }, 2, true)).toBe("▂█");
    expect(sparkline([{ at: 5, value: 0 }], { from: 0, to: 9 }, 2, true)).toBe(" ▁");
    expect(
      sparkline(
        [
          { at: 0, value: -5 },
          { at: 5, value: 0 },
        ],
        { from: 0, to: 9 },
        2,
        true,
      ),
    ).toBe("▁█");
  });

  it("is UTF-8 where the locale says so", () => {
    expect(isUtf8Locale({ LANG: "de_DE.utf8" })).toBe(true);
    expect(isUtf8Locale({ LANG: "de_DE.UTF-8", LC_ALL: "C" })).toBe(false);
    expect(isUtf8Locale({})).toBe(false);
  });
});

describe("values", () => {
  it.each([
    ["CPU", 12.345, "12.3%"],
    ["MEMORY", 1_048_576 * 1.5, "1.5G"],
    ["USED_MEMORY_FORECAST_FAR", 512, "512K"],
    ["NETRX", 512, "512B"],
    ["NETRX_BW", 2_048, "2K"],
    ["DISKRDIOPS", 1.2345, "1.23"],
    ["LOAD", 0.5, "0.5"],
  ])("of %s: %f is %s", (metric, value, text) => {
    expect(valueText(value, unitOf(metric))).toBe(text);
  });
});
