import { describe, expect, it } from "vitest";
import type { HomeCommands } from "../../gateway/admin/commands.ts";
import { Health } from "../../gateway/admin/health.ts";
import { createHealthApp } from "../../gateway/admin/health-app.ts";
import { createSocketApp } from "../../gateway/admin/socket-app.ts";
import { Closers } from "../../gateway/main/closers.ts";
import { type SignalledProcess, stopRequested } from "../../gateway/main/stop-signals.ts";
import { storeCheck } from "../../gateway/main/store-check.ts";
import { memoryStore } from "../../gateway/store/memory.ts";
import type { Clock } from "../../shared/clock.ts";
import { GatehouseError } from "../../shared/errors.ts";
import { silentLogger } from "../../shared/log.ts";

/** Time that moves when told to. */
function manualClock() {
  let now = 0;
  let timers: { readonly at: number; readonly work: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    elapsed: () => now,
    after(delayMs, work) {
      const timer = { at: now + delayMs, work };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
  };
  const advance = (ms: number): void => {
    now += ms;
    const due = timers.filter(({ at }) => at <= now);
    timers = timers.filter(({ at }) => at > now);
    for (const { work } of due) work();
  };
  return { clock, advance, waiting: () => timers.length };
}

/** A home that stays where it is. */
const HOME = { path: "/srv/gatehouse", isThere: () => true };

describe("the admin port", () => {
  it("lives, and is ready only while every part says so", async () => {
    const { clock } = manualClock();
    const health = new Health(clock);
    const app = createHealthApp(health, silentLogger);
    let reason: string | undefined = "not everything listens";
    health.register("start", async () => reason);
    expect((await app.request("/healthz")).status).toBe(200);
    const unready = await app.request("/readyz");
    expect([unready.status, await unready.json()]).toEqual([
      503,
      { status: "not ready", checks: { start: "not everything listens" } },
    ]);
    reason = undefined;
    health.changed();
    const ready = await app.request("/readyz");
    expect([ready.status, await ready.json()]).toEqual([200, { status: "ready", checks: { start: "ok" } }]);
  });

  it("is not ready while the store cannot write, says why, and recovers by itself", async () => {
    const { clock, advance } = manualClock();
    const store = memoryStore();
    const health = new Health(clock);
    health.register("store", storeCheck(HOME, store));
    expect((await health.report()).ready).toBe(true);
    store.failNext();
    advance(1_000);
    expect(await health.report()).toEqual({
      ready: false,
      checks: { store: "The store cannot write, the disk is full." },
    });
    advance(1_000);
    expect((await health.report()).ready).toBe(true);
    for await (const objects of store.load()) expect(objects).toEqual([]);
  });

  it("is not ready once its home was removed, where the store still takes what is written", async () => {
    const health = new Health(manualClock().clock);
    health.register("store", storeCheck({ ...HOME, isThere: () => false }, memoryStore()));
    const { ready, checks } = await health.report();
    expect(ready).toBe(false);
    expect(checks.store).toMatch(/^The home \/srv\/gatehouse is not where it was opened any more/);
  });

  it("asks the parts once for many who ask within a second", async () => {
    const { clock, advance } = manualClock();
    const health = new Health(clock);
    let asked = 0;
    health.register("part", async () => {
      asked += 1;
      return undefined;
    });
    await Promise.all([health.report(), health.report()]);
    advance(999);
    await health.report();
    expect(asked).toBe(1);
    advance(1);
    await health.report();
    expect(asked).toBe(2);
  });

  it("takes a part that hangs, or throws, for not ready", async () => {
    const { clock, advance, waiting } = manualClock();
    const health = new Health(clock);
    health.register("hung", () => new Promise(() => undefined));
    health.register("broken", () => Promise.reject(new Error("it broke")));
    const report = health.report();
    advance(2_000);
    expect((await report).checks).toEqual({ hung: "no answer within 2000 ms", broken: "it broke" });
    expect(waiting()).toBe(0);
  });

  it("gives no token, import or export: those are on the socket only", async () => {
    const app = createHealthApp(new Health(manualClock().clock), silentLogger);
    for (const path of ["/token/0", "/export", "/import", "/"])
      expect((await app.request(path)).status).toBe(404);
  });
});

describe("the admin socket", () => {
  const commands: HomeCommands = {
    token: async (vmId) => `token of ${vmId}`,
    revokeTokens: async () => undefined,
    allowToken: async () => true,
    rotateTokenPassword: async (user, graceMs) => ({ user, until: graceMs }),
    tokenStanding: async () => ({ revoked: [], grace: [], sessionKeys: [], identityKeys: [] }),
    importWorld: async (text) => {
      throw new GatehouseError("conflict", `in use: ${text}`);
    },
    exportWorld: () => Promise.reject(new Error("s3cr3t detail")),
  };
  const app = createSocketApp(new Health(manualClock().clock), commands, silentLogger);

  it("answers, and carries the house's errors with their codes", async () => {
    expect(await (await app.request("/token/7")).json()).toEqual({ token: "token of 7" });
    const refused = await app.request("/import", { method: "POST", body: "{}" });
    expect([refused.status, await refused.json()]).toEqual([
      409,
      { error: { code: "conflict", message: "in use: {}" } },
    ]);
    expect((await app.request("/token/x")).status).toBe(404);
    expect((await app.request("/healthz")).status).toBe(200);
  });

  it("keeps an inner error to the log", async () => {
    const failed = await app.request("/export");
    expect(failed.status).toBe(500);
    expect(await failed.text()).not.toContain("s3cr3t");
  });
});

describe("stopping", () => {
  function signals() {
    const listeners = new Map<string, () => void>();
    const exits: number[] = [];
    const target: SignalledProcess = {
      on: (signal, listener) => listeners.set(signal, listener),
      exit: (status) => {
        exits.push(status);
        throw new Error("exited");
      },
    };
    return { target, exits, send: (signal: string) => listeners.get(signal)?.() };
  }

  it("begins with the first signal, and does not wait any more at a second one", async () => {
    const { clock, advance } = manualClock();
    const { target, exits, send } = signals();
    const stop = stopRequested(target, clock, silentLogger);
    send("SIGTERM");
    expect(await stop).toBe("SIGTERM");
    advance(500);
    expect(() => send("SIGINT")).toThrow("exited");
    expect(exits).toEqual([130]);
  });

  it("takes the same Ctrl-C from terminal, npm and launcher for one request", async () => {
    const { clock, advance } = manualClock();
    const { target, exits, send } = signals();
    const stop = stopRequested(target, clock, silentLogger);
    for (let count = 0; count < 3; count += 1) {
      send("SIGINT");
      advance(100);
    }
    expect(await stop).toBe("SIGINT");
    expect(exits).toEqual([]);
  });

  it("closes what was opened last first, and the rest although a part fails", async () => {
    const closed: string[] = [];
    const closers = new Closers(silentLogger);
    closers.add("first", () => void closed.push("first"));
    closers.add("second", () => Promise.reject(new Error("stuck")));
    closers.add("third", async () => void closed.push("third"));
    await closers.closeAll();
    await closers.closeAll();
    expect(closed).toEqual(["third", "first"]);
  });
});
