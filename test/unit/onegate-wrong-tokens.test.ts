import { afterEach, beforeEach, expect, it } from "vitest";
import { WrongTokens } from "../../gateway/onegate/fairness/wrong-tokens.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import { guestHeaders, openGate } from "../support/onegate.ts";
import { type ServedGate, serveGate } from "../support/served-gate.ts";

/** Wrong tokens are answered the later the more of them an address sends; right ones never. */

let fake: FakeCloud;
let clock: ManualClock;
let gate: ServedGate | undefined;

beforeEach(() => {
  fake = new FakeCloud();
  fake.addService(1, { only: [7] });
  clock = manualClock();
});

afterEach(async () => {
  await gate?.close();
  gate = undefined;
});

const WRONG = { "X-ONEGATE-TOKEN": "d3Jvbmc=", "X-ONEGATE-VMID": "7" };

it("the first eight cost nothing, each further one 25 ms more, none over a second", () => {
  const waits: number[] = [];
  const after = (delayMs: number, work: () => void) => {
    waits.push(delayMs);
    work();
    return () => undefined;
  };
  const wrong = new WrongTokens({ ...clock, after });
  for (let time = 0; time < 60; time += 1) wrong.delay("192.0.2.1");
  const rising = Array.from({ length: 40 }, (_, index) => (index + 1) * 25);
  expect(waits).toEqual([...rising, ...Array(12).fill(1_000)]);
});

it("a right token is neither delayed nor refused meanwhile", async () => {
  gate = await serveGate(fake, { clock });
  const { url } = gate;
  const ask = (headers: Record<string, string>) => fetch(`${url}/vm`, { headers });
  for (let time = 0; time < 8; time += 1) expect((await ask(WRONG)).status).toBe(401);
  const late = Array.from({ length: 8 }, () => ask(WRONG));
  while (clock.waiting() < 8) await new Promise((resolve) => setImmediate(resolve));
  const refused = await ask(WRONG);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
  expect((await ask(guestHeaders(fake, 7))).status).toBe(200);
  clock.advance(1_000);
  expect((await Promise.all(late)).map(({ status }) => status)).toEqual(Array(8).fill(401));
  expect(clock.waiting()).toBe(0);
});

it("they are forgotten, one after another, all within some minutes", async () => {
  const wrong = new WrongTokens(clock);
  for (let time = 0; time < 8; time += 1) expect(wrong.delay("192.0.2.1")).toBeUndefined();
  expect(wrong.delay("192.0.2.1")).toBeInstanceOf(Promise);
  expect(wrong.delay("192.0.2.2")).toBeUndefined();
  clock.advance(15_000);
  const again = wrong.delay("192.0.2.1");
  expect([again, clock.waiting()]).toEqual([expect.any(Promise), 1]);
  clock.advance(9 * 15_000);
  for (let time = 0; time < 8; time += 1) expect(wrong.delay("192.0.2.1")).toBeUndefined();
});

it("no more than 1,024 answers are late at a time, whoever sends them", () => {
  const wrong = new WrongTokens(clock);
  let refused = 0;
  for (let address = 0; address < 1_000; address += 1) {
    for (let time = 0; time < 12; time += 1) {
      try {
        wrong.delay(`address ${address}`);
      } catch {
        refused += 1;
      }
    }
  }
  expect([clock.waiting(), refused]).toEqual([1_024, 4_000 - 1_024]);
});

it("a request that came through no socket is not counted", async () => {
  const { ask } = openGate(fake, { clock });
  for (let time = 0; time < 2_000; time += 1) expect((await ask("/vm", { headers: WRONG })).status).toBe(401);
  expect(clock.waiting()).toBe(0);
});
