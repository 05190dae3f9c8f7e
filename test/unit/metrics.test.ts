import { describe, expect, it } from "vitest";
import { Health } from "../../gateway/admin/health.ts";
import { createHealthApp } from "../../gateway/admin/health-app.ts";
import { Metrics } from "../../gateway/admin/metrics.ts";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { manualClock } from "../support/manual-clock.ts";
import { parseExposition, seriesValue } from "../support/prometheus-text.ts";

describe("metrics", () => {
  it("tell the sums as they are when somebody asks", async () => {
    const metrics = new Metrics(systemClock);
    let asked = 0;
    metrics.counter({
      name: "doors_opened_total",
      help: "Doors opened.",
      labelNames: ["door"],
      read: () => [
        { labels: { door: "front" }, value: ++asked },
        { labels: { door: 'a "back"\\\n' }, value: 7 },
      ],
    });
    metrics.gauge({ name: "doors_open", help: "Doors open now.", read: async () => [{ value: -1.5 }] });

    const first = parseExposition(await metrics.text());
    const second = parseExposition(await metrics.text());

    expect(seriesValue(first, "doors_opened_total", { door: "front" })).toBe(1);
    expect(seriesValue(second, "doors_opened_total", { door: "front" })).toBe(2);
    expect(seriesValue(second, "doors_opened_total", { door: 'a "back"\\\n' })).toBe(7);
    expect(seriesValue(second, "doors_open")).toBe(-1.5);
  });

  it("add a histogram's buckets up to its count", async () => {
    const metrics = new Metrics(systemClock);
    metrics.histogram(
      {
        name: "opening_duration_seconds",
        help: "Time to open a door.",
        labelNames: ["door"],
        read: () => [{ labels: { door: "front" }, count: 10, sum: 4.5, buckets: [1, 2, 4] }],
      },
      [0.1, 0.5, 1],
    );
    const families = parseExposition(await metrics.text());
    const upTo = (le: string) =>
      seriesValue(families, "opening_duration_seconds_bucket", { door: "front", le });
    expect(["0.1", "0.5", "1", "+Inf"].map(upTo)).toEqual([1, 3, 7, 10]);
    expect(seriesValue(families, "opening_duration_seconds_sum")).toBe(4.5);
  });

  it("leave a family out that hangs or fails, say so, and tell the others", async () => {
    const clock = manualClock();
    const metrics = new Metrics(clock);
    metrics.gauge({ name: "hung", help: "Never tells.", read: () => new Promise(() => {}) });
    metrics.gauge({
      name: "broken",
      help: "Throws.",
      read: () => {
        throw new Error("no");
      },
    });
    metrics.gauge({ name: "well", help: "Tells.", read: () => [{ value: 1 }] });

    const text = metrics.text();
    await clock.runNext();
    const families = parseExposition(await text);
    expect(families.get("hung")?.series).toEqual([]);
    expect(seriesValue(families, "well")).toBe(1);

    const again = metrics.text();
    await clock.runNext();
    await again;
    const last = metrics.text();
    await clock.runNext();
    const failures = parseExposition(await last);
    expect(seriesValue(failures, "gatehouse_metrics_failures_total", { family: "hung" })).toBeGreaterThan(0);
    expect(seriesValue(failures, "gatehouse_metrics_failures_total", { family: "broken" })).toBeGreaterThan(
      0,
    );
  });

  it("never tell more than 1,000 series of a family", async () => {
    const metrics = new Metrics(systemClock);
    const samples = Array.from({ length: 5_000 }, (_, vm) => ({ labels: { vm: String(vm) }, value: 1 }));
    metrics.gauge({ name: "by_vm", help: "A fault.", labelNames: ["vm"], read: () => samples });
    expect(parseExposition(await metrics.text()).get("by_vm")?.series).toHaveLength(1_000);
  });

  it("of the process can be read by a scraper, too", async () => {
    const metrics = new Metrics(systemClock);
    metrics.watchProcess();
    const families = parseExposition(await metrics.text());
    expect(seriesValue(families, "process_resident_memory_bytes")).toBeGreaterThan(0);
    expect(families.has("nodejs_eventloop_lag_p99_seconds")).toBe(true);
  });

  it("stand at /metrics of the admin port, as text and as JSON", async () => {
    const metrics = new Metrics(systemClock);
    metrics.gauge({ name: "well", help: "Tells.", read: () => [{ value: 1 }] });
    const app = createHealthApp(new Health(systemClock), silentLogger, metrics);
    const text = await app.request("/metrics");
    expect(text.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(seriesValue(parseExposition(await text.text()), "well")).toBe(1);
    const json: unknown = await (await app.request("/metrics?format=json")).json();
    expect(json).toContainEqual({
      name: "well",
      help: "Tells.",
      type: "gauge",
      values: [{ labels: {}, value: 1 }],
    });
  });

  it("are a 404 that says how to turn them on, where they are off", async () => {
    const answer = await createHealthApp(new Health(systemClock), silentLogger).request("/metrics");
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain("set admin.metrics.enabled to true");
  });
});
