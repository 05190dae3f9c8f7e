import { describe, expect, it } from "vitest";
import { NoisyVms } from "../../gateway/onegate/sight/noisy-vms.ts";
import type { GateObserver } from "../../gateway/onegate/sight/observer.ts";
import { RequestCounts } from "../../gateway/onegate/sight/request-counts.ts";
import { createRequestLog } from "../../gateway/onegate/sight/request-log.ts";
import { SpaceSaving } from "../../gateway/onegate/sight/space-saving.ts";
import { DURATION_BOUNDS, DurationCounts, percentile } from "../../shared/duration-counts.ts";
import type { LogDetails, Logger } from "../../shared/log.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { manualClock } from "../support/manual-clock.ts";
import { openGate } from "../support/onegate.ts";
import { requestSeen } from "../support/request-seen.ts";

describe("counts of requests", () => {
  function counted() {
    const counts = new RequestCounts();
    const observer: GateObserver = {
      seen: (request) => counts.seen(request),
      waiting: (change) => counts.waiting(change),
    };
    const fake = new FakeCloud();
    fake.addService(1, { frontend: [7], worker: [8] });
    return { counts, gate: openGate(fake, { observer }) };
  }

  it("go by the route's pattern, method and status", async () => {
    const { counts, gate } = counted();
    await gate.askAs(7, "/vm");
    await gate.ask("/vm");
    await gate.askAs(7, "/vm", { method: "PUT", body: "A = 1" });
    await gate.askAs(7, "/vms/8");
    await gate.askAs(7, "/vms/7");
    const told = counts.routes().map(({ route, method, statuses, durations }) => ({
      route: `${method} ${route}`,
      statuses: Object.fromEntries(statuses),
      timed: durations.count,
    }));
    expect(told).toEqual([
      { route: "GET /vm", statuses: { 200: 1, 401: 1 }, timed: 2 },
      { route: "PUT /vm", statuses: { 200: 1 }, timed: 1 },
      { route: "GET /vms/:id", statuses: { 200: 2 }, timed: 2 },
    ]);
    expect(counts.wrongTokens).toBe(1);
  });

  it("stay as few as there are routes and methods, whatever is asked", async () => {
    const { counts, gate } = counted();
    for (let n = 0; n < 300; n += 1) {
      await gate.ask(`/invented/${n}`);
      await gate.askAs(7, `/vms/${n}`);
      await gate.askAs(7, `/vm/SOME/${n}`);
      await gate.ask("/vm", { method: `METHOD${n}` });
    }
    for (let n = 0; n < 300; n += 1) counts.seen(requestSeen({ status: 429, limit: `limit${n}` }));
    expect(
      counts
        .routes()
        .map(({ method, route }) => `${method} ${route}`)
        .sort(),
    ).toEqual(["GET /vm", "GET /vm/:path", "GET /vms/:id", "GET none", "other none"]);
    expect(counts.limited.size).toBeLessThanOrEqual(33);
    expect([...counts.limited.values()].reduce((sum, n) => sum + n)).toBe(300);
  });

  it("know who waits", () => {
    const counts = new RequestCounts();
    for (const change of [1, 1, -1] as const) counts.waiting(change);
    expect(counts.waiters).toBe(1);
  });
});

describe("counts of durations", () => {
  it("find percentiles as the upper bound of their bucket", () => {
    const counts = new DurationCounts();
    for (let n = 0; n < 98; n += 1) counts.add(0.00002);
    counts.add(0.0042);
    counts.add(1_000);
    const { buckets, count, sumSeconds } = counts.sums();
    expect({ count, sum: sumSeconds.toFixed(5) }).toEqual({ count: 100, sum: "1000.00616" });
    expect([0.5, 0.98, 0.99, 1].map((share) => percentile(buckets, share))).toEqual([
      0.00002,
      0.00002,
      0.005,
      DURATION_BOUNDS.at(-1),
    ]);
    expect(percentile([0, 0], 0.5)).toBeUndefined();
  });
});

describe("the noisiest VMs", () => {
  it("are found among any number, in bounded memory", () => {
    const sketch = new SpaceSaving(200);
    for (let n = 0; n < 50_000; n += 1) {
      sketch.add(1_000 + n);
      if (n % 20 === 0) sketch.add(7);
      if (n % 40 === 0) sketch.add(8);
    }
    const [first, second] = sketch.all();
    expect(sketch.all()).toHaveLength(200);
    expect([first?.key, second?.key]).toEqual([7, 8]);
    expect(first?.count).toBeGreaterThanOrEqual(2_500);
    expect(sketch.all().reduce((sum, { count }) => sum + count, 0)).toBe(sketch.total);
    expect((first?.count ?? 0) - (first?.error ?? 0)).toBeLessThanOrEqual(2_500);
  });

  it("are those of the last seconds", () => {
    const clock = manualClock();
    const noisy = new NoisyVms(clock);
    for (let n = 0; n < 100; n += 1) noisy.seen(1);
    noisy.seen(2);
    clock.advance(4_000);
    expect(noisy.noisiest(1)).toEqual([{ vmId: 1, rate: 25 }]);
    for (let s = 0; s < 5; s += 1) clock.advance(1_000);
    noisy.seen(3);
    clock.advance(1_000);
    expect(noisy.noisiest(9).map(({ vmId }) => vmId)).toEqual([3]);
    noisy.close();
    expect(clock.waiting()).toBe(0);
  });
});

describe("the log of requests", () => {
  function logged(everyRequest: boolean) {
    const lines: (readonly [string, LogDetails])[] = [];
    const line = (level: string) => (details: LogDetails) => void lines.push([level, details]);
    const log: Logger = {
      error: line("error"),
      warn: line("warn"),
      info: line("info"),
      debug: line("debug"),
    };
    const clock = manualClock();
    return { lines, clock, requests: createRequestLog({ clock, log, everyRequest }) };
  }

  it("has each request at debug level, with its id", () => {
    const { lines, requests } = logged(true);
    requests.seen(requestSeen({ id: "run-4", status: 404 }));
    expect(lines).toMatchObject([["debug", { requestId: "run-4", status: 404, method: "GET" }]]);
  });

  it("warns of slow ones, once a second at most, and says how many there were", () => {
    const { lines, clock, requests } = logged(false);
    const slow = () => requests.seen(requestSeen({ durationMs: 1_001 }));
    requests.seen(requestSeen({ durationMs: 1_000 }));
    for (let n = 0; n < 50; n += 1) slow();
    clock.advance(1_000);
    slow();
    expect(lines).toMatchObject([
      ["warn", { durationMs: 1_001, moreSlow: 0 }],
      ["warn", { moreSlow: 49 }],
    ]);
  });
});
