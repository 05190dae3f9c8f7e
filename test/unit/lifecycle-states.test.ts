import { describe, expect, it } from "vitest";
import type { ServiceTemplateBody } from "../../gateway/oneflow/model.ts";
import { vmRole } from "../support/explored-services.ts";
import { type Story, storyOf } from "../support/service-story.ts";

const PAIR: ServiceTemplateBody = {
  name: "pair",
  deployment: "straight",
  roles: [vmRole("front", 1), vmRole("worker", 2, { parents: ["front"], min_vms: 1, max_vms: 4 })],
};
const OWN_NETWORK: ServiceTemplateBody = {
  name: "net",
  deployment: "none",
  networks: { Private: "M|network|||" },
  networks_values: [{ Private: { template_id: 1 } }],
  roles: [vmRole("worker", 1, { template_contents: { NIC: [{ NETWORK_ID: "$Private" }] } })],
};
const HELD: ServiceTemplateBody = { ...PAIR, on_hold: true };

const pair = () => storyOf(PAIR);
const running = () => pair().settled();
const scaleTo = (story: Story, cardinality: number) =>
  story.commands({ kind: "scale", role: "worker", cardinality, force: false });
const growing = () => scaleTo(running(), 3);
const shrinking = () => scaleTo(running(), 1);

/** The seeds' tables of states and spec oneflow-lifecycle.md 2, row by row: how a service comes into a state, and what it is like. */
const ROWS: readonly [string, () => Story, string, { readonly [role: string]: string }][] = [
  ["a new service starts its first roles", pair, "DEPLOYING", { front: "DEPLOYING", worker: "PENDING" }],
  [
    "a role whose parents run starts",
    () => pair().answered().vm(0, "running"),
    "DEPLOYING",
    { front: "RUNNING", worker: "DEPLOYING" },
  ],
  [
    "the last role RUNNING makes the service RUNNING",
    running,
    "RUNNING",
    { front: "RUNNING", worker: "RUNNING" },
  ],
  ["networks are made first", () => storyOf(OWN_NETWORK), "DEPLOYING_NETS", { worker: "PENDING" }],
  [
    "networks that are there lead on",
    () => storyOf(OWN_NETWORK).answered(),
    "DEPLOYING",
    { worker: "DEPLOYING" },
  ],
  [
    "a network refused",
    () => storyOf(OWN_NETWORK).answered(/make_network/),
    "FAILED_DEPLOYING_NETS",
    { worker: "PENDING" },
  ],
  ["a network late", () => storyOf(OWN_NETWORK).waits(), "FAILED_DEPLOYING_NETS", { worker: "PENDING" }],
  [
    "a VM refused",
    () => pair().answered(/make_vm/),
    "FAILED_DEPLOYING",
    { front: "FAILED_DEPLOYING", worker: "PENDING" },
  ],
  [
    "a VM failed while deploying",
    () => pair().answered().vm(0, "failed"),
    "FAILED_DEPLOYING",
    { front: "FAILED_DEPLOYING", worker: "PENDING" },
  ],
  [
    "a VM ended while deploying",
    () => pair().answered().vm(0, "done"),
    "FAILED_DEPLOYING",
    { front: "FAILED_DEPLOYING", worker: "PENDING" },
  ],
  [
    "a deployment too late",
    () => pair().answered().waits(),
    "FAILED_DEPLOYING",
    { front: "FAILED_DEPLOYING", worker: "PENDING" },
  ],
  [
    "a service on hold holds its first roles",
    () => storyOf(HELD).settled(),
    "HOLD",
    { front: "HOLD", worker: "PENDING" },
  ],
  [
    "release",
    () => storyOf(HELD).settled().commands({ kind: "release" }),
    "DEPLOYING",
    { front: "DEPLOYING", worker: "PENDING" },
  ],
  [
    "a released service goes on to the end",
    () => storyOf(HELD).settled().commands({ kind: "release" }).settled(),
    "RUNNING",
    { front: "RUNNING", worker: "RUNNING" },
  ],
  ["scale", growing, "SCALING", { front: "RUNNING", worker: "SCALING" }],
  [
    "grown to its size",
    () => growing().answered().vm(3, "running"),
    "COOLDOWN",
    { front: "RUNNING", worker: "COOLDOWN" },
  ],
  [
    "shrunk to its size",
    () => shrinking().answered().vm(1, "done"),
    "COOLDOWN",
    { front: "RUNNING", worker: "COOLDOWN" },
  ],
  [
    "cooldown over",
    () => growing().answered().vm(3, "running").waits(),
    "RUNNING",
    { front: "RUNNING", worker: "RUNNING" },
  ],
  [
    "a new VM refused",
    () => growing().answered(/make_vm/),
    "FAILED_SCALING",
    { front: "RUNNING", worker: "FAILED_SCALING" },
  ],
  [
    "a new VM failed",
    () => growing().answered().vm(3, "failed"),
    "FAILED_SCALING",
    { front: "RUNNING", worker: "FAILED_SCALING" },
  ],
  [
    "a new VM ended",
    () => growing().answered().vm(3, "done"),
    "FAILED_SCALING",
    { front: "RUNNING", worker: "FAILED_SCALING" },
  ],
  [
    "a growth too late",
    () => growing().answered().waits(),
    "FAILED_SCALING",
    { front: "RUNNING", worker: "FAILED_SCALING" },
  ],
  [
    "a VM that will not go",
    () => shrinking().answered(/act_on_vm/),
    "FAILED_SCALING",
    { front: "RUNNING", worker: "FAILED_SCALING" },
  ],
  [
    "a VM powered off",
    () => running().vm(1, "powered_off"),
    "WARNING",
    { front: "RUNNING", worker: "WARNING" },
  ],
  ["a VM unknown", () => running().vm(1, "unknown"), "WARNING", { front: "RUNNING", worker: "WARNING" }],
  ["a VM failed", () => running().vm(1, "failed"), "WARNING", { front: "RUNNING", worker: "WARNING" }],
  [
    "a VM suspended is healthy",
    () => running().vm(1, "resting"),
    "RUNNING",
    { front: "RUNNING", worker: "RUNNING" },
  ],
  [
    "the VM is back",
    () => running().vm(1, "unknown").vm(1, "running"),
    "RUNNING",
    { front: "RUNNING", worker: "RUNNING" },
  ],
  [
    "a role added",
    () => running().commands({ kind: "add_role", role: { ...vmRole("extra", 1), state: 0 } }),
    "DEPLOYING",
    { front: "RUNNING", worker: "RUNNING", extra: "DEPLOYING" },
  ],
  [
    "a role removed",
    () => running().commands({ kind: "remove_role", role: "front" }),
    "UNDEPLOYING",
    { front: "UNDEPLOYING", worker: "RUNNING" },
  ],
  [
    "the removed role gone",
    () => running().commands({ kind: "remove_role", role: "front" }).settled(),
    "RUNNING",
    { worker: "RUNNING" },
  ],
  [
    "undeploy ends the children first",
    () => running().commands({ kind: "undeploy" }),
    "UNDEPLOYING",
    { front: "RUNNING", worker: "UNDEPLOYING" },
  ],
  [
    "then the parents",
    () => running().commands({ kind: "undeploy" }).answered().vm(1, "done").vm(2, "done"),
    "UNDEPLOYING",
    { front: "UNDEPLOYING", worker: "DONE" },
  ],
  [
    "all gone",
    () => running().commands({ kind: "undeploy" }).settled(),
    "removed",
    { front: "DONE", worker: "DONE" },
  ],
  [
    "a VM that will not end",
    () =>
      running()
        .commands({ kind: "undeploy" })
        .answered(/act_on_vm/),
    "FAILED_UNDEPLOYING",
    { front: "RUNNING", worker: "FAILED_UNDEPLOYING" },
  ],
  [
    "an end too late",
    () => running().commands({ kind: "undeploy" }).answered().waits(),
    "FAILED_UNDEPLOYING",
    { front: "RUNNING", worker: "FAILED_UNDEPLOYING" },
  ],
  [
    "own networks go after the VMs",
    () => storyOf(OWN_NETWORK).settled().commands({ kind: "undeploy" }).answered().vm(1, "done"),
    "UNDEPLOYING_NETS",
    { worker: "DONE" },
  ],
  [
    "a network that will not go",
    () =>
      storyOf(OWN_NETWORK)
        .settled()
        .commands({ kind: "undeploy" })
        .answered()
        .vm(1, "done")
        .answered(/remove_network/),
    "FAILED_UNDEPLOYING_NETS",
    { worker: "DONE" },
  ],
  [
    "and then the document",
    () => storyOf(OWN_NETWORK).settled().commands({ kind: "undeploy" }).settled(),
    "removed",
    { worker: "DONE" },
  ],
];

describe("a service's states", () => {
  it.each(ROWS)("%s", (_, story, state, roles) => {
    const { state: actual, roles: actualRoles } = story();
    expect({ state: actual, roles: actualRoles }).toEqual({ state, roles });
  });

  it("every state says so once in the log, first DEPLOYING_NETS", () => {
    expect(running().messages).toEqual(
      ["DEPLOYING_NETS", "DEPLOYING", "RUNNING"].map((name) => `New state: ${name}`),
    );
    expect(storyOf(HELD).settled().messages).toEqual(["New state: DEPLOYING_NETS", "New state: HOLD"]);
  });

  it("a role's states go to the log file alone", () => {
    const { world } = pair();
    expect(world.flow.body.log?.some(({ message }) => message.startsWith("Role"))).toBe(false);
  });

  it("the log keeps its last fifty entries", () => {
    let story = running();
    for (let times = 0; times < 30; times += 1) story = story.vm(1, "unknown").vm(1, "running");
    expect(story.messages).toHaveLength(50);
    expect(story.messages.at(-1)).toBe("New state: RUNNING");
  });

  it("a failure tells its reason in the log, once", () => {
    expect(pair().answered(/make_vm/).messages).toContain(
      "Role front : Instantiate failed for template 1; refused",
    );
    expect(pair().answered().waits().messages).toContain(
      "VM 0 of role front is STARTING after 100 s: recover or delete the service.",
    );
    const stuck = running()
      .commands({ kind: "undeploy" })
      .answered(/act_on_vm/).messages;
    expect(stuck).toContain("Role worker : Terminate failed for VM 1, will perform a Delete; refused");
    expect(stuck).toContain("Role worker : Delete failed for VM 1; refused");
  });

  it("at rest nothing is remembered and no timer runs", () => {
    for (const story of [running(), growing().settled(), shrinking().settled()]) {
      expect(story.world.flow.progress).toEqual({});
      expect(story.world.wakeAt).toBeUndefined();
    }
  });

  it("NICs get the ids of the networks that they name, and networks given by id are left alone", () => {
    const made = storyOf(OWN_NETWORK).answered();
    expect(made.body.roles[0]?.template_contents).toEqual({ NIC: [{ NETWORK_ID: "0" }] });
    expect(made.body.networks_values).toEqual([{ Private: { template_id: 1, id: 0 } }]);
    const given = storyOf({ ...OWN_NETWORK, networks_values: [{ Private: { id: "4" } }] });
    expect(given.asked).toEqual(["make_vm worker 0 false"]);
    expect(given.body.roles[0]?.template_contents).toEqual({ NIC: [{ NETWORK_ID: "4" }] });
    expect(given.settled().commands({ kind: "undeploy" }).settled().state).toBe("removed");
  });

  it("roles that wait for each other fail, rather than wait for ever", () => {
    const roles = [vmRole("a", 1, { parents: ["b"] }), vmRole("b", 1, { parents: ["a"] })];
    const story = storyOf({ name: "ring", deployment: "straight", roles });
    expect(story.state).toBe("FAILED_DEPLOYING");
    expect(story.commands({ kind: "recover" }).state).toBe("FAILED_DEPLOYING");
    expect(story.commands({ kind: "recover_delete" }).settled().state).toBe("removed");
  });

  it("a VM that ends by hand takes its place along, and the last one the service, where that is wished", () => {
    const one = running().vm(1, "done");
    expect(one.state).toBe("RUNNING");
    expect(one.body.roles[1]).toMatchObject({ cardinality: 1, nodes: [{ deploy_id: 2 }] });
    const template = { ...PAIR, automatic_deletion: true };
    const ended = storyOf(template).settled().vm(0, "done").vm(1, "done").vm(2, "done");
    expect(ended.settled().state).toBe("removed");
  });
});
