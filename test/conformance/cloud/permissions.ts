/** Rights: owner, group and others, each with use, manage and admin. The model here shares nothing with the cloud's code. */

import fc from "fast-check";
import { expect, it } from "vitest";
import type { Actor } from "../../../gateway/cloud/actor.ts";
import type { Cloud } from "../../../gateway/cloud/cloud.ts";
import type { PermissionBits } from "../../../gateway/cloud/pools/pool.ts";
import { isGatehouseError } from "../../../shared/errors.ts";
import { type CloudUnderTest, userOf } from "./setup.ts";

/** Each run asks some twenty things, and each thing is a flush on a cloud with a disk. */
const RUNS = 40;

type Who = "owner" | "member" | "secondMember" | "stranger" | "admin";

/** Letters as in `um-|u--|---`, for owner, group and others. */
function allowed(who: Who, rights: string, right: "u" | "m" | "a"): boolean {
  const [owner = "", group = "", other = ""] = rights.split("|");
  const classes: Record<Who, readonly string[]> = {
    owner: [owner, group, other],
    member: [group, other],
    secondMember: [group, other],
    stranger: [other],
    admin: ["uma"],
  };
  return classes[who].some((letters) => letters.includes(right));
}

/** The nine bits of chmod for such letters. */
function bitsOf(rights: string): PermissionBits {
  const [a, b, c, d, e, f, g, h, i] = [...rights.replaceAll("|", "")].map((letter) =>
    letter === "-" ? 0 : 1,
  );
  return [a ?? 0, b ?? 0, c ?? 0, d ?? 0, e ?? 0, f ?? 0, g ?? 0, h ?? 0, i ?? 0];
}

const digit = fc
  .tuple(fc.boolean(), fc.boolean(), fc.boolean())
  .map((flags) => flags.map((flag, place) => (flag ? "uma"[place] : "-")).join(""));
const anyRights = fc.tuple(digit, digit, digit).map((digits) => digits.join("|"));

/** True when it was done, false when it was forbidden. */
async function isDone(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (isGatehouseError(error) && error.code === "forbidden") return false;
    throw error;
  }
}

const KEEP: PermissionBits = [-1, -1, -1, -1, -1, -1, -1, -1, -1];

async function people(house: CloudUnderTest) {
  const { cloud, admin } = house;
  const [own, team] = [await cloud.groups.allocate(admin, "own"), await cloud.groups.allocate(admin, "team")];
  const other = await cloud.groups.allocate(admin, "other");
  // The owner is no member of the object's group, else group rights could stand in for the owner's.
  const actors: Record<Who, Actor> = {
    owner: await userOf(house, "owner", [own, team]),
    member: await userOf(house, "member", [team]),
    secondMember: await userOf(house, "second", [other, team]),
    stranger: await userOf(house, "stranger", [other]),
    admin,
  };
  return { actors, team };
}

/** What takes each right, on the pool that costs least. */
const ASKING = {
  u: (cloud: Cloud, actor: Actor, id: number) => cloud.documents.get(actor, id),
  m: (cloud: Cloud, actor: Actor, id: number) => cloud.documents.rename(actor, id, "renamed"),
} as const;

export function permissionTests(current: () => CloudUnderTest): void {
  it("give each of the five kinds of people exactly the rights of their classes (law)", async () => {
    const { cloud, admin } = current();
    const { actors, team } = await people(current());
    const id = await cloud.documents.allocate(actors.owner, { type: 100, name: "doc" });
    await cloud.documents.chown(admin, id, { gid: team });
    await fc.assert(
      fc.asyncProperty(anyRights, async (rights) => {
        await cloud.documents.chmod(admin, id, bitsOf(rights));
        for (const [who, actor] of Object.entries(actors) as [Who, Actor][]) {
          for (const [right, ask] of Object.entries(ASKING) as ["u" | "m", typeof ASKING.u][]) {
            expect(await isDone(ask(cloud, actor, id)), `${who} ${right} ${rights}`).toBe(
              allowed(who, rights, right),
            );
          }
          expect(cloud.documents.peek(actor, id) !== undefined, `${who} peeks ${rights}`).toBe(
            allowed(who, rights, "u"),
          );
          const listed = (await cloud.documents.list(actor)).some((document) => document.id === id);
          expect(listed, `${who} lists ${rights}`).toBe(allowed(who, rights, "u"));
        }
      }),
      { numRuns: RUNS },
    );
  });

  it("let whoever may manage change use and manage bits, and only whoever may admin the admin bits (law)", async () => {
    const { cloud, admin } = current();
    const { actors, team } = await people(current());
    const id = await cloud.documents.allocate(actors.owner, { type: 100, name: "doc" });
    await cloud.documents.chown(admin, id, { gid: team });
    const anyone = fc.constantFrom<Who>("owner", "member", "secondMember", "stranger", "admin");
    await fc.assert(
      fc.asyncProperty(anyone, anyRights, anyRights, async (who, before, after) => {
        await cloud.documents.chmod(admin, id, bitsOf(before));
        const touchesAdmin = [2, 6, 10].some((place) => before[place] !== after[place]);
        const expected = allowed(who, before, touchesAdmin ? "a" : "m");
        expect(await isDone(cloud.documents.chmod(actors[who], id, bitsOf(after)))).toBe(expected);
        const { mode } = await cloud.documents.get(admin, id);
        expect(mode).toBe(Number.parseInt(bitsOf(expected ? after : before).join(""), 2));
      }),
      { numRuns: RUNS },
    );
  });

  it("keep the bits of a chmod that are -1", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const id = await cloud.documents.allocate(alice, { type: 100, name: "doc" });
    expect((await cloud.documents.get(alice, id)).mode).toBe(0o600);
    await cloud.documents.chmod(alice, id, KEEP);
    expect((await cloud.documents.get(alice, id)).mode).toBe(0o600);
    await cloud.documents.chmod(admin, id, [-1, 0, 1, -1, -1, -1, 1, -1, -1]);
    expect((await cloud.documents.get(admin, id)).mode).toBe(0o504);
  });

  it("say in OpenNebula's words what was refused, and what is not there", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const id = await cloud.vms.allocate(alice, { NAME: "hers" }, { hold: true });
    await expect(cloud.vms.get(bob, id)).rejects.toMatchObject({
      code: "forbidden",
      message: `User [${bob.uid}] : Not authorized to perform USE VM [${id}].`,
    });
    await expect(cloud.vms.rename(bob, id, "his")).rejects.toMatchObject({
      code: "forbidden",
      message: `User [${bob.uid}] : Not authorized to perform MANAGE VM [${id}].`,
    });
    await expect(cloud.vms.get(bob, 999_999)).rejects.toMatchObject({
      code: "not_found",
      message: "Error getting virtual machine [999999].",
    });
  });
}
