import { describe, expect, it } from "vitest";
import type { Unversioned } from "../../gateway/cloud/document/fields.ts";
import type { Base } from "../../gateway/cloud/model.ts";
import { type Change, Order, Sight } from "../../gateway/cloud/opennebula/sight.ts";
import { manualClock } from "../support/manual-clock.ts";

interface Thing extends Base {
  readonly colour: string;
}

const thing = (colour: string, id = 1): { object: Unversioned<Thing> } => ({
  object: { id, name: `thing-${id}`, colour },
});

function open(cacheMs = 1_000) {
  const clock = manualClock();
  const told: Change<Thing>[] = [];
  const sight = new Sight<Thing>(
    { order: new Order(clock), clock, cacheMs, isOver: ({ colour }) => colour === "grey" },
    (change) => told.push(change),
  );
  const read = (colour: string, id?: number) => sight.take(thing(colour, id), sight.look(), "info").object;
  const colours = () => told.map(({ previous, now }) => `${previous?.colour ?? "-"} ${now?.colour ?? "-"}`);
  const follow = () => {
    sight.listen(true);
    sight.follow();
  };
  return { clock, sight, read, colours, follow };
}

describe("what is known of objects", () => {
  it("is the same snapshot while nothing changed, and one with a higher version when something did", () => {
    const { read } = open();
    const first = read("red");
    expect(read("red")).toBe(first);
    const second = read("blue");
    expect(second.version).toBeGreaterThan(first.version);
    expect(first.colour).toBe("red");
  });

  it("is given by peek for as long as was agreed, from when the read began that found it so", () => {
    const { clock, sight, read } = open();
    read("red");
    clock.advance(999);
    expect(sight.peek(1)?.colour).toBe("red");
    clock.advance(1);
    expect(sight.peek(1)).toBeUndefined();
    const look = sight.look();
    clock.advance(600);
    sight.take(thing("red"), look, "info");
    clock.advance(399);
    expect(sight.peek(1)).toBeDefined();
    clock.advance(1);
    expect(sight.peek(1)).toBeUndefined();
    expect(open(0).read("red") && open(0).sight.peek(1)).toBeUndefined();
  });

  it("never goes back to what a read brings that began before another ended", () => {
    const { sight, read, colours, follow } = open();
    read("red");
    follow();
    const early = sight.look();
    read("blue");
    const late = sight.take(thing("red"), early, "info");
    expect(late).toMatchObject({ isTaken: false, object: { colour: "red" } });
    expect(sight.known(1)?.colour).toBe("blue");
    expect(colours()).toEqual(["red blue"]);
  });

  it("does not come back once it is gone", () => {
    const { sight, read, colours, follow } = open();
    read("red");
    follow();
    const early = sight.look();
    sight.gone(1);
    sight.take(thing("red"), early, "pool");
    expect(sight.known(1)).toBeUndefined();
    expect(colours()).toEqual(["red -"]);
  });

  it("may come after somebody asked for it in vain", () => {
    const { sight, read, colours, follow } = open();
    follow();
    sight.gone(1);
    read("red");
    expect(colours()).toEqual(["- red"]);
    expect(sight.peek(1)?.colour).toBe("red");
  });

  it("is not believed after a write of unknown outcome, until it is read again", () => {
    const { sight, read } = open();
    const object = read("red");
    const early = sight.look();
    sight.doubt(1);
    expect(sight.peek(1)).toBeUndefined();
    sight.take(thing("red"), early, "info");
    expect(sight.peek(1)).toBeUndefined();
    expect(read("red")).toBe(object);
    expect(sight.peek(1)).toBe(object);
  });

  it("is told as new only from when it is followed, and what has ended before is not", () => {
    const { sight, read, colours, follow } = open();
    read("red");
    follow();
    read("green", 2);
    read("grey", 3);
    read("grey", 2);
    expect(colours()).toEqual(["- green", "green grey"]);
    expect(sight.ids()).toEqual([1]);
    expect(sight.known(2)?.colour).toBe("grey");
  });

  it("is all kept while somebody listens, however much it is", () => {
    const { sight, read, colours } = open();
    sight.listen(true);
    for (let id = 0; id < 25_000; id += 1) read("red", id);
    sight.follow();
    expect(sight.ids()).toHaveLength(25_000);
    for (const id of [0, 24_999]) read("red", id);
    expect(colours()).toEqual([]);
  });

  it("is told when it changed between the beginning of listening and the first look at everything", () => {
    const { sight, read, colours } = open();
    read("red");
    sight.listen(true);
    sight.take(thing("blue"), sight.look(), "pool");
    expect(colours()).toEqual([]);
    sight.follow();
    expect(colours()).toEqual(["red blue"]);
    sight.take(thing("blue"), sight.look(), "pool");
    expect(colours()).toEqual(["red blue"]);
  });
});
