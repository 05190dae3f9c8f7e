import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Actor, SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { FlowWaiters } from "../../gateway/oneflow/api/waiters.ts";
import { makeUser, testCloud } from "../support/embedded.ts";
import { fakeFlow } from "../support/fake-flow.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import { type FlowAnswer, type FlowDesk, openFlowDesk } from "../support/oneflow-app.ts";

const TEMPLATE = { name: "web", deployment: "none", description: "", roles: [] };

let cloud: EmbeddedCloud;
let clock: ManualClock;
let desk: FlowDesk;
let alice: Actor;
let closing: AbortController;
let id: number;

beforeEach(async () => {
  clock = manualClock();
  ({ cloud } = await testCloud({ clock }));
  alice = await makeUser(cloud, SYSTEM, "alice");
  closing = new AbortController();
  desk = openFlowDesk(cloud, fakeFlow(cloud), { clock, closing: closing.signal });
  id = await cloud.documents.allocate(alice, { type: 101, name: "web", body: TEMPLATE });
});

afterEach(() => cloud.close());

const path = (): string => `/service_template/${id}`;
const etagOf = async (): Promise<string> => (await desk.askAs("alice", path())).headers.get("etag") ?? "";

/** A request once it waits: its deadline is set. */
async function waiting(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ answer: Promise<FlowAnswer> }> {
  const before = clock.waiting();
  const answer = desk.askAs("alice", url, { headers });
  await expect.poll(() => clock.waiting(), { interval: 1, timeout: 10_000 }).toBe(before + 1);
  return { answer };
}

describe("an entity tag", () => {
  it("says that nothing changed, and changes with the document", async () => {
    const etag = await etagOf();
    const known = await desk.askAs("alice", path(), { headers: { "if-none-match": `W/${etag}` } });
    expect([known.status, known.body, known.headers.get("etag")]).toEqual([304, "", etag]);
    const list = (await desk.askAs("alice", "/service_template")).headers.get("etag") ?? "";
    await cloud.documents.rename(alice, id, "other");
    expect(await etagOf()).not.toBe(etag);
    const again = await desk.askAs("alice", "/service_template", { headers: { "if-none-match": list } });
    expect(again.status).toBe(200);
  });

  it("guards PUT and DELETE, also of writers that come together", async () => {
    const etag = await etagOf();
    const write = (description: string) =>
      desk.askAs("alice", path(), {
        method: "PUT",
        body: { ...TEMPLATE, description },
        headers: { "if-match": etag },
      });
    const statuses = (await Promise.all([write("one"), write("two"), write("three")])).map(
      ({ status }) => status,
    );
    expect(statuses.toSorted()).toEqual([200, 412, 412]);
    const remove = await desk.askAs("alice", path(), { method: "DELETE", headers: { "if-match": etag } });
    expect(remove.status).toBe(412);
    const now = await desk.askAs("alice", path(), {
      method: "DELETE",
      headers: { "if-match": await etagOf() },
    });
    expect(now.status).toBe(204);
  });

  it("is refused where nobody would look at it", async () => {
    const body = { action: { perform: "rename", params: { name: "x" } } };
    const answer = await desk.askAs("alice", `${path()}/action`, {
      method: "POST",
      body,
      headers: { "if-match": "*" },
    });
    expect(answer.status).toBe(400);
  });
});

describe("wait", () => {
  it("holds the answer until the document changes", async () => {
    const { answer } = await waiting(`${path()}?wait=60`);
    await cloud.documents.rename(alice, id, "other");
    expect((await answer).body).toContain('"NAME": "other"');
    expect(clock.waiting()).toBe(0);
  });

  it("gives the same answer when its time is over, 304 to who knows it", async () => {
    const etag = await etagOf();
    const { answer } = await waiting(`${path()}?wait=5`, { "if-none-match": etag });
    clock.advance(5_000);
    expect((await answer).status).toBe(304);
  });

  it("is over at once for who knows an older answer", async () => {
    expect(
      (await desk.askAs("alice", `${path()}?wait=60`, { headers: { "if-none-match": '"old"' } })).status,
    ).toBe(200);
  });

  it("holds a list until a document of its kind comes", async () => {
    const { answer } = await waiting("/service_template?wait=60");
    await cloud.documents.allocate(alice, { type: 100, name: "s", body: { ...TEMPLATE, state: 2 } });
    await cloud.documents.allocate(alice, { type: 101, name: "new", body: TEMPLATE });
    const { body } = await answer;
    expect([body.includes('"NAME": "new"'), body.includes('"NAME": "s"')]).toEqual([true, false]);
  });

  it("ends with the refusal that the asker would get then", async () => {
    const gone = await waiting(`${path()}?wait=60`);
    await cloud.documents.delete(alice, id);
    expect((await gone.answer).status).toBe(404);
    id = await cloud.documents.allocate(alice, { type: 101, name: "web", body: TEMPLATE });
    const lost = await waiting(`${path()}?wait=60`);
    await cloud.documents.chmod(alice, id, [0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect((await lost.answer).status).toBe(401);
  });

  it("ends when the house closes, and nobody waits from then on", async () => {
    const { answer } = await waiting(`${path()}?wait=60`);
    closing.abort();
    const ended = await answer;
    expect([ended.status, ended.headers.get("connection")]).toEqual([200, "close"]);
    expect((await desk.askAs("alice", `${path()}?wait=60`)).status).toBe(200);
  });

  it.each(["0", "61", "x", "1.5"])("is refused for %s seconds", async (seconds) => {
    expect((await desk.askAs("alice", `${path()}?wait=${seconds}`)).status).toBe(400);
  });
});

describe("waiters", () => {
  const request = (uid: number) => ({ uid, watched: { id }, waitMs: 1_000, onGone: () => () => undefined });

  it("are few of one user, and few in all, and leave nothing behind", () => {
    const waiters = new FlowWaiters({ cloud, clock, maxInAll: 3, maxPerUser: 2 });
    const entered = [waiters.enter(request(1)), waiters.enter(request(1))];
    expect(() => waiters.enter(request(1))).toThrow(expect.objectContaining({ code: "rate_limited" }));
    entered.push(waiters.enter(request(2)));
    expect(() => waiters.enter(request(3))).toThrow(expect.objectContaining({ code: "unavailable" }));
    for (const one of entered) one.leave();
    expect([waiters.size, clock.waiting()]).toEqual([0, 0]);
    waiters.enter(request(1)).leave();
  });

  it("keep what happens while nobody asks for it", async () => {
    const waiters = new FlowWaiters({ cloud, clock });
    let leave = (): void => undefined;
    const waiting = waiters.enter({
      ...request(1),
      onGone: (listener) => {
        leave = listener;
        return () => undefined;
      },
    });
    await cloud.documents.rename(alice, id, "other");
    expect(await waiting.next()).toBe("changed");
    await cloud.documents.rename(alice, id, "another");
    leave();
    expect(await waiting.next()).toBe("gone");
    waiting.leave();
  });
});
