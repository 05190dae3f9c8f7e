import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { Cloud } from "../../gateway/cloud/cloud.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { parseWorld, printWorld } from "../../gateway/cloud/world.ts";
import { makeUser, testCloud } from "../support/embedded.ts";
import { anyStep, CRAMPED_NETWORK, live } from "../support/network-life.ts";

const RUNS = 40;

/** All that the cloud holds; versions count changes, and an import is one. */
const contents = (cloud: EmbeddedCloud) =>
  JSON.stringify(cloud.exportWorld(), (name, value: unknown) => {
    if (name === "version") return undefined;
    return value instanceof Map ? [...value] : value;
  });

const exported = (cloud: EmbeddedCloud) => JSON.stringify(printWorld(cloud.exportWorld()));

const word = fc
  .string({ minLength: 1, maxLength: 12, unit: "grapheme" })
  .filter((text) => text.trim() !== "");
const bits = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 9, maxLength: 9 });

/** People, and things of theirs that have no address. */
async function furnish(cloud: Cloud, notes: readonly string[], modes: readonly (readonly number[])[]) {
  const gid = await cloud.groups.allocate(SYSTEM, "team");
  const alice = await makeUser(cloud, SYSTEM, "alice");
  await cloud.users.setGroup(SYSTEM, alice.uid, gid);
  for (const [index, note] of notes.entries()) {
    const name = `n${index}`;
    const body = { name, note, deep: [{ note }, null, 1.5] };
    const id = await cloud.documents.allocate(alice, { type: index % 2 === 0 ? 100 : 101, name, body });
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0] = modes[index % modes.length] ?? [];
    await cloud.documents.chmod(SYSTEM, id, [a, b, c, d, e, f, g, h, i]);
    await cloud.templates.allocate(alice, { NAME: name, NOTE: note, V: [{ A: note }, { B: "2" }] });
    const vmId = await cloud.vms.allocate(alice, { NAME: name, NOTE: note }, { hold: true });
    await cloud.vms.updateUserTemplate(alice, vmId, { [`K${index}`]: note }, "append");
    await cloud.users.update(alice, alice.uid, { NOTE: note }, "append");
  }
}

describe("an exported world (law)", () => {
  it("imports into an empty cloud and into one that has only started, and exports the same again", async () => {
    const life = fc.record({
      steps: fc.array(anyStep, { maxLength: 15 }),
      notes: fc.array(word, { maxLength: 3 }),
      modes: fc.array(bits, { minLength: 1, maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(life, async ({ steps, notes, modes }) => {
        const { cloud } = await testCloud();
        await cloud.networks.allocate(SYSTEM, CRAMPED_NETWORK);
        await furnish(cloud, notes, modes);
        await live(cloud, steps);
        const text = exported(cloud);
        const before = contents(cloud);
        await cloud.close();
        for (const firstStart of [false, true]) {
          const { cloud: other } = await testCloud({ firstStart });
          await other.importWorld(parseWorld(JSON.parse(text)));
          expect(exported(other)).toBe(text);
          expect(JSON.parse(contents(other))).toEqual(JSON.parse(before));
        }
      }),
      { numRuns: RUNS },
    );
  }, 120_000);
});
