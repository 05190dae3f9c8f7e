import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { Follower } from "../../gateway/cloud/opennebula/follower.ts";
import { AnswerTooLarge } from "../../gateway/cloud/opennebula/refusals.ts";
import { GatehouseError } from "../../shared/errors.ts";
import { silentLogger } from "../../shared/log.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";

const POLL_MS = 60_000;
const REST_MS = 600_000;
const AWAY = new GatehouseError("unavailable", "The core is away.");

/** Looks that end when a test says so; `seldom` is looked at once in REST_MS. */
class Looks {
  readonly begun: string[] = [];
  readonly following = new Set<string>();
  readonly said: unknown[] = [];
  readonly #waiting: PromiseWithResolvers<void>[] = [];

  followed(name: string, restMs = 0) {
    return {
      name,
      restMs,
      poll: () => {
        this.begun.push(name);
        const look = Promise.withResolvers<void>();
        this.#waiting.push(look);
        return look.promise;
      },
      listen: () => undefined,
      follow: () => void this.following.add(name),
    };
  }

  /** The look that is under way ends, or fails. */
  async end(error?: Error): Promise<void> {
    const look = this.#waiting.shift();
    if (error === undefined) look?.resolve();
    else look?.reject(error);
    await nextTurn();
  }
}

let clock: ManualClock;
let looks: Looks;
let follower: Follower;

beforeEach(() => {
  clock = manualClock();
  looks = new Looks();
  const log = { ...silentLogger, warn: (what: object) => looks.said.push(what) };
  const followed = [looks.followed("often"), looks.followed("seldom", REST_MS)];
  follower = new Follower({ followed, clock, log: log as typeof silentLogger, pollMs: POLL_MS });
});

/** True once it has settled. */
function settled(promise: Promise<void>): () => boolean {
  let isSettled = false;
  void promise.then(() => {
    isSettled = true;
  });
  return () => isSettled;
}

describe("who follows all that there is", () => {
  it("looks at what is seldom looked at no oftener than agreed", async () => {
    follower.start();
    await looks.end();
    await looks.end();
    clock.advance(POLL_MS);
    await looks.end();
    expect(looks.begun).toEqual(["often", "seldom", "often"]);
    expect(clock.untilNext()).toBe(POLL_MS);
  });

  it("looks at all of it at once when it is told that something was missed", async () => {
    follower.start();
    await looks.end();
    await looks.end();
    follower.soon();
    await looks.end();
    await looks.end();
    expect(looks.begun).toEqual(["often", "seldom", "often", "seldom"]);
  });

  it("looks once more when something was missed during a look, which may be past it", async () => {
    follower.start();
    await looks.end();
    await looks.end();
    clock.advance(POLL_MS);
    expect(looks.begun).toHaveLength(3);
    follower.soon();
    follower.soon();
    await looks.end();
    expect(looks.begun).toEqual(["often", "seldom", "often", "seldom"]);
    await looks.end();
    expect(looks.begun.slice(4)).toEqual(["often"]);
    await looks.end();
    // What is seldom looked at was looked at after it was missed.
    expect(looks.begun.slice(4)).toEqual(["often"]);
    expect(clock.waiting()).toBe(1);
  });

  it("gives whoever asks for looks without end no more of them than the core can bear", async () => {
    const tookMs = 100;
    follower.start();
    await looks.end();
    clock.advance(tookMs);
    await looks.end();
    follower.soon();
    expect(looks.begun).toHaveLength(2);
    clock.advance(4 * tookMs - 1);
    follower.soon();
    expect(looks.begun).toHaveLength(2);
    clock.advance(1);
    expect(looks.begun).toHaveLength(3);
  });

  it("lets nobody change anything before a look that a timer began says what there was", async () => {
    follower.start();
    await looks.end(AWAY);
    await looks.end(AWAY);
    clock.advance(POLL_MS);
    const isReady = settled(follower.ready());
    await nextTurn();
    expect(isReady()).toBe(false);
    await looks.end();
    expect(isReady()).toBe(false);
    await looks.end();
    expect([isReady(), [...looks.following]]).toEqual([true, ["often", "seldom"]]);
  });

  it("lets changes wait for one look more when the core was away, and for no other", async () => {
    follower.start();
    await looks.end(AWAY);
    await looks.end(AWAY);
    const ready = [settled(follower.ready()), settled(follower.ready())];
    await nextTurn();
    expect(looks.begun).toHaveLength(3);
    await looks.end(AWAY);
    await looks.end(AWAY);
    expect([ready.map((isReady) => isReady()), looks.begun.length]).toEqual([[true, true], 4]);
  });

  it.each([
    ["too large", new AnswerTooLarge("The answer is too large.")],
    ["refused", new GatehouseError("internal", "The core cannot do it.")],
    ["no answer of a core", new GatehouseError("bad_request", "The XML is malformed.")],
  ])(
    "lets nobody wait, time after time, for what is %s, says so once, and follows it when it is mended",
    async (_, error) => {
      follower.start();
      await looks.end();
      await looks.end(error);
      const isReady = settled(follower.ready());
      await nextTurn();
      expect([isReady(), looks.begun.length]).toEqual([true, 2]);
      clock.advance(POLL_MS);
      await looks.end();
      await looks.end(error);
      expect(looks.said).toMatchObject([{ what: "seldom", reason: error.message }]);
      clock.advance(POLL_MS);
      await looks.end();
      await looks.end();
      expect([...looks.following]).toEqual(["often", "seldom"]);
    },
  );

  it("has no timer and no look left when it is stopped, and begins anew", async () => {
    follower.start();
    follower.stop();
    follower.start();
    await looks.end();
    await looks.end();
    await looks.end();
    expect([looks.begun, clock.waiting()]).toEqual([["often", "often", "seldom"], 1]);
    follower.stop();
    follower.soon();
    expect([looks.begun.length, clock.waiting()]).toEqual([3, 0]);
    await follower.ready();
  });
});
