import { describe, expect, it } from "vitest";
import type { ServiceCommand } from "../../gateway/oneflow/lifecycle/events.ts";
import type { ElasticityPolicy, ServiceTemplateBody } from "../../gateway/oneflow/model.ts";
import { vmRole } from "../support/explored-services.ts";
import { type Story, storyOf } from "../support/service-story.ts";

const POLICY: ElasticityPolicy = { type: "CHANGE", adjust: 1, expression: "CPU > 50" };
const SERVICE: ServiceTemplateBody = {
  name: "s",
  deployment: "straight",
  roles: [
    vmRole("front", 1),
    vmRole("worker", 2, {
      parents: ["front"],
      min_vms: 1,
      max_vms: 4,
      cooldown: 5,
      elasticity_policies: [POLICY],
    }),
    { name: "router", type: "vr", cardinality: 1, template_id: 2 },
  ],
};
const HELD: ServiceTemplateBody = {
  name: "h",
  deployment: "straight",
  roles: [vmRole("front", 1, { on_hold: true }), vmRole("worker", 1, { parents: ["front"] })],
};

const running = () => storyOf(SERVICE).settled();
const scale = (cardinality: number, more: object = {}): ServiceCommand => {
  return { kind: "scale", role: "worker", cardinality, force: false, ...more };
};
const nodesOf = (story: Story, role: string) =>
  story.body.roles.find(({ name }) => name === role)?.nodes?.map(({ deploy_id }) => deploy_id);

describe("a command in the wrong place is refused with the original's sentence", () => {
  const scaling = () => running().commands(scale(3));
  const failed = () => storyOf(SERVICE).answered(/make_vm/);
  const refusals: readonly [() => Story, ServiceCommand, string, string][] = [
    [scaling, scale(2), "wrong_state", "Service cannot be scaled in state: SCALING"],
    [running, scale(2, { role: "zz" }), "not_found", "Role zz not found"],
    [running, scale(5), "bad_request", "Can't scale service 7: Maximum cardinality is 4"],
    [running, scale(0), "bad_request", "Can't scale service 7: Minimum cardinality is 1"],
    [running, scale(-1, { force: true }), "bad_request", "Can't scale service 7: Minimum cardinality is 0"],
    [running, scale(1.5), "bad_request", "Can't scale service 7: The cardinality must be a whole number"],
    [running, scale(2), "bad_request", "Cardinality of worker is already at 2"],
    [
      running,
      scale(2, { role: "router" }),
      "bad_request",
      "Role router is a virtual router: its cardinality cannot be changed.",
    ],
    [failed, { kind: "undeploy" }, "wrong_state", "Service cannot be undeployed in state: FAILED_DEPLOYING"],
    [running, { kind: "release" }, "wrong_state", "Service has no roles in HOLD"],
    [
      running,
      { kind: "add_role", role: { ...vmRole("worker", 1), state: 0 } },
      "conflict",
      "Role worker already exists",
    ],
    [
      scaling,
      { kind: "add_role", role: { ...vmRole("x", 1), state: 0 } },
      "wrong_state",
      "Cannot modify roles in state: SCALING",
    ],
    [running, { kind: "remove_role", role: "zz" }, "not_found", "Role zz does not exist"],
    [
      scaling,
      { kind: "remove_role", role: "worker" },
      "wrong_state",
      "Cannot modify roles in state: SCALING",
    ],
    [
      scaling,
      { kind: "update", body: running().body },
      "wrong_state",
      "Service cannot be updated in state: SCALING",
    ],
    [
      failed,
      { kind: "update", body: running().body },
      "wrong_state",
      "Service cannot be updated in state: FAILED_DEPLOYING",
    ],
  ];
  for (const [story, command, code, message] of refusals)
    it(`${command.kind}: ${message}`, () => {
      const before = story();
      expect(() => before.obeys(command)).toThrow(expect.objectContaining({ code, message }));
      expect(before.commands(command).world).toBe(before.world);
    });
});

describe("scale", () => {
  it("says so in the log before the state changes, and notes the way while it lasts", () => {
    const story = running().commands(scale(4));
    expect(story.messages.slice(-2)).toEqual([
      "Role worker scaling up from 2 to 4 nodes",
      "New state: SCALING",
    ]);
    expect(story.body.roles[1]).toMatchObject({ cardinality: 4, scale_way: 0, last_vmname: 4 });
    expect(story.settled().body.roles[1]).not.toHaveProperty("scale_way");
  });

  it("sends the oldest away first, and before them those that were named", () => {
    const four = running().commands(scale(4)).settled();
    const ids = nodesOf(four, "worker") ?? [];
    expect(nodesOf(four.commands(scale(2)).settled(), "worker")).toEqual(ids.slice(2));
    const named = four.commands(scale(2, { firstToGo: [ids[3]] })).settled();
    expect(nodesOf(named, "worker")).toEqual(ids.slice(1, 3));
  });

  it("cools down for the policy's time, else the role's", () => {
    const start = running().world.now;
    const until = (story: Story) => story.world.flow.progress.cooldown?.until;
    const cooled = (more: object) => {
      const [oldest = -1] = nodesOf(running(), "worker") ?? [];
      return running().commands(scale(1, more)).answered().vm(oldest, "done");
    };
    expect(until(cooled({}))).toBe(start + 5_000);
    expect(until(cooled({ cooldown: 60 }))).toBe(start + 60_000);
    expect(cooled({ cooldown: 0 }).state).toBe("RUNNING");
  });

  it("counts a VM that ends by hand while its role shrinks as gone", () => {
    const four = running().commands(scale(4)).settled();
    const ids = nodesOf(four, "worker") ?? [];
    const story = four
      .commands(scale(3))
      .answered()
      .vm(ids[3] ?? -1, "done")
      .settled();
    expect(story.state).toBe("RUNNING");
    expect(story.body.roles[1]).toMatchObject({
      cardinality: 2,
      nodes: ids.slice(1, 3).map((deploy_id) => ({ deploy_id })),
    });
  });
});

describe("release", () => {
  it("is possible while the service runs on with its other roles", () => {
    const beside = { ...HELD, roles: [...HELD.roles, vmRole("other", 1)] };
    const story = storyOf(beside).settled();
    expect(story.state).toBe("RUNNING");
    expect(story.roles).toEqual({ front: "HOLD", worker: "PENDING", other: "RUNNING" });
    expect(story.commands({ kind: "release" }).settled().roles).toEqual({
      front: "RUNNING",
      worker: "RUNNING",
      other: "RUNNING",
    });
  });

  it("a release that the cloud refuses is a failed deployment, which recover tries again", () => {
    const story = storyOf(HELD).settled().commands({ kind: "release" });
    expect(story.asked).toEqual(["act_on_vm 0 release"]);
    const failed = story.answered(/release/);
    expect(failed.state).toBe("FAILED_DEPLOYING");
    expect(failed.commands({ kind: "recover" }).asked).toEqual(["act_on_vm 0 release"]);
  });

  it("a VM released by hand is not told again", () => {
    const story = storyOf(HELD).settled().vm(0, "starting").vm(0, "running");
    expect(story.roles).toEqual({ front: "RUNNING", worker: "DEPLOYING" });
  });
});

describe("roles added and removed", () => {
  it("a removed parent leaves its children running, and the last role ends the service", () => {
    const without = running().commands({ kind: "remove_role", role: "front" }).settled();
    expect(without.roles).toEqual({ worker: "RUNNING", router: "RUNNING" });
    const one = without.commands({ kind: "remove_role", role: "router" }).settled();
    expect(one.commands({ kind: "remove_role", role: "worker" }).settled().state).toBe("removed");
  });

  it("a removal goes on after a crash", () => {
    const story = running().commands({ kind: "remove_role", role: "worker" }).crashes().settled();
    expect(story.roles).toEqual({ front: "RUNNING", router: "RUNNING" });
  });

  it("an added role waits for its parents like any other", () => {
    const role = { ...vmRole("extra", 1, { parents: ["worker"] }), state: 0 };
    const story = running().commands({ kind: "add_role", role }).settled();
    expect(story.roles).toMatchObject({ extra: "RUNNING" });
  });
});

describe("update", () => {
  it("keeps what the life cycle writes, however old the edited body is", () => {
    const old = running().body;
    const story = running().commands(scale(3)).settled();
    const roles = old.roles.map((role) =>
      role.name === "worker" ? { ...role, max_vms: 9, min_vms: 3 } : role,
    );
    const after = story.commands({ kind: "update", body: { ...old, description: "new", roles } });
    expect(after.body).toMatchObject({ description: "new", state: 2, log: story.body.log ?? [] });
    expect(after.body.roles[1]).toMatchObject({ max_vms: 9, min_vms: 3, cardinality: 3, last_vmname: 3 });
    expect(nodesOf(after, "worker")).toEqual(nodesOf(story, "worker"));
  });

  it("the auto-scaler's notes reach only policies that are still the same", () => {
    const note = (expression: string): ServiceCommand => {
      const noted = { ...POLICY, expression, last_eval: 5, true_evals: 2 };
      return { kind: "note_policies", roles: new Map([["worker", { elasticity_policies: [noted] }]]) };
    };
    const story = running();
    const noted = story.commands(note("CPU > 50"));
    expect(noted.body.roles[1]).toMatchObject({ elasticity_policies: [{ last_eval: 5, true_evals: 2 }] });
    expect(noted.commands(note("CPU > 50")).body).toBe(noted.body);
    expect(story.commands(note("CPU > 60")).body).toBe(story.body);
  });
});

describe("a scaling that policies ask for", () => {
  const noted = {
    ...POLICY,
    last_eval: 9,
    true_evals: 3,
    missing_evals: 1,
    expression_evaluated: "CPU[60.0] > 50",
  };
  const byPolicies = { elasticity_policies: [noted] };

  it("is one step with what they noted, and counting begins anew", () => {
    const before = running();
    const story = before.commands(scale(3, { byPolicies, cooldown: 7 }));
    expect(story.state).toBe("SCALING");
    expect(story.body.roles[1]).toMatchObject({ cardinality: 3 });
    const worker = story.body.roles[1];
    expect(worker?.type === "vm" && worker.elasticity_policies).toEqual([
      { ...POLICY, last_eval: 9, expression_evaluated: "CPU[60.0] > 50" },
    ]);
  });

  it("that is refused notes nothing", () => {
    const story = running();
    expect(() => story.obeys(scale(5, { byPolicies }))).toThrow("Maximum cardinality is 4");
    expect(() => story.obeys(scale(0, { byPolicies }))).toThrow("Minimum cardinality is 1");
    expect(() => story.obeys(scale(2, { byPolicies }))).toThrow("already at 2");
    expect(story.body.roles[1]).toMatchObject({ elasticity_policies: [POLICY] });
  });

  it("goes by the direction of its limits: what was forced above one shrinks above it, and grows no further", () => {
    const forced = running()
      .commands(scale(7, { force: true }))
      .settled();
    expect(() => forced.obeys(scale(6))).toThrow("Maximum cardinality is 4");
    expect(() => forced.obeys(scale(8, { byPolicies }))).toThrow("Maximum cardinality is 4");
    expect(forced.commands(scale(6, { byPolicies })).body.roles[1]).toMatchObject({ cardinality: 6 });
  });

  it("counters are nobody's to edit: a policy that stays keeps them, a new one has none", () => {
    const story = running().commands({ kind: "note_policies", roles: new Map([["worker", byPolicies]]) });
    const other = { ...noted, expression: "CPU > 60" };
    const edit = (policies: readonly ElasticityPolicy[]) => {
      const roles = story.body.roles.map((role) =>
        role.name === "worker" ? { ...role, elasticity_policies: policies } : role,
      );
      const worker = story.commands({ kind: "update", body: { ...story.body, roles } }).body.roles[1];
      return worker?.type === "vm" ? worker.elasticity_policies : undefined;
    };
    expect(edit([{ ...POLICY, true_evals: 99, cooldown: 3 }, other])).toEqual([
      { ...noted, cooldown: 3 },
      { ...POLICY, expression: "CPU > 60" },
    ]);
  });
});

describe("virtual router roles", () => {
  it("are made, filled, and removed with their VMs", () => {
    const story = storyOf({ ...SERVICE, roles: SERVICE.roles.slice(2) });
    expect(story.asked).toEqual(["make_router router"]);
    const filled = story.answered();
    expect(filled.body.roles[0]).toMatchObject({ vrouter_id: 0, vrouter_ips: [], last_vmname: 0 });
    expect(filled.settled().state).toBe("RUNNING");
    const ending = filled.settled().commands({ kind: "undeploy" });
    expect(ending.asked).toEqual(["remove_router router 0"]);
    expect(ending.settled().state).toBe("removed");
  });

  it("a router that the cloud refuses, or refuses to fill, is a failed deployment", () => {
    const story = storyOf({ ...SERVICE, roles: SERVICE.roles.slice(2) });
    for (const refused of [/make_router/, /fill_router/]) {
      const failed = story.answered(refused);
      expect(failed.messages).toContain("Role router : Instantiate failed for template 2; refused");
      expect(failed.commands({ kind: "recover" }).settled().state).toBe("RUNNING");
    }
  });
});
