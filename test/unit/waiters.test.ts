/** Waiters: each answered exactly once, whatever comes together; nobody kept who has gone; others served in between. */

import { expect, it } from "vitest";
import type { CloudEvent } from "../../gateway/cloud/event.ts";
import { type Answer, jsonText } from "../../gateway/onegate/answer.ts";
import type { Subject } from "../../gateway/onegate/change/subjects.ts";
import { type Wait, Waiters, type WaitersOptions } from "../../gateway/onegate/change/waiters.ts";
import { UNOBSERVED } from "../../gateway/onegate/sight/observer.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { manualClock } from "../support/manual-clock.ts";
import { seededRandom } from "../support/random.ts";

function setUp(part: Partial<WaitersOptions> = {}) {
  const fake = new FakeCloud();
  const clock = manualClock();
  const waiters = new Waiters({
    cloud: fake.cloud(),
    clock,
    observer: UNOBSERVED,
    maxPerVm: 10_000,
    ...part,
  });
  return { fake, clock, waiters };
}

/** Waits until a value is another one than on arrival. */
function waitFor(read: () => string, subjects: readonly Subject[], part: Partial<Wait> = {}): Wait {
  const onArrival = read();
  return {
    vmId: 1,
    waitMs: 60_000,
    look(watch) {
      watch(subjects);
      return jsonText(read());
    },
    isNews: ({ body }) => body !== onArrival,
    onGone: () => () => undefined,
    slept: () => undefined,
    ...part,
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it("answers thousands in slices, each once, and lets others in between", async () => {
  const { fake, waiters, clock } = setUp();
  fake.addVm(7);
  let value = "old";
  let answered = 0;
  const counts: number[] = [];
  const all = Array.from({ length: 2_000 }, () =>
    waiters.hold(waitFor(() => value, ["vm:7"])).then((answer) => {
      answered += 1;
      return answer?.body;
    }),
  );
  value = "new";
  fake.change(7, {});
  while (answered < all.length) {
    await turn();
    counts.push(answered);
  }
  expect(counts.length).toBeGreaterThan(10);
  expect(new Set(await Promise.all(all))).toEqual(new Set(["new"]));
  expect([waiters.size, clock.waiting(), fake.listeners.size]).toEqual([0, 0, 0]);
});

it("forgets a client that has gone at once, also one that is about to look", async () => {
  const { fake, clock, waiters } = setUp();
  fake.addVm(7);
  let leave = () => {};
  let looks = 0;
  const part: Partial<Wait> = {
    onGone(listener) {
      leave = listener;
      return () => undefined;
    },
    slept: () => undefined,
  };
  const read = () => {
    looks += 1;
    return "same";
  };
  const asleep = waiters.hold(waitFor(read, ["vm:7"], part));
  leave();
  expect(await asleep).toBeUndefined();
  const queued = waiters.hold(waitFor(read, ["vm:7"], part));
  fake.change(7, {});
  const before = looks;
  leave();
  expect(await queued).toBeUndefined();
  await turn();
  expect([looks, waiters.size, clock.waiting(), fake.listeners.size]).toEqual([before, 0, 0, 0]);
});

it("looks again when something happened while it looked", async () => {
  const { fake, waiters } = setUp();
  fake.addVm(7);
  let value = "old";
  let asked: PromiseWithResolvers<Answer> | undefined;
  const slow: Partial<Wait> = {
    look(watch) {
      watch(["vm:7"]);
      const read = value;
      asked = Promise.withResolvers<Answer>();
      return asked.promise.then(() => jsonText(read));
    },
  };
  const answer = waiters.hold(waitFor(() => value, ["vm:7"], slow));
  const first = asked;
  value = "new";
  fake.change(7, {});
  first?.resolve(jsonText(""));
  while (asked === first) await turn();
  asked?.resolve(jsonText(""));
  expect((await answer)?.body).toBe("new");
});

it("has a bound for the whole house", async () => {
  const { clock, waiters } = setUp({ maxInAll: 2 });
  const held = [1, 2].map(() => waiters.hold(waitFor(() => "same", ["vm:7"])));
  const refused = waiters.hold(waitFor(() => "same", ["vm:7"], { vmId: 2 }));
  await expect(refused).rejects.toMatchObject({
    code: "unavailable",
    message: "2 requests wait for changes already; ask without wait, or again later.",
  });
  clock.advance(60_250);
  await Promise.all(held);
  expect(waiters.size).toBe(0);
});

it("passes an error of a look on, once", async () => {
  const { fake, waiters } = setUp();
  fake.addVm(7);
  let fails = false;
  const failing: Partial<Wait> = {
    look(watch) {
      watch(["vm:7"]);
      if (fails) throw new Error("no longer");
      return jsonText("same");
    },
  };
  const answer = waiters.hold(waitFor(() => "same", ["vm:7"], failing));
  fails = true;
  fake.change(7, {});
  fake.change(7, {});
  await expect(answer).rejects.toThrow("no longer");
  expect(waiters.size).toBe(0);
});

it("gives each waiter one answer, the newest of its moment, in whatever order changes, ends and leaving come", async () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const random = seededRandom(seed);
    const closing = new AbortController();
    const { fake, clock, waiters } = setUp({ closing: closing.signal });
    for (const id of [0, 1, 2]) fake.addVm(id);
    const values = [0, 0, 0];
    const answers: number[] = [];
    const promises: Promise<void>[] = [];
    const leavers: (() => void)[] = [];
    for (let step = 0; step < 120; step += 1) {
      const vm = random.integer(3);
      const choice = random.integer(10);
      if (choice < 4) {
        const number = promises.length;
        answers[number] = 0;
        const wait = waitFor(() => `${values[vm]}`, [`vm:${vm}`], {
          waitMs: 1_000 * (1 + random.integer(3)),
          onGone(listener) {
            leavers[number] = listener;
            return () => undefined;
          },
        });
        promises.push(
          waiters.hold(wait).then((answer) => {
            answers[number] = (answers[number] ?? 0) + 1;
            // What it is told is never older than what stands when it is told.
            if (answer !== undefined) expect(answer.body).toBe(`${values[vm]}`);
          }),
        );
      } else if (choice < 7) {
        values[vm] = (values[vm] ?? 0) + 1;
        fake.change(vm, {});
        await turn();
      } else if (choice === 7) clock.advance(random.integer(1_500));
      else if (choice === 8 && leavers.length > 0) random.pick(leavers)();
      else await turn();
    }
    closing.abort();
    await Promise.all(promises);
    expect(answers, `seed ${seed}`).toEqual(promises.map(() => 1));
    expect([waiters.size, clock.waiting(), fake.listeners.size]).toEqual([0, 0, 0]);
  }
});

it("is asleep to events that concern nobody it watches", async () => {
  const { fake, clock, waiters } = setUp();
  let looks = 0;
  const counted = waitFor(() => "same", ["service:3"]);
  const look: Wait["look"] = (watch) => {
    looks += 1;
    return counted.look(watch);
  };
  const answer = waiters.hold({ ...counted, look });
  const document = undefined;
  const events: CloudEvent[] = [
    { kind: "document_changed", id: 4, document, previous: document },
    { kind: "network_changed", id: 3, network: undefined, previous: undefined },
    { kind: "router_changed", id: 3, router: undefined, previous: undefined },
  ];
  for (const event of events) fake.tell(event);
  await turn();
  expect(looks).toBe(1);
  fake.tell({ kind: "document_changed", id: 3, document, previous: document });
  await turn();
  expect(looks).toBe(2);
  clock.advance(60_250);
  await answer;
});
