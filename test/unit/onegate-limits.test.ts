import { beforeEach, describe, expect, it } from "vitest";
import { Buckets } from "../../gateway/onegate/fairness/buckets.ts";
import { RateLimitedError } from "../../gateway/onegate/fairness/limits.ts";
import { createLimits } from "../../gateway/onegate/fairness/rates.ts";
import { oneGateSettingsSchema } from "../../gateway/onegate/settings.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import { guestHeaders, openGate } from "../support/onegate.ts";
import { type ServedGate, serveGate } from "../support/served-gate.ts";

/** How often a VM, an address and a stranger may ask, on a clock that stands still between requests. */

let clock: ManualClock;
let fake: FakeCloud;

beforeEach(() => {
  clock = manualClock();
  fake = new FakeCloud();
  fake.addService(1, { only: [7, 8] });
});

describe("a VM", () => {
  const limits = { vm: { perSecond: 2, burst: 3 }, vmWrite: { perSecond: 1, burst: 1 } };

  it("is answered 429 beyond its burst, with when to come back", async () => {
    const { askAs } = openGate(fake, { clock, settings: { limits } });
    const states = [];
    for (let time = 0; time < 3; time += 1) {
      const { status, headers } = await askAs(7, "/vm");
      states.push([status, headers.get("ratelimit"), headers.get("ratelimit-policy")]);
    }
    expect(states).toEqual([
      [200, '"vm";r=2;t=1', '"vm";q=3;w=2'],
      [200, '"vm";r=1;t=1', '"vm";q=3;w=2'],
      [200, '"vm";r=0;t=2', '"vm";q=3;w=2'],
    ]);
    const refused = await askAs(7, "/vm");
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(refused.headers.get("ratelimit")).toBe('"vm";r=0;t=2');
    expect(refused.body).toBe(
      "VM 7 sends more requests than it may: 2 a second for long and 3 at once are taken; ask again in 1 s.",
    );
    expect((await askAs(8, "/vm")).status).toBe(200);
  });

  it("is let in again as its bucket fills, and no more often than that", async () => {
    const { askAs } = openGate(fake, { clock, settings: { limits } });
    const askTimes = async (times: number) => {
      const statuses = [];
      for (let time = 0; time < times; time += 1) statuses.push((await askAs(7, "/vm")).status);
      return statuses;
    };
    expect(await askTimes(5)).toEqual([200, 200, 200, 429, 429]);
    clock.advance(500);
    expect(await askTimes(2)).toEqual([200, 429]);
    clock.advance(3_600_000);
    expect(await askTimes(4)).toEqual([200, 200, 200, 429]);
  });

  it("is not let in by a wall clock that was set", async () => {
    const { askAs } = openGate(fake, { clock, settings: { limits } });
    for (let time = 0; time < 3; time += 1) await askAs(7, "/vm");
    clock.jump(3_600_000);
    expect((await askAs(7, "/vm")).status).toBe(429);
  });

  it("may ask with HEAD as often as with GET, since that writes nothing", async () => {
    const { askAs } = openGate(fake, { clock, settings: { limits } });
    for (let time = 0; time < 3; time += 1) {
      expect((await askAs(7, "/vm", { method: "HEAD" })).status).toBe(200);
    }
  });

  it("has a limit of its own for writes", async () => {
    const { askAs } = openGate(fake, { clock, settings: { limits } });
    const put = { method: "PUT", body: "A = 1" };
    const first = await askAs(7, "/vm", put);
    expect([first.status, first.headers.get("ratelimit")]).toEqual([200, '"vm_write";r=0;t=1']);
    const second = await askAs(7, "/vm", put);
    expect([second.status, second.body]).toEqual([429, expect.stringContaining("sends more writes than")]);
    expect((await askAs(7, "/vm")).headers.get("ratelimit")).toBe('"vm";r=1;t=1');
  });

  it("may ask as it likes where limits are off", async () => {
    const { askAs } = openGate(fake, { clock, settings: { limits: { ...limits, enabled: false } } });
    for (let time = 0; time < 10; time += 1) {
      const { status, headers } = await askAs(7, "/vm");
      expect([status, headers.has("ratelimit")]).toEqual([200, false]);
    }
  });
});

describe("an address", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1", "192.0.2.2"],
    ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"],
  ])("of %s is shared by its VMs alone", (one, same, other) => {
    const { admitGuest } = limitsOf({ address: { perSecond: 1, burst: 2 } });
    admitGuest(request(one), guest(7));
    admitGuest(request(same), guest(8));
    expect(() => admitGuest(request(one), guest(9))).toThrow(/^\S+ sends more requests of its VMs than/);
    expect(() => admitGuest(request(other), guest(9))).not.toThrow();
  });

  it("loses nothing by what the VM's own limit refused", () => {
    const { admitGuest } = limitsOf({ vm: { perSecond: 1, burst: 1 }, address: { perSecond: 1, burst: 2 } });
    admitGuest(request("192.0.2.1"), guest(7));
    for (let time = 0; time < 100; time += 1)
      expect(() => admitGuest(request("192.0.2.1"), guest(7))).toThrow(/^VM 7 /);
    expect(() => admitGuest(request("192.0.2.1"), guest(8))).not.toThrow();
  });

  it("takes nothing from a VM that it refuses", () => {
    const { admitGuest } = limitsOf({ vm: { perSecond: 1, burst: 2 }, address: { perSecond: 1, burst: 1 } });
    admitGuest(request("192.0.2.1"), guest(7));
    for (let time = 0; time < 5; time += 1)
      expect(() => admitGuest(request("192.0.2.1"), guest(7))).toThrow(RateLimitedError);
    expect(() => admitGuest(request("192.0.2.2"), guest(7))).not.toThrow();
  });
});

describe("a stranger", () => {
  let gate: ServedGate;
  const settings = { limits: { stranger: { perSecond: 1, burst: 2 } } };

  it("is answered 429 beyond its burst, while a right token passes", async () => {
    gate = await serveGate(fake, { clock, settings });
    try {
      const statuses = [];
      for (const path of ["/vm", "/limits", "/nothing", "/vm", "/limits"])
        statuses.push((await fetch(gate.url + path)).status);
      expect(statuses).toEqual([401, 200, 429, 429, 429]);
      expect((await fetch(`${gate.url}/vm`, { headers: guestHeaders(fake, 7) })).status).toBe(200);
      clock.advance(1_000);
      expect((await fetch(`${gate.url}/vm`)).status).toBe(401);
    } finally {
      await gate.close();
    }
  });
});

describe("the table of buckets", () => {
  it("keeps its bound, and the largest debt whoever else comes", () => {
    const buckets = new Buckets<number>({ perSecond: 1, burst: 100 }, 64);
    const take = (key: number) => buckets.take(key, buckets.afterOne(key, 0), 0);
    for (let time = 0; time < 50; time += 1) take(-1);
    for (let key = 0; key < 10_000; key += 1) take(key);
    expect(buckets.size).toBe(64);
    expect(buckets.owed(-1, 0)).toBe(50);
  });

  it("drops who owes nothing first", () => {
    const buckets = new Buckets<number>({ perSecond: 1, burst: 10 }, 4);
    const take = (key: number, now: number) => buckets.take(key, buckets.afterOne(key, now), now);
    for (const key of [1, 2, 3]) take(key, 0);
    take(4, 1_500);
    take(5, 1_500);
    expect([buckets.owed(4, 1_500), buckets.owed(5, 1_500)]).toEqual([1, 1]);
    expect(buckets.size).toBe(2);
  });

  it("counts whole requests of rates that no binary fraction meets", () => {
    const buckets = new Buckets<string>({ perSecond: 3, burst: 1_000 });
    for (let taken = 1; taken <= 1_000; taken += 1) {
      const fullAt = buckets.afterOne("a", 12_345.678);
      expect(buckets.waitMs(fullAt, 12_345.678)).toBe(0);
      buckets.take("a", fullAt, 12_345.678);
      expect(buckets.left(fullAt, 12_345.678)).toBe(1_000 - taken);
    }
    expect(buckets.waitMs(buckets.afterOne("a", 12_345.678), 12_345.678)).toBeCloseTo(333.3, 0);
  });
});

function limitsOf(limits: object) {
  return createLimits(oneGateSettingsSchema.parse({ limits }).limits, clock);
}

type LimitsRequest = Parameters<ReturnType<typeof createLimits>["admitGuest"]>[0];
type LimitsGuest = Parameters<ReturnType<typeof createLimits>["admitGuest"]>[1];

/** Of a request the limits look at its address and method alone, of a guest at its VM's id. */
function request(address: string): LimitsRequest {
  const part: Pick<LimitsRequest, "address" | "method"> = { address, method: "GET" };
  return part as LimitsRequest;
}

function guest(id: number): LimitsGuest {
  const part: object = { vm: { id } };
  return part as LimitsGuest;
}
