import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import type { Claim } from "../../gateway/cloud/opennebula/claim.ts";
import type { OpenNebulaCloud } from "../../gateway/cloud/opennebula/opennebula-cloud.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { makeUser, testCloud } from "../support/embedded.ts";
import { type FaultyCore, startFaultyCore } from "../support/faulty-core.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import { eventually } from "../support/monitor-daemon.ts";
import { remoteCloud, type ServedCore, serveCore } from "../support/opennebula.ts";

const TYPE = 4_647;
const BEAT_MS = 15_000;
const SETTLE_MS = 200;

let embedded: EmbeddedCloud;
let served: ServedCore;
let core: FaultyCore;
let clock: ManualClock;
let beats: number;
const opened: OpenNebulaCloud[] = [];
const lost: string[] = [];

beforeEach(async () => {
  clock = manualClock();
  beats = 0;
  lost.length = 0;
  ({ cloud: embedded } = await testCloud());
  served = await serveCore(embedded);
  core = await startFaultyCore(served);
});

afterEach(async () => {
  for (const cloud of opened.splice(0)) await cloud.close();
  await core.close();
  await served.close();
  await embedded.close();
});

/** Two that look again after a moment need not wait for it here; calls have all the time there is. */
const quick = (): Clock => ({
  ...clock,
  now: systemClock.now,
  after: (delayMs, work) =>
    delayMs === SETTLE_MS ? systemClock.after(50, work) : clock.after(delayMs, work),
});

async function claimOf(machine: string, endpoint: Pick<ServedCore, "endpoint"> = served): Promise<Claim> {
  const cloud = await remoteCloud(endpoint, { clock: quick(), timeoutMs: 1_000_000_000 });
  opened.push(cloud);
  return cloud.claim({
    claimant: { house: `house-of-${machine}`, machine },
    newBeat: () => String(++beats),
    onLost: (reason) => lost.push(reason),
  });
}

const documents = async () => (await embedded.documents.list(SYSTEM)).filter(({ type }) => type === TYPE);

describe("the claim to an OpenNebula's services", () => {
  it("is one house's until it gives it back, and another is told whose it is", async () => {
    const [first, second] = [await claimOf("node1"), await claimOf("node2")];
    await first.take();
    await expect(second.take()).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("Another Gatehouse on node1 (house house-of-node1)"),
    });
    await first.release();
    expect(await documents()).toEqual([]);
    await second.take();
    await expect(first.take()).rejects.toThrow("on node2");
  });

  it("is one house's of two that take it at the same time", async () => {
    const claims = [await claimOf("node1"), await claimOf("node2")];
    const results = await Promise.allSettled(claims.map((claim) => claim.take()));
    expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  });

  it("is the same home's at once when it is started again", async () => {
    await (await claimOf("node1")).take();
    await (await claimOf("node1")).take();
    expect(await documents()).toHaveLength(1);
  });

  it("stays whose beat goes on, is another's a minute after the last, and the first is told", async () => {
    const first = await claimOf("node1", core);
    const second = await claimOf("node2");
    await first.take();
    for (let count = 0; count < 5; count += 1) {
      const before = beats;
      await eventually(() => {
        clock.advance(1_000);
        return beats > before;
      });
      await expect(second.take()).rejects.toThrow("on node1");
    }
    await core.stop();
    await expect(second.take()).rejects.toThrow("on node1");
    clock.advance(59_000);
    await expect(second.take()).rejects.toThrow("on node1");
    clock.advance(2_000);
    await second.take();
    expect(lost).toEqual([]);
    await core.start();
    await eventually(() => {
      clock.advance(BEAT_MS);
      return lost.length > 0;
    });
    expect(lost).toEqual([expect.stringContaining("Another Gatehouse on node2")]);
  });

  it("is not given away by what another user writes", async () => {
    const mallory = await makeUser(embedded, SYSTEM, "mallory");
    const template = { HOUSE: "hers", MACHINE: "hers", BEAT: "1" };
    await embedded.documents.allocate(mallory, { type: TYPE, name: "gatehouse-services", template });
    await (await claimOf("node1")).take();
    expect(await documents()).toHaveLength(2);
  });

  it("does not keep a house from its end when the core is silent", async () => {
    const claim = await claimOf("node1", core);
    await claim.take();
    core.fail("silent", 1);
    const ended = claim.release();
    await eventually(() => core.unanswered() > 0);
    clock.advance(2_000);
    await ended;
  });
});
