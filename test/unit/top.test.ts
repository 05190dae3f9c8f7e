import { describe, expect, it } from "vitest";
import { pageLines } from "../../gateway/cli/top/page.ts";
import { readingOf } from "../../gateway/cli/top/reading.ts";
import { openScreen, type Terminal } from "../../gateway/cli/top/screen.ts";
import type { TopSample } from "../../gateway/main/live-house.ts";
import { DURATION_BOUNDS, DurationCounts } from "../../shared/duration-counts.ts";

/** A house after `count` requests of 20 µs, and one of 4 ms, on each of the routes. */
function sample(
  at: number,
  routes: Readonly<Record<string, number>>,
  other: Partial<TopSample> = {},
): TopSample {
  return {
    at,
    routes: Object.entries(routes).map(([name, count]) => {
      const [method = "", route = ""] = name.split(" ");
      const durations = new DurationCounts();
      for (let n = 1; n < count; n += 1) durations.add(0.00002);
      if (count > 0) durations.add(0.004);
      const { sumSeconds, buckets } = durations.sums();
      return { route, method, count, failed: 0, sumSeconds, buckets: [...buckets] };
    }),
    vms: [
      { vmId: 7, rate: 41.5 },
      { vmId: 8, rate: 0.1 },
    ],
    rateLimited: 0,
    wrongTokens: 0,
    waiters: 0,
    connections: [{ server: "onegate", count: 3 }],
    commits: 0,
    flushes: 0,
    commitsWaiting: 0,
    auditWritten: 0,
    auditDropped: 0,
    rssBytes: 100 * 2 ** 20,
    heapBytes: 30 * 2 ** 20,
    ...other,
  };
}

describe("a reading", () => {
  it("is what happened between two samples", () => {
    const before = sample(1_000, { "GET /vm": 1_000, "GET /idle": 5 }, { commits: 10, rateLimited: 5 });
    const after = sample(
      3_000,
      { "GET /vm": 1_400, "GET /idle": 5, "PUT /vm": 1 },
      { commits: 30, rateLimited: 6 },
    );
    const reading = readingOf(before, after);
    expect(reading).toMatchObject({
      seconds: 2,
      requestsPerSecond: 200.5,
      p50Ms: 0.02,
      p99Ms: 0.02,
      commitsPerSecond: 10,
      rateLimitedPerSecond: 0.5,
    });
    expect(reading.routes).toMatchObject([
      { method: "PUT", route: "/vm", requestsPerSecond: 0.5, meanMs: 4, p99Ms: 4 },
      { method: "GET", route: "/vm", requestsPerSecond: 200, p99Ms: 0.02 },
    ]);
  });

  it("of a house that was started anew between them is that of its own time", () => {
    const reading = readingOf(sample(90_000, { "GET /vm": 9_000 }), sample(2_000, { "GET /vm": 100 }));
    expect(reading).toMatchObject({ seconds: 2, requestsPerSecond: 50 });
  });

  it("of a quiet house has no percentiles", () => {
    const reading = readingOf(sample(1_000, {}), sample(2_000, {}));
    expect(reading).toMatchObject({ requestsPerSecond: 0, p50Ms: null, p99Ms: null, routes: [] });
  });
});

describe("a page", () => {
  const routes = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`GET /route/${n}`, n + 2]));
  const vms = Array.from({ length: 100 }, (_, vmId) => ({ vmId, rate: 100 - vmId }));
  const reading = readingOf(sample(1_000, {}), sample(2_000, routes, { vms }));

  it.each([
    [200, 100],
    [80, 24],
    [40, 12],
    [10, 3],
    [1, 1],
  ])("fits %d columns and %d rows", (columns, rows) => {
    const lines = pageLines(reading, { columns, rows });
    expect(lines.length).toBeLessThanOrEqual(rows);
    for (const line of lines) {
      expect(line.length).toBeLessThanOrEqual(columns);
      expect(line).toMatch(/^[ -~]*$/);
    }
  });

  it("gives room to routes and VMs alike, and to either what the other leaves", () => {
    const shown = (page: typeof reading, pattern: RegExp) =>
      pageLines(page, { columns: 100, rows: 29 }).filter((line) => pattern.test(line)).length;
    expect(shown(reading, /^GET/)).toBe(10);
    expect(shown(reading, /^VM/)).toBe(10);
    expect(shown({ ...reading, vms: [] }, /^GET/)).toBe(20);
    expect(shown({ ...reading, routes: [] }, /^VM/)).toBe(20);
  });

  it("moves no cursor, whatever a house says", () => {
    const evil = readingOf(sample(1, {}), sample(2, { "GET /\u001b[2J\n": 3 }));
    expect(pageLines(evil, { columns: 100, rows: 24 }).join("")).toMatch(/^[ -~]*$/);
  });
});

describe("a screen", () => {
  function scriptedTerminal() {
    const state = { written: "", raw: false, listeners: new Set<object>(), keys: (_: string) => {} };
    const hold = (listener: object) => {
      state.listeners.add(listener);
      return () => void state.listeners.delete(listener);
    };
    const terminal: Terminal = {
      size: () => ({ columns: 80, rows: 24 }),
      write: (text) => {
        state.written += text;
      },
      raw: (on) => {
        state.raw = on;
      },
      onKeys(listener) {
        state.keys = listener;
        return hold(listener);
      },
      onResize: hold,
      onStop: hold,
    };
    return { state, terminal };
  }

  it.each(["q", "Q", "\u0003", "xxq"])("ends at %j, and gives the terminal back as it was", async (keys) => {
    const { state, terminal } = scriptedTerminal();
    const screen = openScreen(terminal);
    screen.onResize(() => {});
    expect(state.raw).toBe(true);
    screen.draw(["one", "two"]);
    state.keys("x");
    state.keys(keys);
    expect(await screen.ended).toBe(true);
    screen.close();
    expect(state.raw).toBe(false);
    expect(state.listeners.size).toBe(0);
    expect(state.written.startsWith("\u001b[?1049h\u001b[?25l")).toBe(true);
    expect(state.written.endsWith("\u001b[?25h\u001b[?1049l")).toBe(true);
  });
});

it("the bounds of durations are decimal, and ascend", () => {
  expect(DURATION_BOUNDS.every((bound, index) => bound > (DURATION_BOUNDS[index - 1] ?? 0))).toBe(true);
  expect(DURATION_BOUNDS).toEqual(expect.arrayContaining([0.00001, 0.0025, 0.1, 1, 10]));
});
