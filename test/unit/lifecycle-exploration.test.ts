import { describe, expect, it } from "vitest";
import { explore } from "../support/explore-service.ts";
import { explorations } from "../support/explored-services.ts";
import { roam } from "../support/roam-service.ts";

/** A sample; `npm run soak -- lifecycle` goes deeper. */
const WORLDS = 800;

describe("whatever happens, in whatever order", () => {
  it.each([...explorations(99, WORLDS)])("the laws hold of a service with %s", (_, exploration) => {
    expect(explore(exploration).worlds).toBeGreaterThanOrEqual(WORLDS);
  });

  it("they hold of larger services on random ways, with late and doubled news", () => {
    roam(100, 1);
  });
});
